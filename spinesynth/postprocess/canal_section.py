"""Fill the sections of the canal: what roots, cord or saturation left out of them."""

from __future__ import annotations

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from spinesynth.postprocess.pieces import BoolArray, FloatArray, IntArray

_WIDEST_MM = 40.0  # a wider section is no canal across, but one along; nominal


def convex_sections(canal: BoolArray, free: BoolArray, spacing_mm: FloatArray) -> BoolArray:
    """Return what the canal's axial sections lack of their convex outlines.

    The canal is round to triangular across, never hollow. Networks leave the dark roots at
    its back out, or the cord in its middle, as they do not know them from ligament.

    Args:
        canal: ``(I, J, K)``, axes to the right or left, front or back, up or down.
        free: voxels that may be filled.
        spacing_mm: voxel size, ``(3,)``.

    Example:
        >>> ring = np.ones((3, 3, 1), dtype=bool)
        >>> ring[1, 1] = False
        >>> np.argwhere(convex_sections(ring, ~ring, np.ones(3))).tolist()
        [[1, 1, 0]]
    """
    added = np.zeros_like(canal)
    for row in np.flatnonzero(canal.any(axis=(0, 1))):
        places = np.argwhere(canal[:, :, row])
        low, high = places.min(axis=0), places.max(axis=0)
        if float(np.linalg.norm((high - low) * spacing_mm[:2])) > _WIDEST_MM:
            continue
        box = (slice(low[0], high[0] + 1), slice(low[1], high[1] + 1), int(row))
        added[box] = _hull(places - low)
    return np.asarray(added & free & ~canal)


def _hull(places: IntArray) -> BoolArray:
    """Return which voxels of the section that some ``(N, 2)`` span lie within their convex hull."""
    rows, columns = places.max(axis=0).tolist()
    shape = (rows + 1, columns + 1)
    if 1 in shape:
        return np.ones(shape, dtype=bool)
    try:
        planes = ConvexHull(places).equations
    except QhullError:  # all on one oblique line, which has nothing inside
        return np.zeros(shape, dtype=bool)
    grid = np.indices(shape).reshape(2, -1)
    inside = planes[:, :2] @ grid + planes[:, 2:] <= 1e-9  # rounding alone
    return np.asarray(inside.all(axis=0).reshape(shape))
