"""Where a 2D image lies in the body: headers of one seldom tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from spinesynth.io.raw_volume import MAX_SPACING_MM, MIN_SPACING_MM, Affine, check_spacing

FloatArray = npt.NDArray[np.float64]

#: Of a slice whose header does not tell; nominal, that of most sagittal lumbar protocols.
THICKNESS_MM = 4.0
#: Directions to which columns and rows of a sagittal picture increase, RAS: to the rear, down.
_SHOWN = np.array([[0.0, 0.0], [-1.0, 0.0], [0.0, -1.0]])
_RIGHT = 0


def place_slice(
    path: Path, spacing_mm: FloatArray, placed: Affine | None
) -> tuple[Affine, tuple[str, ...]]:
    """Return the affine of a 2D image as one sagittal slice, and what had to be assumed.

    The header counts where it places the image in a sagittal plane. Elsewhere the image is
    one as it is shown: columns from front to rear, rows from head to feet.

    Args:
        path: the file.
        spacing_mm: of its two axes.
        placed: 4x4 affine of its header, RAS, whose third column may be anything; None if
            it has none.

    Raises:
        InputFileError: if a spacing is absurd.
    """
    check_spacing(path, spacing_mm)
    if placed is None or not _is_sagittal(placed):
        affine = np.eye(4)
        affine[:3, :2] = _SHOWN * spacing_mm
        affine[:3, 2] = (THICKNESS_MM, 0.0, 0.0)
        return affine, (
            "a 2D image, read as one sagittal slice: columns from front to rear, rows from "
            f"head to feet, {THICKNESS_MM:g} mm thick",
        )
    affine = placed.copy()
    thickness_mm = float(np.linalg.norm(affine[:3, 2]))
    normal = np.cross(affine[:3, 0], affine[:3, 1])
    if not MIN_SPACING_MM <= thickness_mm <= MAX_SPACING_MM:  # also if it is not finite
        thickness_mm = THICKNESS_MM
        affine[:3, 2] = normal / np.linalg.norm(normal) * thickness_mm
    return affine, (f"a 2D image, read as one sagittal slice {thickness_mm:g} mm thick",)


def _is_sagittal(placed: Affine) -> bool:
    """Say whether the plane of the first two axes is closer to sagittal than to any other."""
    if not np.isfinite(placed[:3, [0, 1, 3]]).all():
        return False
    normal = np.abs(np.cross(placed[:3, 0], placed[:3, 1]))
    return bool(normal.any()) and int(normal.argmax()) == _RIGHT
