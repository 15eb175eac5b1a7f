"""A volume as its file stores it, and the checks that hold for every format."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spinesynth.io.problems import InputFileError

Array = npt.NDArray[Any]
Affine = npt.NDArray[np.float64]

#: Largest decoded volume, counted as 8 bytes per voxel.
MAX_DECODED_BYTES = 2**30

#: Voxel spacing outside of which the unit must be wrong.
MIN_SPACING_MM = 0.05
MAX_SPACING_MM = 20.0

#: Origin beyond which an affine must be damaged: no scanner is 100 m long.
MAX_ORIGIN_MM = 1e5

#: Largest cosine between two axes of an affine that counts as orthogonal.
MAX_SHEAR = 1e-3

#: Largest value after the header's intensity scaling.
MAX_ABS_VALUE = 1e12

#: What mends a file of another number of dimensions.
_OTHER_DIMENSIONS = {
    2: "spinesynth predict --2d reads it as one sagittal slice, others want a 3D volume",
    4: "spinesynth predict --volume N reads one of its volumes, others want one 3D volume",
}

#: The world of DICOM, MetaImage and most NRRD is LPS, ours is RAS.
LPS_TO_RAS: Affine = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class RawVolume:
    """Hold the voxels in the order of the file.

    Args:
        path: the file.
        voxels: 3D array, first axis fastest in the file.
        affine: 4x4 float64, voxel index to world mm (RAS+).
        series_uid: of the DICOM series it was, else empty.
        notes: what was accepted although it is not as it should be.
        converted: what was made of it because somebody asked for it.
    """

    path: Path
    voxels: Array
    affine: Affine
    series_uid: str = ""
    notes: tuple[str, ...] = ()
    converted: tuple[str, ...] = ()


def check_file(path: Path) -> None:
    """Refuse a path that is missing, no regular file, or empty."""
    if not path.exists():
        raise InputFileError(
            path,
            f"no such file{' (a link that leads nowhere)' if path.is_symlink() else ''}",
            remedy="check the path and its spelling",
            code="E-IN-001",
        )
    if not path.is_file():
        raise InputFileError(
            path, "not a regular file", remedy="give the path of an image file", code="E-IN-002"
        )
    if path.stat().st_size == 0:
        raise InputFileError(
            path, "the file is empty", remedy="copy or download it again", code="E-IN-002"
        )


def file_beside(header: Path, name: str) -> Path:
    """Return the file of a header's data, which must lie in the same folder.

    A header that could name any path would make a program read any file.

    Args:
        header: file with the header.
        name: of the file with the data, as the header says.

    Raises:
        InputFileError: if it is more than a plain name, or leads to no regular file.
    """
    plain = name not in ("", ".", "..") and not set(name) & set("/\\:%\0")
    if not plain or name.split()[0].upper() == "LIST":
        raise InputFileError(
            header,
            f"the data must be one file in the same folder, named without a path, got "
            f"'{name[:80]}'",
            remedy="put both files into one folder, or export a single .mha, .nrrd or .nii.gz",
            code="E-FMT-005",
        )
    path = header.parent / name
    check_file(path)
    return path


def check_shape(path: Path, shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return the three dimensions of a volume, refusing any other shape.

    Trailing dimensions of length 1 are dropped, as some writers add them.
    """
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) != 3:
        raise InputFileError(
            path,
            f"the volume must have 3 dimensions, got {len(shape)} {shape}",
            remedy=_OTHER_DIMENSIONS.get(len(shape), "extract one 3D volume"),
            code="E-FMT-005",
        )
    if any(not 0 < size < 2**31 for size in shape):
        raise InputFileError(
            path,
            f"every dimension must be positive, got {shape}",
            remedy="export the file again",
            code="E-FMT-005",
        )
    wanted = math.prod(shape) * 8
    if wanted > MAX_DECODED_BYTES:
        raise InputFileError(
            path,
            f"{shape} voxels need {wanted / 2**30:.1f} GiB, at most "
            f"{MAX_DECODED_BYTES / 2**30:.0f} GiB are read",
            remedy="crop or downsample the volume",
            code="E-FMT-007",
        )
    return shape[0], shape[1], shape[2]


def shear_of(affine: Affine) -> float:
    """Return the largest cosine between two axes of an affine.

    Example:
        >>> shear_of(np.diag([4.0, 1.0, 1.0, 1.0]))
        0.0
    """
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return float(np.abs(axes.T @ axes - np.eye(3)).max())


def check_affine(path: Path, affine: Affine, *, sheared: bool = False) -> None:
    """Refuse an affine that cannot place a scan: see the E-GEOM codes.

    Args:
        path: of the scan.
        affine: 4x4, voxel index to world mm.
        sheared: whether axes need not be orthogonal.

    Raises:
        InputFileError: naming what is wrong.
    """
    if not np.isfinite(affine).all() or np.abs(affine[:3, 3]).max() > MAX_ORIGIN_MM:
        raise InputFileError(
            path,
            f"the affine must be finite with an origin within {MAX_ORIGIN_MM:g} mm, "
            f"got {affine[:3].round(3).tolist()}",
            remedy="repair the header's orientation and origin",
            code="E-GEOM-001",
        )
    spacing_mm = np.linalg.norm(affine[:3, :3], axis=0)
    if (spacing_mm == 0).any():
        _refuse_singular(path, affine)
    axes = affine[:3, :3] / spacing_mm
    if abs(np.linalg.det(axes)) < 1e-6:
        _refuse_singular(path, affine)
    check_spacing(path, spacing_mm)
    shear = shear_of(affine)
    if shear > MAX_SHEAR and not sheared:
        raise InputFileError(
            path,
            f"the axes must be orthogonal (cosine up to {MAX_SHEAR:g}), got {shear:.4f}",
            remedy="resample the volume onto an orthogonal grid, as spinesynth predict --deshear "
            "does",
            code="E-GEOM-006",
        )


def check_spacing(path: Path, spacing_mm: npt.NDArray[np.floating[Any]]) -> None:
    """Refuse a spacing that is not finite, or in a unit other than mm."""
    inside = (spacing_mm >= MIN_SPACING_MM) & (spacing_mm <= MAX_SPACING_MM)
    if not inside.all():
        raise InputFileError(
            path,
            f"voxel spacing must be in [{MIN_SPACING_MM}, {MAX_SPACING_MM}] mm, "
            f"got {[round(float(value), 6) for value in spacing_mm]}",
            remedy="store the spacing in mm (not in metres or micrometres)",
            code="E-GEOM-005",
        )


def _refuse_singular(path: Path, affine: Affine) -> None:
    raise InputFileError(
        path,
        f"the affine must be invertible, got {affine[:3, :3].round(4).tolist()}",
        remedy="repair the header's orientation (sform, qform or TransformMatrix)",
        code="E-GEOM-002",
    )
