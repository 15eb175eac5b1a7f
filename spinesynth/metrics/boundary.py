"""Metrics of the distance between surfaces, in mm."""

from __future__ import annotations

import math

import numpy as np

from spinesynth.metrics.mask_pair import MaskPair

#: Added to a tolerance, so that a distance equal to it is within it whatever the rounding.
_ROUNDING_MM = 1e-6


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


def assd(pair: MaskPair) -> float:
    """Return the average symmetric surface distance.

    The mean runs over the surface voxels of both masks together, so that the
    larger surface weighs more.

    Args:
        pair: prediction and reference of one structure.

    Returns:
        Distance in mm, >= 0; NaN if both masks are empty, the diagonal of the
        image if one is.

    Source: Heimann et al. 2009, IEEE TMI 28:1251, doi 10.1109/TMI.2009.2013851.

    Example:
        Two voxels lie on the reference's only one and 4 mm away; back it is 0.

        >>> round(assd(MaskPair([1, 0, 1], [1, 0, 0], spacing_mm=(2.0,))), 3)
        1.333
    """
    if pair.both_empty:
        return float("nan")
    if pair.one_empty:
        return pair.diagonal_mm
    there, back = pair.surface_distances
    return float(there.sum() + back.sum()) / (len(there) + len(back))


def surface_dice(pair: MaskPair, *, tolerance_mm: float) -> float:
    """Return the normalised surface Dice: the share of both surfaces that agrees.

    A surface voxel agrees if the other surface is at most the tolerance away.

    Args:
        pair: prediction and reference of one structure.
        tolerance_mm: deviation that counts as none, mm, >= 0.

    Returns:
        0 (all beyond the tolerance) to 1 (all within), without unit; NaN if both
        masks are empty, 0 if one is.

    Raises:
        ValueError: if the tolerance is negative or not finite.

    Source: Nikolov et al. 2021, J Med Internet Res 23:e26151, doi 10.2196/26151,
    with surface voxels counted as MONAI does, in place of surface areas.

    Example:
        >>> surface_dice(MaskPair([1, 0, 1], [1, 0, 0], spacing_mm=(2.0,)), tolerance_mm=1.0)
        0.6666666666666666
    """
    if not (math.isfinite(tolerance_mm) and tolerance_mm >= 0):
        raise ValueError(f"tolerance_mm must be finite and >= 0, got {tolerance_mm}")
    if pair.both_empty:
        return float("nan")
    if pair.one_empty:
        return 0.0
    limit = tolerance_mm + _ROUNDING_MM
    within = sum(int(np.count_nonzero(part <= limit)) for part in pair.surface_distances)
    return within / sum(len(part) for part in pair.surface_distances)
