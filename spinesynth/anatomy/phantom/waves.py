"""Smooth random fields as sums of plane waves, equal on every grid.

A sum of waves is known at every point of space, so a slice, a volume and a
finer grid see the same field. On a regular grid a wave is a product of three
factors, one along each axis, so that a field is one matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor

from spinesynth.anatomy.phantom.grid import SampleGrid, Window

WAVE_COUNT = 32  # enough for a field that looks Gaussian
_RUN = 16  # steps of an axis; near the root of common lengths, where exponentials are fewest


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
        stretch: tuple[float, float, float] = (1.0, 1.0, 1.0),
    ) -> WaveField:
        """Draw waves of random direction and phase.

        Args:
            generator: source of the draw.
            wavelengths_mm: shortest and longest wavelength, drawn log-uniformly.
            stretch: factors by which features are longer along R, A, S.
        """
        draws = torch.randn((WAVE_COUNT, 3), generator=generator, dtype=torch.float64)
        direction = draws / draws.norm(dim=1, keepdim=True)
        low, high = wavelengths_mm
        mix = torch.rand((WAVE_COUNT, 1), generator=generator, dtype=torch.float64)
        wavelength = low * (high / low) ** mix
        vectors = 2 * pi * direction / wavelength / torch.tensor(stretch, dtype=torch.float64)
        phases = 2 * pi * torch.rand(WAVE_COUNT, generator=generator, dtype=torch.float64)
        return cls(vectors, phases)


@dataclass(frozen=True)
class SampledWaves:
    """Several fields, ready to be read in windows of one grid.

    Attributes:
        along_i: factors of the waves along i, complex64 (F, I, W).
        along_j: the same along j, complex64 (F, J, W).
        along_k: cosines and negative sines along k by turns, float32 (F, 2W, K).
    """

    along_i: Tensor
    along_j: Tensor
    along_k: Tensor

    @classmethod
    def on_grid(cls, fields: Sequence[WaveField], grid: SampleGrid) -> SampledWaves:
        """Return the factors of fields on a grid.

        Args:
            fields: F fields.
            grid: to read them on.
        """
        vectors = torch.stack([field.wave_vectors for field in fields])
        phases = torch.stack([field.phases for field in fields]) + vectors @ grid.centre_mm
        turned = vectors @ grid.rotation
        i, j, k = grid.axes()
        along_i = _phasors(i, turned[:, None, :, 0], phases[:, None])
        along_j = _phasors(j, turned[:, None, :, 1])
        along_k = (
            torch.view_as_real(_phasors(k, -turned[:, None, :, 2])).movedim(1, -1).contiguous()
        )
        scale = (2.0 / WAVE_COUNT) ** 0.5
        return cls(
            along_i.to(grid.device),
            along_j.to(grid.device),
            (scale * along_k.reshape(len(fields), 2 * WAVE_COUNT, -1)).to(grid.device),
        )

    def parted(self, count: int) -> tuple[SampledWaves, SampledWaves]:
        """Return the first fields, as many as asked for, and the others."""
        factors = (self.along_i, self.along_j, self.along_k)
        return SampledWaves(*(f[:count] for f in factors)), SampledWaves(
            *(f[count:] for f in factors)
        )

    def read(self, window: Window) -> Tensor:
        """Return the fields in a window, float32 (F, i, j, k)."""
        i, j = self.along_i[:, window[0]], self.along_j[:, window[1]]
        plane = torch.view_as_real(i[:, :, None] * j[:, None])
        # the real part of the product of the complex factors
        field = plane.reshape(len(i), -1, 2 * WAVE_COUNT) @ self.along_k[:, :, window[2]]
        return field.reshape(len(i), i.shape[1], j.shape[1], -1)


def _phasors(axis: Tensor, rates: Tensor, phases: Tensor | float = 0.0) -> Tensor:
    """Return ``exp(i (rate * position + phase))`` at the equal steps of an axis.

    Runs of steps share their factor within the run, so that few exponentials are needed.

    Args:
        axis: positions (n,), float64.
        rates: per mm, (F, 1, W), float64.
        phases: radians, (F, 1, W).
    """
    starts, steps = axis[::_RUN], axis[:_RUN] - axis[0]
    runs = _phasor(starts[:, None] * rates + phases)
    within = _phasor(steps[:, None] * rates)
    return (runs[:, :, None] * within[:, None]).flatten(1, 2)[:, : len(axis)]


def _phasor(angle: Tensor) -> Tensor:
    """Return ``exp(i angle)`` as complex64; the angle is reduced in float64."""
    turns = angle.mul_(0.5 / pi)
    small = turns.sub_(turns.round()).mul_(2 * pi).float()
    return torch.complex(small.cos(), small.sin())
