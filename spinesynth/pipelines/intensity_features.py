"""What the intensities of an image alone tell of whether it is a scan as was trained on.

========================== ========================================================
feature                    what
========================== ========================================================
``hounsfield_share``       voxels from -1100 to -50, where Hounsfield units have air and fat
``skewness``               whether the dark end of the grey scale is longer than the bright
``noise``                  standard deviation of noise over the range of the grey scale
========================== ========================================================
"""

from __future__ import annotations

import torch
from torch import Tensor

#: Air is -1000 and fat about -100 by the definition of the unit; magnitude images of MRI hold
#: nothing below 0, those of a normalised one some units.
_AIR_TO_FAT_HU = (-1100.0, -50.0)
_SLICES = 8  # looked at, evenly through the volume; nominal
_SAMPLES = 20_000  # of which quantiles are taken; nominal
_TAILS = (0.05, 0.5, 0.95)  # as of Bowley's skewness, but of wider tails
_RANGE = (0.01, 0.99)
_NORMAL_MAD = 0.6744898  # median absolute value of a standard normal variable


def intensity_features(image: Tensor) -> dict[str, float]:
    """Return what is known of the intensities of an image.

    Args:
        image: ``(1, I, J, K)`` float, finite.

    Returns:
        The features of the table above; of a constant image none but the first.

    Source:
        Skewness of quantiles ``(q95 + q5 - 2 q50) / (q95 - q5)``: Bowley 1901, Elements of
        Statistics, with Hinkley's (1975) choice of the tails. Noise from the median absolute
        diagonal detail: Donoho and Johnstone 1994, Biometrika 81:425.

    Example:
        >>> bright_air = 1 - torch.rand(1, 2, 64, 64, generator=torch.manual_seed(0)) ** 4
        >>> intensity_features(bright_air)["skewness"] < -0.5
        True
    """
    count = image.shape[1]
    chosen = torch.linspace(0, count - 1, min(count, _SLICES)).round().long()
    slices = torch.as_tensor(image)[0, chosen].float()
    low, high = _AIR_TO_FAT_HU
    known = {"hounsfield_share": float(((slices >= low) & (slices <= high)).float().mean())}
    flat = slices.flatten()
    values = flat[:: max(1, flat.numel() // _SAMPLES)]
    points = torch.tensor([*_TAILS, *_RANGE])
    bottom, middle, top, least, most = torch.quantile(values, points).tolist()
    if most > least and top > bottom:
        known["skewness"] = (top + bottom - 2 * middle) / (top - bottom)
        known["noise"] = _noise(slices) / (most - least)
    return known


def _noise(slices: Tensor) -> float:
    """Return the spread of what differs along both diagonals, where anything does."""
    if min(slices.shape[1:]) < 2:
        return 0.0
    detail = (
        slices[:, :-1, :-1] + slices[:, 1:, 1:] - slices[:, :-1, 1:] - slices[:, 1:, :-1]
    ).abs() / 2  # of independent noise it has the spread of one voxel
    differing = detail[detail > 0]  # padding and clipped air do not
    return float(differing.median()) / _NORMAL_MAD if differing.numel() else 0.0
