"""Scale by the extremes."""

from __future__ import annotations

import torch
from torch import Tensor


def rescale_min_max(image: Tensor) -> Tensor:
    """Scale an image to [0, 1] by its least and greatest value.

    Args:
        image: tensor of any shape, finite; it is treated as one image.

    Returns:
        float32 tensor of the same shape; all zeros if the image is constant.
    """
    low, high = image.float().aminmax()
    if low == high:
        return torch.zeros_like(image, dtype=torch.float32)
    return (image.float() - low).div_(high - low)
