"""Metrics that count common voxels."""

from __future__ import annotations

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
    common = int((pair.prediction & pair.reference).sum())
    return 2 * common / (int(pair.prediction.sum()) + int(pair.reference.sum()))
