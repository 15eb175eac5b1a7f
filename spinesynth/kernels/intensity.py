"""Intensity reading: gamma, and the normalisation shared by training and prediction."""

from __future__ import annotations

import torch
from torch import Tensor

LOW_PERCENTILE = 0.5
HIGH_PERCENTILE = 99.5
_MAX_SAMPLES = 20_000  # percentiles of more voxels than this are taken on a regular subset


def _percentiles(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the low and high percentile of a flat tensor."""
    step = max(1, values.numel() // _MAX_SAMPLES)
    ordered = values[::step].sort().values
    last = ordered.numel() - 1
    low = ordered[round(LOW_PERCENTILE / 100 * last)]
    return low, ordered[round(HIGH_PERCENTILE / 100 * last)]


def normalise_intensity(image: Tensor) -> Tensor:
    """Scale an image to [0, 1] by percentiles over the voxels above its padding.

    Padding is the minimum of the image (SPIDER pads with -1000 or 0, up to 70 %
    of the voxels); it becomes 0 and takes no part in the percentiles.

    Args:
        image: tensor of any shape, finite; it is treated as one image.

    Returns:
        float32 tensor of the same shape in [0, 1]; all zeros if the image is constant.
    """
    image = image.float()
    padding = image.min()
    inside = image[image > padding]
    if inside.numel() < 2:
        return torch.zeros_like(image)
    low, high = _percentiles(inside.flatten())
    if high <= low:
        low, high = padding, inside.max()
    return ((image - low) / (high - low)).clamp(0, 1)


def apply_gamma(image: Tensor, gamma: float) -> Tensor:
    """Raise images, each scaled to its own maximum, to a power; gamma 1 is neutral.

    Args:
        image: ``(B, C, *spatial)`` float >= 0; negative values become 0.
        gamma: exponent > 0.

    Returns:
        New ``(B, C, *spatial)`` float tensor.
    """
    if gamma == 1:
        return image.clone()
    axes = list(range(1, image.ndim))
    peak = image.amax(axes, keepdim=True).clamp(min=torch.finfo(image.dtype).tiny)
    return peak * (image / peak).clamp(min=0) ** gamma
