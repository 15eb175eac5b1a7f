"""Slice profiles: how a coarse voxel weighs the fine ones along one axis."""

from __future__ import annotations

import math

import torch
from torch import Tensor

FWHM_PER_SIGMA = 2 * math.sqrt(2 * math.log(2))  # of a Gaussian
_INTRINSIC_FWHM = 1.0  # a voxel already averages over one voxel
_NARROW_SIGMA = 0.6  # in fine voxels
_HAT, _TAIL = 1.001, 8.0  # a hat ends at 1; a Gaussian is below 1e-13 of its height at 8 widths
_LOBES = 3  # of the sinc on either side, where its Hamming window ends
# three-point Gauss rule on a voxel of width 1: its error is below 1e-4 for a sinc of one voxel
_GAUSS_RULE = ((-math.sqrt(0.15), 5 / 18), (0.0, 4 / 9), (math.sqrt(0.15), 5 / 18))


def _gaussian(distance: Tensor, thickness: float) -> Tensor:
    """Weigh by a Gaussian whose full width at half maximum is the thickness.

    The width that the fine voxels have averaged over already is taken off in
    quadrature. A sampled Gaussian much narrower than the voxels puts its centre
    up to 0.16 voxel aside. A narrow one therefore acts on the linearly
    interpolated image, whose own kernel is a hat of variance 1/6, which puts it
    where it belongs.
    """
    sigma = math.sqrt(max(thickness**2 - _INTRINSIC_FWHM**2, 0.0)) / FWHM_PER_SIGMA
    near = distance.abs() <= _HAT + _TAIL * sigma  # few of them, and exponentials cost the most
    weights = torch.zeros_like(distance)
    weights[near] = _gaussian_of_all(distance[near], sigma)
    return weights


def _gaussian_of_all(distance: Tensor, sigma: float) -> Tensor:
    """Return the Gaussian's weights at some distances."""
    if sigma >= _NARROW_SIGMA:
        return torch.exp(-0.5 * (distance / sigma) ** 2)
    rest = math.sqrt(max(sigma**2 - 1 / 6, 1e-12))

    def ramp(x: Tensor) -> Tensor:
        """Return the second antiderivative of the Gaussian of width ``rest``."""
        below: Tensor = torch.special.ndtr(x / rest)
        return x * below + rest * torch.exp(-0.5 * (x / rest) ** 2) / math.sqrt(2 * math.pi)

    return ramp(distance + 1) - 2 * ramp(distance) + ramp(distance - 1)


def _box(distance: Tensor, thickness: float) -> Tensor:
    """Weigh by the share of each fine voxel that lies within the thickness.

    A voxel cut by the edge of the box counts at its centre, which puts the row's
    centre of mass aside; a little weight moved from one end voxel to the other
    puts it back.
    """
    half = thickness / 2
    weights = (half + 0.5 - distance.abs()).clamp(0, min(1.0, thickness))
    present = (weights > 0).int()
    ends = [present.argmax(1), distance.shape[1] - 1 - present.flip(1).argmax(1)]
    first, last = (end[:, None] for end in ends)
    inside = weights.sum(1, keepdim=True) > thickness - 1e-9  # not cut by the field of view
    aside = -(weights * distance).sum(1, keepdim=True) / (last - first).clamp(min=1)
    moved = aside * (inside & (last > first))
    return weights.scatter_add(1, first, moved).scatter_add(1, last, -moved)


def _sinc(distance: Tensor, thickness: float) -> Tensor:
    """Weigh by a Hamming-windowed sinc, integrated over each fine voxel."""

    def profile(x: Tensor) -> Tensor:
        window = 0.54 + 0.46 * torch.cos(torch.pi * x / _LOBES)
        return torch.sinc(x) * window * (x.abs() <= _LOBES)

    points = [weight * profile((distance + at) / thickness) for at, weight in _GAUSS_RULE]
    return points[0] + points[1] + points[2]


_PROFILES = {"gaussian": _gaussian, "box": _box, "sinc": _sinc}
#: Names of the slice profiles.
PROFILES = tuple(_PROFILES)


def profile_weights(distance: Tensor, thickness: float, *, profile: str = "gaussian") -> Tensor:
    """Weigh fine voxels by their distance from the centre of a coarse one.

    Args:
        distance: ``(m, n)`` float64, centre of each coarse voxel less the centre of
            each fine voxel, in fine voxels.
        thickness: nominal width of a coarse voxel in fine voxels; less than one
            counts as one, which the fine voxels have averaged over already.
        profile: ``"gaussian"`` (full width at half maximum is the thickness),
            ``"box"`` (constant over the thickness), ``"sinc"`` (Hamming-windowed,
            three lobes on either side, first zero one thickness from the centre;
            negative in places, so that edges ring).

    Returns:
        ``(m, n)`` float64 whose rows sum to 1.

    Raises:
        ValueError: if ``thickness`` is not positive and finite or the profile is unknown.

    Source: Bernstein, King and Zhou 2004, Handbook of MRI Pulse Sequences,
    section 2.2 (SINC pulses and their Hamming window).
    """
    if not (math.isfinite(thickness) and thickness > 0):
        raise ValueError(f"thickness must be finite and > 0, got {thickness}")
    if profile not in _PROFILES:
        raise ValueError(f"profile must be one of {PROFILES}, got {profile!r}")
    weights = _PROFILES[profile](distance, max(thickness, _INTRINSIC_FWHM))
    return weights / weights.sum(1, keepdim=True)
