"""Place the slices of a DICOM series: sorted by position, evenly spaced, not tilted.

Slices are ordered by their positions projected on the normal of their plane; numbers such
as InstanceNumber say nothing reliable and are not looked at.

Source: DICOM PS3.3, C.7.6.2 (Image Plane): position of the first voxel's centre and
directions of rows and columns, in LPS mm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from spinesynth.io.problems import InputFileError
from spinesynth.io.raw_volume import MAX_SHEAR, Affine

Vector = npt.NDArray[np.float64]

#: Fraction of the median spacing by which a gap may deviate.
_SPACING_TOLERANCE = 0.01
#: Rounding of positions that are written with two decimals.
_ROUNDING_MM = 0.01
#: Distance from a whole number of spacings below which slices are missing, not irregular.
_WHOLE_TOLERANCE = 0.1
#: How far a direction may be from length 1, and two of them from a right angle.
_DIRECTION_TOLERANCE = 1e-3

_REMEDY_UNEVEN = "copy or export the whole series again (or allow uneven spacing knowingly)"

#: DICOM's world is LPS, ours is RAS.
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Plane:
    """Place one slice in the scanner.

    Args:
        name: file, and frame if there are several, for messages.
        position_mm: (3,) LPS centre of the first voxel.
        row: (3,) unit vector along a row, in which the column index rises.
        column: (3,) unit vector along a column, in which the row index rises.
        spacing_mm: distance of rows, distance of columns.
    """

    name: str
    position_mm: Vector
    row: Vector
    column: Vector
    spacing_mm: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Stack:
    """Tell the order of slices and where their voxels are.

    Args:
        order: indices of the planes, along the normal.
        affine: 4x4 RAS, index (column, row, slice) to world mm.
        notes: what was accepted although it is not as it should be.
    """

    order: tuple[int, ...]
    affine: Affine
    notes: tuple[str, ...] = ()


def stack_planes(
    path: Path,
    planes: Sequence[Plane],
    *,
    thickness_mm: float | None = None,
    allow_nonuniform: bool = False,
) -> Stack:
    """Order parallel slices and return their common grid.

    Args:
        path: of the series, for messages.
        planes: of one size and spacing, parallel.
        thickness_mm: spacing to use for a single slice.
        allow_nonuniform: whether uneven spacing is noted instead of refused; the grid then
            has the mean spacing.

    Returns:
        Order and affine.

    Raises:
        InputFileError: for a duplicate or missing slice, uneven spacing, or a tilted stack.

    Example:
        >>> def at(z):
        ...     x, y = np.eye(3)[:2]
        ...     return Plane(f"{z}", np.array([0.0, 0.0, z]), x, y, (1.0, 1.0))
        >>> stack_planes(Path("series"), [at(8.0), at(0.0), at(4.0)]).order
        (1, 2, 0)
    """
    first = planes[0]
    _check_directions(path, first)
    normal = np.cross(first.row, first.column)
    places = np.array([plane.position_mm @ normal for plane in planes])
    order = np.argsort(places, kind="stable")
    notes: tuple[str, ...] = ()
    if len(planes) == 1:
        step = normal * (thickness_mm or 1.0)
    else:
        _check_duplicates(path, planes, places, order)
        positions_mm = np.array([planes[index].position_mm for index in order])
        step = (positions_mm[-1] - positions_mm[0]) / (len(planes) - 1)
        _check_tilt(path, step, normal)
        uneven = _check_even(path, places[order], positions_mm, step)
        if uneven and not allow_nonuniform:
            raise uneven
        notes = (f"{uneven.problem}: accepted as asked",) if uneven else ()
    start = planes[int(order[0])]
    return Stack(tuple(int(index) for index in order), _affine(start, step), notes)


def _affine(start: Plane, step: Vector) -> Affine:
    """Return the RAS affine of (column, row, slice) indices."""
    lps = np.eye(4)
    lps[:3, 0] = start.row * start.spacing_mm[1]
    lps[:3, 1] = start.column * start.spacing_mm[0]
    lps[:3, 2] = step
    lps[:3, 3] = start.position_mm
    ras: Affine = _LPS_TO_RAS @ lps
    return ras


def _check_directions(path: Path, plane: Plane) -> None:
    lengths = [float(np.linalg.norm(plane.row)), float(np.linalg.norm(plane.column))]
    cosine = abs(float(plane.row @ plane.column))
    if max(cosine, *(abs(length - 1) for length in lengths)) > _DIRECTION_TOLERANCE:
        raise InputFileError(
            path,
            f"ImageOrientationPatient of {plane.name} must be two unit vectors at a right angle, "
            f"got lengths {lengths[0]:.4f} and {lengths[1]:.4f}, cosine {cosine:.4f}",
            remedy="export the series again",
            code="E-DCM-011",
        )


def _check_duplicates(
    path: Path, planes: Sequence[Plane], places: Vector, order: npt.NDArray[np.intp]
) -> None:
    for first, second in pairwise(order):
        if places[second] - places[first] < _ROUNDING_MM:
            raise InputFileError(
                path,
                f"{planes[first].name} and {planes[second].name} lie at one place "
                f"({places[first]:.2f} mm along the normal)",
                remedy="give one volume: a copy, another echo, time point or coil must be "
                "taken out",
                code="E-DCM-013",
            )


def _check_tilt(path: Path, step: Vector, normal: Vector) -> None:
    """Refuse slices that are shifted against each other within their plane."""
    along = float(step @ normal)
    aside = float(np.linalg.norm(step - along * normal))
    if aside > MAX_SHEAR * abs(along):
        degrees = float(np.degrees(np.arctan2(aside, abs(along))))
        raise InputFileError(
            path,
            f"the stack of slices is tilted by {degrees:.2f} degrees against their normal "
            f"(gantry tilt or shear)",
            remedy="resample the series onto an orthogonal grid",
            code="E-DCM-016",
        )


def _check_even(
    path: Path, places_mm: Vector, positions_mm: Vector, step: Vector
) -> InputFileError | None:
    """Return the error for slices that are missing or unevenly spaced, if there is one."""
    gaps_mm = np.diff(places_mm)
    usual_mm = float(np.median(gaps_mm))
    bad = np.abs(gaps_mm - usual_mm) > _SPACING_TOLERANCE * usual_mm + _ROUNDING_MM
    counts = np.rint(gaps_mm / usual_mm)
    missing = bad & (np.abs(gaps_mm / usual_mm - counts) < _WHOLE_TOLERANCE) & (counts >= 2)
    if missing.any():
        lost = int((counts[missing] - 1).sum())
        gap = int(np.flatnonzero(missing)[0])
        words = f"{lost} {'slice is' if lost == 1 else 'slices are'} missing, the first "
        return _uneven(path, gap, gaps_mm[gap], usual_mm, words=words, code="E-DCM-014")
    if bad.any():
        gap = int(np.argmax(np.abs(gaps_mm - usual_mm)))
        words = "slices are unevenly spaced, most of all "
        return _uneven(path, gap, gaps_mm[gap], usual_mm, words=words, code="E-DCM-015")
    ideal_mm = positions_mm[0] + np.arange(len(positions_mm))[:, None] * step
    off_mm = np.linalg.norm(positions_mm - ideal_mm, axis=1)
    worst = int(off_mm.argmax())
    if off_mm[worst] > _WHOLE_TOLERANCE * usual_mm + _ROUNDING_MM:
        return InputFileError(
            path,
            f"slice {worst} (from 0 along the normal) lies {off_mm[worst]:.3f} mm off an even "
            f"row of slices",
            remedy=_REMEDY_UNEVEN,
            code="E-DCM-015",
        )
    return None


def _uneven(
    path: Path, gap: int, gap_mm: float, usual_mm: float, *, words: str, code: str
) -> InputFileError:
    return InputFileError(
        path,
        f"{words}between slices {gap} and {gap + 1} (from 0 along the normal): "
        f"{gap_mm:.3f} mm apart, {usual_mm:.3f} mm elsewhere",
        remedy=_REMEDY_UNEVEN,
        code=code,
    )
