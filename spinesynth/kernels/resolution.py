"""Lose resolution as a scanner does: blur by the slice profile, sample, interpolate back.

Each axis is one matrix product, aligned at the centre of the field of view, so
that an image never shifts against its label map (several libraries shift it by
more than a voxel).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from spinesynth.kernels.smooth_noise import apply_along_axis

_FWHM_PER_SIGMA = 2 * math.sqrt(2 * math.log(2))
_INTRINSIC_FWHM = 1.0  # a voxel already averages over one voxel
_NARROW_SIGMA = 0.6  # in fine voxels


def _slice_profile(distance: Tensor, sigma: float) -> Tensor:
    """Weigh fine voxels by their distance from a coarse centre, not yet normalised.

    A sampled Gaussian much narrower than the voxels puts its centre up to 0.16
    voxel aside. A narrow one therefore acts on the linearly interpolated image,
    whose own kernel is a hat of variance 1/6, which puts it where it belongs.
    """
    if sigma >= _NARROW_SIGMA:
        return torch.exp(-0.5 * (distance / sigma) ** 2)
    rest = math.sqrt(max(sigma**2 - 1 / 6, 1e-12))

    def ramp(x: Tensor) -> Tensor:
        """Return the second antiderivative of the Gaussian of width ``rest``."""
        below: Tensor = torch.special.ndtr(x / rest)
        return x * below + rest * torch.exp(-0.5 * (x / rest) ** 2) / math.sqrt(2 * math.pi)

    return ramp(distance + 1) - 2 * ramp(distance) + ramp(distance - 1)


@functools.lru_cache(maxsize=512)
def acquisition_matrices(size: int, factor: float) -> tuple[Tensor, Tensor]:
    """Return the matrices that acquire an axis coarsely and interpolate it back.

    Args:
        size: number of voxels along the axis.
        factor: coarse voxel size over fine voxel size, at least 1; the slice
            profile is a Gaussian whose full width at half maximum is the coarse
            voxel (in quadrature with what the fine voxel has averaged already).

    Returns:
        ``(m, size)`` acquisition and ``(size, m)`` linear interpolation matrix.

    Raises:
        ValueError: if ``factor`` is below 1 or not finite.
    """
    if not (math.isfinite(factor) and factor >= 1):
        raise ValueError(f"factor must be finite and >= 1 (coarse over fine voxel), got {factor}")
    coarse = max(1, round(size / factor))
    fine_centres = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    coarse_centres = (torch.arange(coarse, dtype=torch.float64) - (coarse - 1) / 2) * factor
    sigma = math.sqrt(max(factor**2 - _INTRINSIC_FWHM**2, 0.0)) / _FWHM_PER_SIGMA
    distance = coarse_centres[:, None] - fine_centres[None]
    profile = _slice_profile(distance, sigma)
    acquire = profile / profile.sum(1, keepdim=True)
    position = (fine_centres / factor + (coarse - 1) / 2).clamp(0, coarse - 1)
    spread = (position[:, None] - torch.arange(coarse)[None]).abs()
    return acquire.float(), (1 - spread).clamp(min=0).float()


def degrade_resolution(image: Tensor, factor: Sequence[float]) -> Tensor:
    """Acquire an image with larger voxels and return it on its own grid.

    Args:
        image: ``(B, C, *spatial)`` float.
        factor: for each spatial axis, coarse over fine voxel size, at least 1;
            1 leaves the axis exactly as it is.

    Returns:
        New ``(B, C, *spatial)`` float tensor, centre-aligned with the input.

    Raises:
        ValueError: if a factor is below 1 or their number is not that of the axes.
    """
    if len(factor) != image.ndim - 2:
        raise ValueError(f"factor needs {image.ndim - 2} entries, one an axis, got {len(factor)}")
    result = image
    for axis, value in enumerate(factor, start=2):
        if value == 1:
            continue
        acquire, restore = acquisition_matrices(image.shape[axis], float(value))
        result = apply_along_axis(restore, apply_along_axis(acquire, result, axis), axis)
    return image.clone() if result is image else result
