"""The libraries that are compared, by name."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.synthesis_peers import cornucopia, ours, torchio1, torchio2
from benchmarks.synthesis_peers.work import Maker, Work

OURS = "spinesynth"
TORCHIO2 = "torchio2"


@dataclass(frozen=True)
class Library:
    """One library: how it makes a work, and what it computes."""

    name: str
    package: str
    build: Callable[[Work], Maker]
    note: str
    works: tuple[str, ...] = ("volume", "patch", "slice")

    def installed(self) -> bool:
        """Return whether the package can be imported here."""
        return importlib.util.find_spec(self.package) is not None

    def version(self, folder: Path | None = None) -> str:
        """Return the version of the package, in a folder or where it is imported from."""
        if folder is None:
            return importlib.metadata.version(self.package)
        (found,) = importlib.metadata.distributions(name=self.package, path=[str(folder)])
        return found.version


LIBRARIES: dict[str, Library] = {
    library.name: library
    for library in (
        Library(OURS, "spinesynth", ours.build_ours, ours.NOTE),
        Library("spinesynth full", "spinesynth", ours.build_full, ours.FULL_NOTE),
        Library("torchio", "torchio", torchio1.build_torchio, torchio1.NOTE),
        Library(
            "torchio cut first",
            "torchio",
            torchio1.build_torchio_cut_first,
            torchio1.CUT_NOTE,
            works=("patch",),
        ),
        Library(TORCHIO2, "torchio", torchio2.build_torchio2, torchio2.NOTE),
        Library("cornucopia", "cornucopia", cornucopia.build_cornucopia, cornucopia.NOTE),
    )
}

#: Peers that cannot be installed from a package index, and why they are left out.
NOT_MEASURED = {"fetalsyngen": "not on PyPI"}
