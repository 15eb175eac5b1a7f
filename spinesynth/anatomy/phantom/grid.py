"""Sampling grid of a phantom: where its voxels lie in the body."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin

import torch
from torch import Tensor

Window = tuple[slice, slice, slice]


@dataclass(frozen=True)
class SampleGrid:
    """Regular grid, turned and shifted in the body.

    Attributes:
        shape: voxels along i, j, k.
        spacing_mm: voxel spacing along i, j, k.
        centre_mm: body position of the grid's centre, float64 (3,), RAS.
        rotation: body axes from grid axes, float64 (3, 3), orthonormal.
    """

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    centre_mm: Tensor
    rotation: Tensor

    def axes(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the three grid axes in mm, float64, zero at the grid's centre."""
        i, j, k = (
            (torch.arange(n, dtype=torch.float64) - (n - 1) / 2) * step
            for n, step in zip(self.shape, self.spacing_mm, strict=True)
        )
        return i, j, k

    def body_coordinates(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the R, A, S body coordinates in mm, float32, each (I, J, K)."""
        i, j, k = self.axes()
        x, y, z = (
            (
                (i * row[0])[:, None, None]
                + ((j * row[1])[:, None] + (k * row[2])[None, :] + offset)[None]
            ).float()
            for row, offset in zip(self.rotation, self.centre_mm, strict=True)
        )
        return x, y, z

    def affine(self) -> Tensor:
        """Return the voxel-to-world affine (4, 4), float64, world zero at the centre."""
        matrix = torch.eye(4, dtype=torch.float64)
        for axis, (n, step) in enumerate(zip(self.shape, self.spacing_mm, strict=True)):
            matrix[axis, axis] = step
            matrix[axis, 3] = -step * (n - 1) / 2
        return matrix

    def window(self, centre_mm: Tensor, frame: Tensor, half_mm: tuple[float, ...]) -> Window | None:
        """Return the index window that holds a turned box, or None outside the grid.

        Args:
            centre_mm: body position of the box's centre, (3,).
            frame: columns are the box's axes in the body, (3, 3).
            half_mm: half lengths along these axes.
        """
        inverse = self.rotation.T
        middle = inverse @ (centre_mm.double() - self.centre_mm)
        reach = (inverse @ frame.double()).abs() @ torch.tensor(half_mm, dtype=torch.float64)
        slices = []
        for axis, (n, step) in enumerate(zip(self.shape, self.spacing_mm, strict=True)):
            first = (middle[axis] - reach[axis]).item() / step + (n - 1) / 2
            last = (middle[axis] + reach[axis]).item() / step + (n - 1) / 2
            start, stop = max(0, int(first)), min(n, int(last) + 2)
            if start >= stop or last < 0:
                return None
            slices.append(slice(start, stop))
        return slices[0], slices[1], slices[2]


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
