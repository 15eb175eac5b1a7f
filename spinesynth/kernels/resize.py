"""Resize images and probabilities linearly, without aliasing where voxels become larger."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional


def resize_linear(data: Tensor, size: Sequence[int]) -> Tensor:
    """Resize the last two or three axes to a size, the extent of each kept.

    Where voxels become larger, what lies within a new one is averaged. Volumes go in
    plane first and then across, which is the same: linear resizing is separable.

    Args:
        data: ``(B, C, *spatial)`` float.
        size: wanted size of each spatial axis, two or three.

    Returns:
        ``(B, C, *size)`` of the same dtype.

    Example:
        >>> import torch
        >>> resize_linear(torch.tensor([[[[0.0, 1.0], [2.0, 3.0]]]]), (1, 1)).item()
        1.5
    """
    *across, height, width = size
    if not across:
        return _resize_plane(data, height, width)
    batch, channels, layers = data.shape[:3]
    flat = _resize_plane(data.flatten(0, 1), height, width)
    columns = flat.reshape(batch, channels, layers, height * width)
    return _resize_plane(columns, across[0], height * width).reshape(batch, channels, *size)


def _resize_plane(data: Tensor, height: int, width: int) -> Tensor:
    if width == 1:  # torch 2.13 repeats the first row in a result of one column
        return _interpolate(data.mT, [1, height]).mT
    return _interpolate(data, [height, width])


def _interpolate(data: Tensor, size: list[int]) -> Tensor:
    return functional.interpolate(data, size, mode="bilinear", antialias=True)
