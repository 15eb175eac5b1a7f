"""Read a folder in the layout of the SPIDER data set.

``images/`` and ``masks/`` (or ``images/images/`` and ``masks/masks/``, as the
archives unpack) hold ``<patient>_t1.mha``, ``<patient>_t2.mha`` and
``<patient>_t2_SPACE.mha`` under the same names. The patient is the number, so
that T1 and T2 of one patient are never parted. An overview table beside them
may propose a subset per series.

Source: van der Graaf et al., Sci Data 11:264 (2024), Zenodo 10159290.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path

from spinesynth.io.case import Case
from spinesynth.io.case_scan import CaseScan
from spinesynth.io.problems import InputFileError
from spinesynth.io.spider_tables import find_overview, read_subsets
from spinesynth.io.splits import find_split_patients

_LOG = logging.getLogger(__name__)

_STEM = re.compile(r"(\d+)_(t1|t2|t2_SPACE)", re.IGNORECASE)
_SUFFIXES = (".mha", ".nii.gz", ".nii")
_CONTRASTS = {"t1": "T1", "t2": "T2", "t2_space": "T2_SPACE"}

#: What SPIDER's masks hold: whole vertebrae, discs and the canal, no sacrum.
_ANNOTATED = frozenset({"vertebra", "disc", "canal"})

_Series = tuple[int, str]


def read_spider(root: Path | str, include_space: bool = True) -> list[Case]:
    """List the cases of a SPIDER folder without opening any image.

    Args:
        root: folder that holds ``images`` and ``masks``.
        include_space: whether T2 SPACE series are wanted too; their contrast is
            ``T2_SPACE``, never ``T2``.

    Returns:
        Cases by patient number and contrast.

    Raises:
        InputFileError: if a folder is missing or empty, an image has no mask
            (or the reverse), a series stands twice, or the overview puts one
            patient in two subsets.
    """
    return scan_spider(root, include_space=include_space).cases_or_raise()


def scan_spider(root: Path | str, *, include_space: bool = True) -> CaseScan:
    """List the cases of a SPIDER folder, collecting what is wrong with them.

    Raises:
        InputFileError: if a folder is missing or holds no series at all.
    """
    root = Path(root)
    scan = CaseScan()
    images = _series_files(_folder(root, "images"), scan)
    masks = _series_files(_folder(root, "masks"), scan)
    overview = find_overview(root)
    subsets = read_subsets(overview) if overview else {}
    for series in sorted(images.keys() | masks.keys()):
        if series[1] == "t2_space" and not include_space:
            continue
        image, mask = images.get(series), masks.get(series)
        if image is None or mask is None:
            scan.problems.append(_unpaired(root, image, mask))
        else:
            scan.cases.append(_case(series, image, mask, subsets))
    scan.problems += find_split_patients(overview or root, scan.cases)
    return scan


def holds_images_or_masks(root: Path) -> bool:
    """Say whether a folder looks like SPIDER's, be it incomplete."""
    return any(_subfolder(root, name) is not None for name in ("images", "masks"))


def _case(series: _Series, image: Path, mask: Path, subsets: Mapping[str, str]) -> Case:
    patient, contrast = series
    stem = f"{patient}_{contrast}"
    return Case(
        case_id=stem.replace("_space", "_SPACE"),
        patient_id=str(patient),
        source="spider",
        contrast=_CONTRASTS[contrast],
        annotated=_ANNOTATED,
        scheme="spider",
        image=image,
        label=mask,
        subset=subsets.get(stem, ""),
        resamples_label=True,
    )


def _subfolder(parent: Path, name: str) -> Path | None:
    """Return the folder of a name, whatever its upper and lower case."""
    if not parent.is_dir():
        return None
    found = (entry for entry in sorted(parent.iterdir()) if entry.name.lower() == name)
    return next((entry for entry in found if entry.is_dir()), None)


def _folder(root: Path, name: str) -> Path:
    """Return the folder of images or masks, one level deeper if nested twice."""
    outer = _subfolder(root, name)
    if outer is None:
        raise InputFileError(
            root / name,
            "no such folder",
            remedy=f"unpack SPIDER's {name}.zip there ({name}/ or {name}/{name}/)",
            code="E-IN-001",
        )
    return _subfolder(outer, name) or outer


def _series_files(folder: Path, scan: CaseScan) -> dict[_Series, Path]:
    """Return the file of every series in a folder."""
    files: dict[_Series, Path] = {}
    for path in sorted(folder.iterdir()):
        suffix = next((end for end in _SUFFIXES if path.name.lower().endswith(end)), None)
        if suffix is None or path.name.startswith("."):
            continue
        match = _STEM.fullmatch(path.name[: -len(suffix)])
        if match is None:
            _LOG.warning("%s: ignored, its name is not <patient>_<t1|t2|t2_SPACE>", path)
            continue
        series = int(match[1]), match[2].lower()
        if series in files:
            scan.problems.append(
                InputFileError(
                    path,
                    f"the same series as {files[series].name}",
                    remedy="keep one file per series",
                    code="E-CASE-004",
                )
            )
        files.setdefault(series, path)
    if not files:
        raise InputFileError(
            folder,
            "no series found",
            remedy="it must hold files such as 1_t1.mha, 1_t2.mha, 1_t2_SPACE.mha",
            code="E-IN-001",
        )
    return files


def _unpaired(root: Path, image: Path | None, mask: Path | None) -> InputFileError:
    there = image or mask or root
    missing = "mask" if mask is None else "image"
    return InputFileError(
        there,
        f"has no {missing} of the same name",
        remedy=f"unpack all of {missing}s.zip, or list label maps alone in a manifest",
        code="E-CASE-002",
    )
