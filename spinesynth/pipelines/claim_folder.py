"""A folder that can be continued: what makes it is written down, another making is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spinesynth import __version__
from spinesynth.errors import ConfigError
from spinesynth.few import name_few
from spinesynth.pipelines.run_record import describe_run, write_json

_NAMED = 3  # files that a refusal names


def claim_folder(record: Path, *, mode: str, settings: Mapping[str, Any]) -> None:
    """Make a folder, or check that the same settings made what it holds.

    Args:
        record: JSON file in the folder that tells what makes it.
        mode: what the label maps come from, as of
            :func:`spinesynth.pipelines.run_record.training_mode`.
        settings: plain JSON types; the version of the package is added.

    Raises:
        ConfigError: if the folder holds data of other settings, or of no known ones.
    """
    folder = record.parent
    wanted = json.loads(json.dumps({**settings, "spinesynth": __version__}))
    if not record.exists():
        # hidden files are partial ones, which the next writing of the same name replaces
        there = sorted(p.name for p in folder.glob("*") if not p.name.startswith("."))
        if there:
            named = name_few(there, limit=_NAMED)
            raise _refusal(folder, f"already holds {named}, but no {record.name}")
        folder.mkdir(parents=True, exist_ok=True)
        write_record(record, mode=mode, settings=settings)
        return
    known = _read_settings(record)
    differing = [
        f"{name} is {known.get(name)}, not {wanted.get(name)}"
        for name in sorted(known.keys() | wanted.keys())
        if known.get(name) != wanted.get(name)
    ]
    if differing:
        raise _refusal(folder, f"was made with other settings: {', '.join(differing)}")


def write_record(record: Path, *, mode: str, settings: Mapping[str, Any]) -> None:
    """Write down what makes a folder: mode, settings, versions, machine."""
    described = {**settings, "spinesynth": __version__}
    write_json(record, {**describe_run(), "mode": mode, "settings": described})


def _read_settings(record: Path) -> dict[str, Any]:
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
        settings = content["settings"]
    except (ValueError, KeyError, TypeError):
        raise _refusal(record.parent, f"holds a damaged {record.name}") from None
    return dict(settings)


def _refusal(folder: Path, problem: str) -> ConfigError:
    return ConfigError(
        f"{folder} {problem}; choose another --out, or give the settings that made it",
        code="E-RUN-002",
    )
