"""Masks of two or three axes: erosion, dilation, extent, and writing where they hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
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


def bounding_box(mask: Tensor | np.ndarray, margin: int = 0) -> tuple[slice, ...]:
    """Return the part of each axis in which a mask on the CPU holds; empty where it never does.

    Args:
        mask: boolean, of any number of axes.
        margin: voxels to add on every side, within the map.

    Example:
        >>> bounding_box(np.array([[0, 0, 0, 0], [0, 1, 1, 0]], dtype=bool))
        (slice(1, 2, None), slice(1, 3, None))
    """
    held = np.asarray(mask)
    box = []
    for axis, size in enumerate(held.shape):
        others = tuple(other for other in range(held.ndim) if other != axis)
        hits = np.flatnonzero(held.any(others))
        if not len(hits):
            return (slice(0, 0),) * held.ndim
        box.append(slice(max(0, int(hits[0]) - margin), min(size, int(hits[-1]) + 1 + margin)))
    return tuple(box)


def put(codes: Tensor, mask: Tensor, value: int | Tensor) -> Tensor:
    """Return codes with ``value`` where the mask holds; the codes' dtype is kept.

    Args:
        codes: integers; unsigned ones wrap around on the way, and come back.
        mask: boolean, of a shape that broadcasts to that of the codes.
        value: one code, or codes of the same shape and dtype.
    """
    # arithmetic on bytes: torch.where, which branches at each voxel, takes four times as long
    return (value - codes).mul_(mask).add_(codes)
