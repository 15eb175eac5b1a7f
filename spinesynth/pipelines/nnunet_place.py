"""Where a data set of nnU-Net goes: whole or not at all, and one for each number."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spinesynth.errors import ConfigError


def refuse_taken(place: Path) -> None:
    """Raise if a data set cannot go to a folder.

    Args:
        place: ``Dataset<number>_<name>``; it may be there if it is empty.

    Raises:
        ConfigError: if a file is in its place, it holds something, or a data set of
            another name has the number: nnU-Net finds data sets by their numbers.
    """
    blocking = next((p for p in (place, *place.parents) if p.exists() and not p.is_dir()), None)
    if blocking is not None:
        raise _refuse(f"{blocking} is a file, not a folder; remove it, or choose another --out")
    if place.is_dir() and any(place.iterdir()):
        raise _refuse(
            f"{place} already holds a data set; remove it, or choose another --id or --out"
        )
    number = place.name.split("_", 1)[0]
    others = sorted(path.name for path in place.parent.glob(f"{number}_*") if path != place)
    if others:
        raise _refuse(
            f"{place.parent} already holds {others[0]}, and nnU-Net tells data sets by their "
            "numbers; choose another --id or --out"
        )


@contextmanager
def unfinished(place: Path) -> Iterator[Path]:
    """Give a hidden folder to write a data set into, and put it in its place at the end.

    What a killed export left in it is removed first; after an error it is removed too.
    Whoever calls holds the folder around it.

    Args:
        place: where the data set goes.
    """
    folder = place.parent / f".{place.name}.unfinished"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
        if place.is_dir():  # empty; not every system renames onto it
            place.rmdir()
        folder.rename(place)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _refuse(problem: str) -> ConfigError:
    return ConfigError(problem, code="E-RUN-002")
