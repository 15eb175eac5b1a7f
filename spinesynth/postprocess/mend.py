"""Mend masks: small pieces, holes, and gaps of the canal."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from spinesynth.postprocess.curve import SpineCurve
from spinesynth.postprocess.pieces import BoolArray, FloatArray, find_pieces

#: Voxels of one sagittal slice that share an edge.
IN_PLANE = np.zeros((3, 3, 3), dtype=bool)
IN_PLANE[1] = ndimage.generate_binary_structure(2, 1)
# All nominal.
_HOLE_MM2 = 150.0  # a larger hole is no mistake of a few voxels
_GAP_MM = 20.0  # of the canal that is bridged, half a vertebra
_FROM_CURVE_MM = 60.0  # from the middle of the bodies to the rear of the canal, at most


def holes(mask: BoolArray, free: BoolArray, spacing_mm: FloatArray) -> BoolArray:
    """Return the holes of a mask within sagittal slices that nothing else fills.

    Args:
        mask: ``(I, J, K)``.
        free: voxels that may be filled.
        spacing_mm: voxel size, ``(3,)``.

    Example:
        >>> ring = np.ones((1, 3, 3), dtype=bool)
        >>> ring[0, 1, 1] = False
        >>> np.argwhere(holes(ring, ~ring, np.ones(3))).tolist()
        [[0, 1, 1]]
    """
    pieces, _ = ndimage.label(~mask, structure=IN_PLANE)
    small = np.bincount(pieces.ravel()) <= _HOLE_MM2 / float(spacing_mm[1] * spacing_mm[2])
    small[0] = False
    outside = np.concatenate([pieces[:, [0, -1]].ravel(), pieces[:, :, [0, -1]].ravel()])
    for kind in (outside, pieces[~mask & ~free]):
        small[kind] = False
    return np.asarray(small[pieces])


def continuous_canal(
    canal: BoolArray, free: BoolArray, spacing_mm: FloatArray, curve: SpineCurve | None
) -> tuple[BoolArray, BoolArray]:
    """Return the canal's pieces that lie along the spine, and what bridges gaps between them.

    Args:
        canal: ``(I, J, K)``.
        free: voxels that may be filled.
        spacing_mm: voxel size, ``(3,)``.
        curve: of the spine; without one the largest piece is kept.

    Returns:
        Two masks: kept, and added.
    """
    kept = np.zeros_like(canal)
    for number, piece in enumerate(find_pieces(canal, spacing_mm)):
        if number == 0 or (curve is not None and _is_along(piece.points_mm, curve)):
            piece.paint(kept, True)
    return kept, _bridges(kept, spacing_mm) & free


def _is_along(points_mm: FloatArray, curve: SpineCurve) -> bool:
    """Say whether a piece lies behind the bodies, no farther than a canal."""
    middle = points_mm.mean(axis=0)
    arc, distance = curve.locate(middle[None])
    behind = float(curve.point(float(arc[0]))[1] - middle[1])
    return behind > 0 and float(distance[0]) <= _FROM_CURVE_MM


def _bridges(canal: BoolArray, spacing_mm: FloatArray) -> BoolArray:
    """Return the rows between two rows of a canal, by the mean of their outlines."""
    added = np.zeros_like(canal)
    longest = int(_GAP_MM / spacing_mm[2])
    for place in np.flatnonzero(canal.any(axis=(1, 2))):
        rows = np.flatnonzero(canal[place].any(axis=0))
        for step in np.flatnonzero(np.diff(rows) > 1):
            low, high = int(rows[step]), int(rows[step + 1])
            if high - low - 1 > longest:
                continue
            ends = [_ends(canal[place, :, row]) for row in (low, high)]
            for row in range(low + 1, high):
                share = (row - low) / (high - low)
                first, last = (
                    round(a + share * (b - a)) for a, b in zip(ends[0], ends[1], strict=True)
                )
                added[place, first : last + 1, row] = True
    return added


def _ends(row: BoolArray) -> tuple[int, int]:
    """Return the first and the last voxel of a row."""
    hits = np.flatnonzero(row)
    return int(hits[0]), int(hits[-1])
