"""Metrics of the volume: by how much a structure is too large or too small.

Both carry a sign, so that their mean is a bias and their spread an agreement.
"""

from __future__ import annotations

import math

from spinesynth.metrics.mask_pair import MaskPair

_MM3_PER_ML = 1000.0


def volume_error(pair: MaskPair) -> float:
    """Return the volume of the prediction minus that of the reference.

    Args:
        pair: prediction and reference of one structure.

    Returns:
        Difference in ml, > 0 if too much was predicted; NaN if both are empty.

    Example:
        >>> volume_error(MaskPair([1, 1, 1], [0, 1, 0], spacing_mm=(500.0,)))
        1.0
    """
    if pair.both_empty:
        return float("nan")
    voxel_ml = math.prod(pair.spacing_mm) / _MM3_PER_ML
    return (pair.prediction_voxels - pair.reference_voxels) * voxel_ml


def relative_volume_error(pair: MaskPair) -> float:
    """Return the volume error as a share of the mean of both volumes.

    The mean, and not the reference, is the scale: so an empty reference needs no
    exception, and exchanging the masks only turns the sign.

    Args:
        pair: prediction and reference of one structure.

    Returns:
        -2 (missed) to 2 (invented), 0 at equal volumes, without unit; NaN if both
        are empty.

    Source: percentages as in Bland and Altman 1999, Stat Methods Med Res 8:135,
    doi 10.1177/096228029900800204.

    Example:
        >>> relative_volume_error(MaskPair([1, 1, 1], [0, 1, 0], spacing_mm=(1.0,)))
        1.0
    """
    if pair.both_empty:
        return float("nan")
    total = pair.prediction_voxels + pair.reference_voxels
    return 2 * (pair.prediction_voxels - pair.reference_voxels) / total
