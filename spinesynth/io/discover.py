"""Find the cases behind a path, whatever the layout."""

from __future__ import annotations

from pathlib import Path

from spinesynth.io.case import Case
from spinesynth.io.case_scan import CaseScan
from spinesynth.io.manifest import scan_manifest
from spinesynth.io.problems import InputFileError, unreadable
from spinesynth.io.spider import holds_images_or_masks, scan_spider

#: Name of a manifest that is found inside a folder.
MANIFEST_NAME = "cases.csv"

_REMEDY = (
    f"give a manifest (.csv), a folder with {MANIFEST_NAME}, or SPIDER's folder with images/ "
    f"and masks/"
)


def discover_cases(path: Path | str) -> list[Case]:
    """List the cases of a manifest or of a folder in SPIDER's layout.

    Args:
        path: a ``.csv`` manifest, a folder that holds ``cases.csv``, or a folder
            with ``images`` and ``masks``.

    Returns:
        Cases in a stable order; no image has been opened.

    Raises:
        InputFileError: for the first thing wrong with them.
    """
    return scan_cases(path).cases_or_raise()


def scan_cases(path: Path | str) -> CaseScan:
    """List the cases behind a path, collecting what is wrong with them.

    Raises:
        InputFileError: if the path holds nothing that could be read at all.
    """
    path = Path(path)
    if path.is_dir():
        return _scan_folder(path)
    if path.suffix.lower() == ".csv" and path.exists():
        return scan_manifest(path)
    raise InputFileError(
        path,
        "neither a .csv manifest nor a folder" if path.exists() else "no such file or folder",
        remedy=_REMEDY,
        code="E-IN-003" if path.exists() else "E-IN-001",
    )


def _scan_folder(folder: Path) -> CaseScan:
    manifest = folder / MANIFEST_NAME
    try:
        if manifest.is_file():
            return scan_manifest(manifest)
        if holds_images_or_masks(folder):
            return scan_spider(folder)
    except OSError as error:
        raise unreadable(folder, error) from error
    raise InputFileError(
        folder,
        f"the folder holds neither {MANIFEST_NAME} nor images/ and masks/",
        remedy=_REMEDY,
        code="E-IN-001",
    )
