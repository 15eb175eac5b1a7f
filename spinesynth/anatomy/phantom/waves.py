"""Smooth random fields as sums of plane waves, equal on every grid.

A sum of waves is known at every point of space, so a slice, a volume and a
finer grid see the same field. On a regular grid it is one matrix product.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor

from spinesynth.anatomy.phantom.grid import SampleGrid


@dataclass(frozen=True)
class WaveField:
    """Random field of unit variance: ``sqrt(2/W) * sum cos(k.p + phase)``.

    Attributes:
        wave_vectors: radians per mm in body axes, float64 (W, 3).
        phases: radians, float64 (W,).
    """

    wave_vectors: Tensor
    phases: Tensor

    @classmethod
    def draw(
        cls,
        generator: torch.Generator,
        *,
        wavelengths_mm: tuple[float, float],
        count: int = 48,
        stretch: tuple[float, float, float] = (1.0, 1.0, 1.0),
    ) -> WaveField:
        """Draw waves of random direction and phase.

        Args:
            generator: source of the draw.
            wavelengths_mm: shortest and longest wavelength, drawn log-uniformly.
            count: number of waves.
            stretch: factors by which features are longer along R, A, S.
        """
        draws = torch.randn((count, 3), generator=generator, dtype=torch.float64)
        direction = draws / draws.norm(dim=1, keepdim=True)
        low, high = wavelengths_mm
        mix = torch.rand((count, 1), generator=generator, dtype=torch.float64)
        wavelength = low * (high / low) ** mix
        vectors = 2 * pi * direction / wavelength / torch.tensor(stretch, dtype=torch.float64)
        phases = 2 * pi * torch.rand(count, generator=generator, dtype=torch.float64)
        return cls(vectors, phases)

    def on_grid(self, grid: SampleGrid) -> Tensor:
        """Return the field at every voxel of a grid, float32 (I, J, K)."""
        vectors = self.wave_vectors @ grid.rotation
        phases = self.phases + self.wave_vectors @ grid.centre_mm
        i, j, k = grid.axes()
        plane = i[:, None, None] * vectors[:, 0] + (j[:, None] * vectors[:, 1] + phases)[None]
        line = vectors[:, 2, None] * k
        left = torch.cat((plane.cos(), plane.sin()), dim=-1).float()
        right = torch.cat((line.cos(), -line.sin()), dim=0).float()
        scale = (2.0 / len(self.phases)) ** 0.5
        field: Tensor = left.reshape(-1, right.shape[0]) @ (scale * right)
        return field.reshape(grid.shape)
