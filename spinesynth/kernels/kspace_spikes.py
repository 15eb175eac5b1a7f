"""Spikes: single corrupted samples of k-space lay stripes over the whole image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def _wave(size: Sequence[int], positions: Sequence[int], phase_rad: float) -> Tensor:
    """Return exp(i (2 pi sum k x / n + phase)) as an outer product over the axes."""
    wave = torch.polar(torch.ones(()), torch.tensor(float(phase_rad)))
    for axis, (length, position) in enumerate(zip(size, positions, strict=True)):
        # whole turns removed before the multiplication, for float32
        turns = (torch.arange(length) * position % length) / length
        line = torch.polar(torch.ones(length), 2 * torch.pi * turns)
        wave = wave * line.reshape([-1 if n == axis else 1 for n in range(len(size))])
    return wave


def add_kspace_spikes(
    image: Tensor,
    positions: Sequence[Sequence[int]],
    *,
    amplitudes: Sequence[float],
    phases_rad: Sequence[float],
) -> Tensor:
    """Add spikes to the k-space of an image: herringbone stripes.

    The largest sample of the k-space of an image >= 0 is its centre, the sum of
    the image, and a spike is one plane wave. So the stripes are added to the
    image itself, and nothing is transformed.

    Args:
        image: ``(B, C, *spatial)`` float >= 0.
        positions: line number along each spatial axis for each spike; 0 is the
            centre of k-space.
        amplitudes: height of each spike relative to the centre of k-space.
        phases_rad: phase of each spike.

    Returns:
        ``(B, C, *spatial)`` magnitude image.

    Source: Graves and Mitchell 2013, JMRI 38:269 (spikes and herringbone artefact).
    """
    size = image.shape[2:]
    waves = torch.zeros(tuple(size), dtype=torch.complex64)
    for position, amplitude, phase in zip(positions, amplitudes, phases_rad, strict=True):
        waves += amplitude * _wave(size, position, phase)
    mean = image.mean(dim=tuple(range(2, image.ndim)), keepdim=True)
    waves = waves.to(image.device)
    return torch.hypot(image + mean * waves.real, mean * waves.imag)
