"""Distances between the surfaces of two masks: measured once, reduced by cheap metrics.

A surface is the set of a mask's voxels with at least one face neighbour outside
the mask, where everything beyond the image is outside. Distances run between
voxel centres. MONAI and SPIDER's baseline use the same definition; the package
surface-distance weights surface elements by area and differs by parts of a voxel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]


class SurfaceDistances(NamedTuple):
    """Hold what every surface metric needs.

    Attributes:
        prediction_to_reference_mm: for each surface voxel of the prediction, the
            distance to the nearest surface voxel of the reference.
        reference_to_prediction_mm: the same, seen from the reference.
    """

    prediction_to_reference_mm: FloatArray
    reference_to_prediction_mm: FloatArray


def crop_to_both(first: BoolArray, second: BoolArray) -> tuple[BoolArray, BoolArray]:
    """Cut two masks of one shape to the smallest box that holds every voxel of both.

    Args:
        first: boolean array of any number of dimensions.
        second: the same shape.

    Returns:
        Views; along each axis without a voxel if both are empty.
    """
    for axis in range(first.ndim):  # each axis makes the work of the next smaller
        others = tuple(other for other in range(first.ndim) if other != axis)
        used = np.flatnonzero(first.any(axis=others) | second.any(axis=others))
        ends = (int(used[0]), int(used[-1]) + 1) if len(used) else (0, 0)
        part = (slice(None),) * axis + (slice(*ends),)
        first, second = first[part], second[part]
    return first, second


def _surface(mask: BoolArray) -> BoolArray:
    """Return a mask's surface voxels; the image's edge counts as outside."""
    inside = mask.copy()
    for axis in range(mask.ndim):
        kept, source = np.moveaxis(inside, axis, 0), np.moveaxis(mask, axis, 0)
        kept[1:] &= source[:-1]
        kept[:-1] &= source[1:]
        kept[[0, -1]] = False
    return mask & ~inside


def _directed(start: BoolArray, end: BoolArray, spacing: FloatArray) -> FloatArray:
    """Return each start voxel's distance in mm to the nearest end voxel."""
    distances = np.zeros(int(start.sum()))
    apart = ~end[start]  # voxels of both surfaces are at distance 0: no search
    if apart.any():
        tree = cKDTree(np.argwhere(end) * spacing)
        distances[apart] = tree.query(np.argwhere(start)[apart] * spacing)[0]
    return distances


def measure_surface_distances(
    prediction: BoolArray, reference: BoolArray, *, spacing_mm: tuple[float, ...]
) -> SurfaceDistances:
    """Measure the distances between two surfaces in both directions.

    The cost follows the surfaces, not the image: both are cropped to their
    common bounding box and searched as point sets.

    Args:
        prediction: boolean array, any number of dimensions, not empty.
        reference: boolean array of the same shape, not empty.
        spacing_mm: distance of neighbouring voxel centres along each axis, mm.

    Returns:
        Both directed sets of distances in mm, in index order.

    Raises:
        ValueError: if a mask is empty, where no distance exists.
    """
    for name, mask in (("prediction", prediction), ("reference", reference)):
        if not mask.any():
            raise ValueError(f"{name} must have at least one voxel, got none: no surface there")
    predicted, expected = map(_surface, crop_to_both(prediction, reference))
    spacing = np.asarray(spacing_mm, dtype=np.float64)
    return SurfaceDistances(
        _directed(predicted, expected, spacing), _directed(expected, predicted, spacing)
    )
