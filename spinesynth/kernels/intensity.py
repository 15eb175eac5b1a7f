"""Intensity reading: gamma, saturation, and the normalisation of training and prediction."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

LOW_PERCENTILE = 0.5
HIGH_PERCENTILE = 99.5
_MAX_SAMPLES = 20_000  # percentiles of more voxels than this are taken on a regular subset


def _sample_above_padding(image: Tensor, padding: Tensor) -> Tensor:
    """Return a regular subset of the voxels above the padding, flat; all of them if few."""
    # gathering indices takes an eighth of the time of gathering voxels by a mask
    index = np.flatnonzero((image > padding).cpu().numpy())
    step = max(1, index.size // _MAX_SAMPLES)
    chosen = torch.from_numpy(index[::step]).to(image.device)
    return image.flatten().index_select(0, chosen)


def _percentile(values: Tensor, percentile: float) -> Tensor:
    """Return the value of nearest rank among flat values."""
    rank: int = round(percentile / 100 * (values.numel() - 1))
    if values.device.type != "cpu":
        return values.kthvalue(rank + 1).values
    # the same value in a seventh of the time
    return torch.tensor(np.partition(values.detach().numpy(), rank)[rank])


def high_intensity(image: Tensor) -> float:
    """Return the 99.5th percentile of the voxels above the padding, the maximum of few.

    Args:
        image: tensor of any shape, finite; it is treated as one image.

    Example:
        >>> high_intensity(torch.arange(1001.0))
        995.0
    """
    image = image.float()
    inside = _sample_above_padding(image, image.min())
    if inside.numel() < 2:
        return float(image.max())
    return float(_percentile(inside, HIGH_PERCENTILE))


def normalise_intensity(image: Tensor) -> Tensor:
    """Scale an image to [0, 1] by percentiles over the voxels above its padding.

    Padding is the minimum of the image (SPIDER pads with -1000 or 0, up to 70 %
    of the voxels); it becomes 0 and takes no part in the percentiles.

    Args:
        image: tensor of any shape, finite; it is treated as one image.

    Returns:
        New float32 tensor of the same shape in [0, 1]; all zeros if the image is constant.
    """
    image = image.float()
    padding = image.min()
    inside = _sample_above_padding(image, padding)
    if inside.numel() < 2:
        return torch.zeros_like(image)
    low, high = (_percentile(inside, p) for p in (LOW_PERCENTILE, HIGH_PERCENTILE))
    if high <= low:
        low, high = padding, image.max()
    return (image - low).div_(high - low).clamp_(0, 1)


def saturate(image: Tensor, high_percentile: float, *, low_percentile: float = 0.0) -> Tensor:
    """Clip an image to percentiles of the voxels above its padding, as an export may.

    Args:
        image: tensor of any shape, float, finite; it is treated as one image.
        high_percentile: in [0, 100]; brighter voxels take its value; 100 is neutral.
        low_percentile: in [0, 100], at most ``high_percentile``; darker voxels,
            padding among them, take its value; 0 is neutral.

    Returns:
        New tensor of the same shape; on large images percentiles are those of a
        regular subset.

    Raises:
        ValueError: if the percentiles are not ordered within [0, 100].
    """
    if not 0 <= low_percentile <= high_percentile <= 100:
        raise ValueError(
            "low_percentile and high_percentile must be ordered within [0, 100], got "
            f"{low_percentile} and {high_percentile}"
        )
    inside = _sample_above_padding(image, image.min())
    if inside.numel() < 2:
        return image.clone()
    result = image.clone()
    if high_percentile < 100:
        result.clamp_(max=_percentile(inside, high_percentile))
    if low_percentile > 0:
        result.clamp_(min=_percentile(inside, low_percentile))
    return result


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
    return (image / peak).clamp_(min=0).pow_(gamma).mul_(peak)
