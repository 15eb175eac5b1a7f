"""Lose resolution as a scanner does: blur by the slice profile, sample, interpolate back.

Each axis is one matrix product, aligned at the centre of the field of view, so
that an image never shifts against its label map (several libraries shift it by
more than a voxel).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from spinesynth.kernels.axis_product import Banded, apply_along_axis, banded
from spinesynth.kernels.slice_profile import profile_weights


@dataclass(frozen=True)
class AxisSampling:
    """Acquisition ``(m, n)`` and interpolation ``(n, m)`` of one axis."""

    acquire: Banded
    restore: Banded

    @property
    def reduction(self) -> float:
        """Coarse voxels for each fine one."""
        rows, columns = self.acquire.matrix.shape
        return rows / columns


def acquired_size(size: int, factor: float) -> int:
    """Return the number of coarse voxels along an axis of ``size`` fine ones."""
    return max(1, round(size / factor))


def acquisition_matrices(
    size: int, factor: float, *, thickness: float | None = None, profile: str = "gaussian"
) -> tuple[Tensor, Tensor]:
    """Return the matrices that acquire an axis coarsely and interpolate it back.

    Args:
        size: number of voxels along the axis.
        factor: distance between coarse voxels over fine voxel size, at least 1.
        thickness: width of a coarse voxel in fine voxels; ``factor``, which leaves
            no gap, unless given.
        profile: name of a slice profile, see
            :func:`spinesynth.kernels.slice_profile.profile_weights`.

    Returns:
        ``(m, size)`` acquisition and ``(size, m)`` linear interpolation matrix.

    Raises:
        ValueError: if ``factor`` is below 1 or not finite, ``thickness`` is not
            positive and finite, or the profile is unknown.
    """
    if not (math.isfinite(factor) and factor >= 1):
        raise ValueError(f"factor must be finite and >= 1 (coarse over fine voxel), got {factor}")
    coarse = acquired_size(size, factor)
    fine_centres = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    coarse_centres = (torch.arange(coarse, dtype=torch.float64) - (coarse - 1) / 2) * factor
    distance = coarse_centres[:, None] - fine_centres[None]
    acquire = profile_weights(distance, factor if thickness is None else thickness, profile=profile)
    position = (fine_centres / factor + (coarse - 1) / 2).clamp(0, coarse - 1)
    spread = (position[:, None] - torch.arange(coarse)[None]).abs()
    return acquire.float(), (1 - spread).clamp(min=0).float()


# factors are drawn from a continuum: a hit is the same sample again, a larger cache only grows
@functools.lru_cache(maxsize=8)
def _axis_sampling(
    size: int, factor: float, thickness: float | None, profile: str
) -> AxisSampling | None:
    if factor == 1:
        return None
    there, back = acquisition_matrices(size, factor, thickness=thickness, profile=profile)
    return AxisSampling(banded(there), banded(back))


def sampling_of_axes(
    shape: Sequence[int],
    factor: Sequence[float],
    *,
    thickness: Sequence[float] | None = None,
    profile: str = "gaussian",
) -> tuple[AxisSampling | None, ...]:
    """Return the sampling of each axis; None where the factor is 1.

    Args:
        shape: size of each spatial axis.
        factor: for each, distance between coarse voxels over fine voxel size.
        thickness: for each, width of a coarse voxel in fine voxels; ``factor``
            unless given.
        profile: name of a slice profile.

    Raises:
        ValueError: if a factor is below 1 or their number is not that of the axes.
    """
    widths = [None] * len(shape) if thickness is None else list(thickness)
    for name, values in (("factor", factor), ("thickness", widths)):
        if len(values) != len(shape):
            raise ValueError(f"{name} needs {len(shape)} entries, one an axis, got {len(values)}")
    return tuple(
        _axis_sampling(n, float(f), w, profile)
        for n, f, w in zip(shape, factor, widths, strict=True)
    )


def _ordered(matrices: Sequence[AxisSampling | None]) -> list[tuple[int, AxisSampling]]:
    """Return the axes to sample, strongest reduction first: what follows is smaller."""
    axes = [(axis, m) for axis, m in enumerate(matrices, start=2) if m is not None]
    return sorted(axes, key=lambda entry: entry[1].reduction)


def acquire(image: Tensor, matrices: Sequence[AxisSampling | None]) -> Tensor:
    """Blur and sample ``(B, C, *spatial)`` to ``(B, C, *coarse)``."""
    for axis, matrix in _ordered(matrices):
        image = apply_along_axis(matrix.acquire, image, axis)
    return image


def restore(image: Tensor, matrices: Sequence[AxisSampling | None]) -> Tensor:
    """Interpolate ``(B, C, *coarse)`` back to ``(B, C, *spatial)``."""
    for axis, matrix in reversed(_ordered(matrices)):
        image = apply_along_axis(matrix.restore, image, axis)
    return image


def degrade_resolution(
    image: Tensor,
    factor: Sequence[float],
    *,
    thickness: Sequence[float] | None = None,
    profile: str = "gaussian",
) -> Tensor:
    """Acquire an image with larger voxels and return it on its own grid.

    Args:
        image: ``(B, C, *spatial)`` float.
        factor: for each spatial axis, distance between coarse voxels over fine
            voxel size, at least 1; 1 leaves the axis exactly as it is.
        thickness: for each spatial axis, width of a coarse voxel in fine voxels;
            ``factor`` unless given.
        profile: name of a slice profile.

    Returns:
        New ``(B, C, *spatial)`` float tensor, centre-aligned with the input.

    Raises:
        ValueError: if a factor is below 1 or their number is not that of the axes.
    """
    matrices = sampling_of_axes(image.shape[2:], factor, thickness=thickness, profile=profile)
    result = restore(acquire(image, matrices), matrices)
    return image.clone() if result is image else result
