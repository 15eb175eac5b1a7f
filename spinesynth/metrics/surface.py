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
from scipy.ndimage import binary_erosion
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


def _bounding_box(mask: BoolArray) -> tuple[slice, ...]:
    """Return the smallest box that holds every voxel of a non-empty mask."""
    axes = range(mask.ndim)
    profiles = [mask.any(axis=tuple(other for other in axes if other != axis)) for axis in axes]
    ends = [np.flatnonzero(profile)[[0, -1]] for profile in profiles]
    return tuple(slice(int(first), int(last) + 1) for first, last in ends)


def _surface(mask: BoolArray) -> BoolArray:
    """Return a mask's surface voxels; the image's edge counts as outside."""
    inside: BoolArray = binary_erosion(mask)
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
    box = _bounding_box(prediction | reference)
    predicted, expected = _surface(prediction[box]), _surface(reference[box])
    spacing = np.asarray(spacing_mm, dtype=np.float64)
    return SurfaceDistances(
        _directed(predicted, expected, spacing), _directed(expected, predicted, spacing)
    )
