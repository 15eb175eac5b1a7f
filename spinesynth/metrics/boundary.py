"""Metrics of the distance between surfaces, in mm."""

from __future__ import annotations

import numpy as np

from spinesynth.metrics.mask_pair import MaskPair


def hd95(pair: MaskPair) -> float:
    """Return the 95th percentile of the symmetric Hausdorff distance.

    The percentile is taken in each direction, linearly interpolated, and the
    larger of the two counts.

    Args:
        pair: prediction and reference of one structure.

    Returns:
        Distance in mm, >= 0; NaN if both masks are empty, the diagonal of the
        image if one is.

    Source: Huttenlocher et al. 1993, IEEE TPAMI 15:850, doi 10.1109/34.232073;
    percentile as in Maier-Hein et al. 2024, Nature Methods 21:195.

    Example:
        >>> hd95(MaskPair([1, 0, 0], [0, 0, 1], spacing_mm=(2.0,)))
        4.0
    """
    if pair.both_empty:
        return float("nan")
    if pair.one_empty:
        return pair.diagonal_mm
    return max(float(np.percentile(directed, 95)) for directed in pair.surface_distances)
