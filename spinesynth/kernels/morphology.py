"""Erosion and dilation of masks of two or three axes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def dilate(mask: Tensor, radius_vox: Sequence[int]) -> Tensor:
    """Dilate a boolean mask by a box; ``radius_vox`` has one entry for each axis."""
    for axis, radius in enumerate(radius_vox):
        grown, size = mask.clone(), mask.shape[axis]
        for shift in range(1, min(radius, size - 1) + 1):
            rest = size - shift
            upper, lower = grown.narrow(axis, shift, rest), grown.narrow(axis, 0, rest)
            upper |= mask.narrow(axis, 0, rest)
            lower |= mask.narrow(axis, shift, rest)
        mask = grown
    return mask


def erode(mask: Tensor, radius_vox: Sequence[int]) -> Tensor:
    """Erode a boolean mask by a box; the border of the map does not erode."""
    return ~dilate(~mask, radius_vox)


def in_plane_radius(mask: Tensor, radius_mm: float, *, spacing_mm: Sequence[float]) -> list[int]:
    """Return a radius in voxels for each axis, 0 along thick slices."""
    radius = [round(radius_mm / s) for s in spacing_mm]
    return [min(r, (n - 1) // 2) for r, n in zip(radius, mask.shape, strict=True)]


def any_true(masks: Sequence[Tensor]) -> Tensor:
    """Return the union of masks of one shape."""
    return torch.stack(list(masks)).any(0)


def put(codes: Tensor, mask: Tensor, value: int) -> Tensor:
    """Return codes with ``value`` where the mask holds; the codes' dtype is kept."""
    return torch.where(mask, torch.full_like(codes, int(value)), codes)
