"""Sampling grid of a phantom: where its voxels lie in the body."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from math import cos, prod, radians, sin

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Window = tuple[slice, slice, slice]
Array = NDArray[np.float64]

EVERYWHERE: Window = (slice(None), slice(None), slice(None))

_CPU = torch.device("cpu")
_BLOCK_VOXELS = 131072  # fewer, and calls cost more than arithmetic; more, and less is left out


@dataclass(frozen=True)
class SampleGrid:
    """Regular grid, turned and shifted in the body.

    Attributes:
        shape: voxels along i, j, k.
        spacing_mm: voxel spacing along i, j, k.
        centre_mm: body position of the grid's centre, float64 (3,), RAS.
        rotation: body axes from grid axes, float64 (3, 3), orthonormal.
        device: where the maps are made; the small tensors above stay on the CPU.
    """

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    centre_mm: Tensor
    rotation: Tensor
    device: torch.device = _CPU

    def axes(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the three grid axes in mm, float64, zero at the grid's centre."""
        i, j, k = (
            (torch.arange(n, dtype=torch.float64) - (n - 1) / 2) * step
            for n, step in zip(self.shape, self.spacing_mm, strict=True)
        )
        return i, j, k

    def body_coordinates(self, window: Window = EVERYWHERE) -> tuple[Tensor, Tensor, Tensor]:
        """Return the R, A, S coordinates of a window in mm, float32, each (i, j, k)."""
        i, j, k = (axis[part] for axis, part in zip(self.axes(), window, strict=True))
        x, y, z = (
            (i * row[0]).float().to(self.device)[:, None, None]
            + ((j * row[1])[:, None] + (k * row[2] + offset)).float().to(self.device)
            for row, offset in zip(self.rotation, self.centre_mm, strict=True)
        )
        return x, y, z

    def body_extent(self) -> tuple[Tensor, Tensor]:
        """Return the least and the largest body coordinates in mm, float64 (3,) each."""
        reach = torch.tensor(
            [(n - 1) / 2 * step for n, step in zip(self.shape, self.spacing_mm, strict=True)],
            dtype=torch.float64,
        )
        half = self.rotation.abs() @ reach
        return self.centre_mm - half, self.centre_mm + half

    @property
    def block_voxels(self) -> int:
        """Return how many voxels to treat at a time: few on a processor with its caches."""
        return _block_voxels(self.device)

    def blocks(self) -> list[Window]:
        """Return windows of at most ``block_voxels`` that tile the grid, of compact shape."""
        pieces, sizes = [1, 1, 1], list(self.shape)
        while sizes[0] * sizes[1] * sizes[2] > self.block_voxels:
            # whole rows along k, which lie together, unless a row is a block
            axes = (0, 1) if sizes[2] <= self.block_voxels else (2,)
            axis = max(axes, key=lambda a: sizes[a] * self.spacing_mm[a] * (sizes[a] > 1))
            pieces[axis] += 1
            sizes[axis] = -(-self.shape[axis] // pieces[axis])
        ranges = (
            [slice(start, min(start + size, n)) for start in range(0, n, size)]
            for n, size in zip(self.shape, sizes, strict=True)
        )
        return list(product(*ranges))

    def around(self, windows: Iterable[Window | None]) -> Window | None:
        """Return the least window that holds all of several, or None for none."""
        found = [window for window in windows if window is not None]
        if not found:
            return None
        i, j, k = (
            slice(min(part.start for part in parts), max(part.stop for part in parts))
            for parts in zip(*found, strict=True)
        )
        return i, j, k

    def affine(self, turn: Tensor, centre_mm: tuple[float, float, float]) -> Tensor:
        """Return the voxel-to-world affine (4, 4), float64.

        Args:
            turn: world axes from grid axes, float64 (3, 3).
            centre_mm: world position of the grid's centre.
        """
        matrix = torch.eye(4, dtype=torch.float64)
        matrix[:3, :3] = turn * torch.tensor(self.spacing_mm, dtype=torch.float64)
        middle = (torch.tensor(self.shape, dtype=torch.float64) - 1.0) / 2.0
        matrix[:3, 3] = torch.tensor(centre_mm, dtype=torch.float64) - matrix[:3, :3] @ middle
        return matrix

    def window(self, centre_mm: Tensor, frame: Tensor, half_mm: tuple[float, ...]) -> Window | None:
        """Return the index window that holds a turned box, or None outside the grid.

        Args:
            centre_mm: body position of the box's centre, (3,).
            frame: columns are the box's axes in the body, (3, 3).
            half_mm: half lengths along these axes.
        """
        (window,) = self.windows(centre_mm.numpy()[None], frame.numpy()[None], np.array([half_mm]))
        return window

    def windows(self, centres_mm: Array, frames: Array, halves_mm: Array) -> list[Window | None]:
        """Return the windows of several boxes, as :meth:`window` does.

        Args:
            centres_mm: (L, 3).
            frames: (L, 3, 3).
            halves_mm: (L, 3).
        """
        rotation = self.rotation.numpy()
        middle = (centres_mm - self.centre_mm.numpy()) @ rotation
        reach = (np.abs(rotation.T @ frames) @ halves_mm[:, :, None])[:, :, 0]
        shape, spacing = np.array(self.shape), np.array(self.spacing_mm)
        first = ((middle - reach) / spacing + (shape - 1) / 2).astype(np.int64)
        last = np.floor((middle + reach) / spacing + (shape - 1) / 2).astype(np.int64)
        start, stop = np.maximum(first, 0), np.minimum(last + 2, shape)
        inside = ((start < stop) & (last >= 0)).all(axis=1)
        return [
            (slice(a[0], b[0]), slice(a[1], b[1]), slice(a[2], b[2])) if held else None
            for a, b, held in zip(start.tolist(), stop.tolist(), inside.tolist(), strict=True)
        ]


def _block_voxels(device: torch.device) -> int:
    return _BLOCK_VOXELS if device.type == "cpu" else sys.maxsize


def slabs(shape: Sequence[int], device: torch.device) -> list[slice]:
    """Return ranges along the first axis that cut a box into slabs of about a block each."""
    rows, of_row = shape[0], prod(shape[1:])
    thick = max(1, _block_voxels(device) // of_row)
    return [slice(start, min(start + thick, rows)) for start in range(0, rows, thick)]


def stack_windows(field: Tensor, windows: Sequence[Window], *, dim: int = 0) -> Tensor:
    """Return what equal windows show of a map, stacked along a new axis.

    Args:
        field: (I, J, K) or, with F fields before, (F, I, J, K).
        windows: L of them.
        dim: the new axis of length L, which also counts the axes before I.
    """
    parts = [field[(..., *window)] for window in windows]
    return parts[0].unsqueeze(dim) if len(parts) == 1 else torch.stack(parts, dim)


def rotation_matrix(rotation_deg: tuple[float, float, float]) -> Tensor:
    """Return the rotation about R, then A, then S, as a float64 (3, 3) matrix."""
    matrix = torch.eye(3, dtype=torch.float64)
    for axis, angle in enumerate(rotation_deg):
        c, s = cos(radians(angle)), sin(radians(angle))
        turn = torch.eye(3, dtype=torch.float64)
        a, b = (axis + 1) % 3, (axis + 2) % 3
        turn[a, a], turn[a, b], turn[b, a], turn[b, b] = c, -s, s, c
        matrix = turn @ matrix
    return matrix
