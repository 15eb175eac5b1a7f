"""Metrics that count common voxels."""

from __future__ import annotations

import numpy as np

from spinesynth.metrics.mask_pair import MaskPair


def dice(pair: MaskPair) -> float:
    """Return the Dice coefficient ``2 |P and R| / (|P| + |R|)``.

    Args:
        pair: prediction P and reference R of one structure.

    Returns:
        0 (no common voxel) to 1 (equal), without unit; NaN if both are empty.

    Source: Dice 1945, Ecology 26:297, doi 10.2307/1932409.

    Example:
        >>> dice(MaskPair([1, 1, 0], [0, 1, 0], spacing_mm=(1.0,)))
        0.6666666666666666
    """
    if pair.both_empty:
        return float("nan")
    return 2 * pair.common_voxels / (pair.prediction_voxels + pair.reference_voxels)


def iou(pair: MaskPair) -> float:
    """Return the intersection over union ``|P and R| / |P or R|``.

    Args:
        pair: prediction P and reference R of one structure.

    Returns:
        0 (no common voxel) to 1 (equal), without unit; NaN if both are empty.

    Source: Jaccard 1912, New Phytologist 11:37.

    Example:
        >>> iou(MaskPair([1, 1, 0], [0, 1, 0], spacing_mm=(1.0,)))
        0.5
    """
    if pair.both_empty:
        return float("nan")
    common = pair.common_voxels
    return common / (pair.prediction_voxels + pair.reference_voxels - common)


def dice_in_extent(pair: MaskPair) -> float:
    """Return Dice between the lowest and the highest level that the reference labels.

    The last axis is the superior one, as on every canonical grid (R A S). Some
    sources annotate a part of the column: beyond its ends their background says
    nothing, and a model that segments on is not wrong there. This number leaves
    those levels out. It also forgives what is truly wrong there, so it **stands
    beside the plain Dice and never in its place**.

    Args:
        pair: prediction and reference of one structure; axial levels along the
            last axis.

    Returns:
        0 to 1, without unit, at least the plain Dice; NaN if both masks are
        empty, 0 if one is. It does not change with the other axes' order or
        direction, nor with this one's direction, and it is not symmetric: the
        reference alone sets the extent.

    Example:
        >>> pair = MaskPair([[1, 1, 1, 1]], [[0, 1, 1, 0]], spacing_mm=(1.0, 1.0))
        >>> round(dice(pair), 3), dice_in_extent(pair)
        (0.667, 1.0)
    """
    if pair.both_empty:
        return float("nan")
    if pair.one_empty:
        return 0.0
    predicted, expected = pair.boxed
    levels = np.flatnonzero(expected.any(axis=tuple(range(expected.ndim - 1))))
    inside = int(np.count_nonzero(predicted[..., levels[0] : levels[-1] + 1]))
    return 2 * pair.common_voxels / (inside + pair.reference_voxels)


def one_empty(pair: MaskPair) -> float:
    """Flag a pair whose other scores are penalties: exactly one mask is empty.

    Args:
        pair: prediction and reference of one structure.

    Returns:
        1 if the structure was missed or invented, 0 if both masks have voxels,
        NaN if neither has. Its mean is the share of such scans.

    Example:
        >>> one_empty(MaskPair([0, 0], [0, 1], spacing_mm=(1.0,)))
        1.0
    """
    return float("nan") if pair.both_empty else float(pair.one_empty)
