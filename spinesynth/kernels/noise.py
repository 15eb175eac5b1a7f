"""Noise of magnitude images."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from spinesynth.kernels.axis_product import Banded, apply_along_axis, banded
from spinesynth.kernels.smooth_noise import upsample_nodes

_G_FACTOR_NODES = 4


def _correlation_matrix(size: int, correlation_vox: float) -> Banded:
    """Return the Gaussian of one axis whose rows have unit energy."""
    index = torch.arange(size)
    # one row of exponentials: far down the tail they are slow
    profile = torch.exp(-0.5 * (index.float() / correlation_vox) ** 2)
    kernel = profile[(index[:, None] - index[None]).abs()]
    return banded(kernel / kernel.square().sum(1, keepdim=True).sqrt())


def draw_g_factor(shape: tuple[int, ...], peak: float, *, generator: torch.Generator) -> Tensor:
    """Draw a smooth map of noise amplification between 1 and a peak.

    Args:
        shape: size of each spatial axis.
        peak: upper bound, at least 1; parallel imaging along one axis stays below 2.
        generator: CPU generator.

    Returns:
        ``(1, 1, *shape)`` float32 in [1, peak].

    Raises:
        ValueError: if ``peak`` is below 1 or not finite.

    Source: Pruessmann et al. 1999, MRM 42:952, equation 23 (the map is drawn, not computed).
    """
    if not (math.isfinite(peak) and peak >= 1):
        raise ValueError(f"peak must be finite and >= 1, got {peak}")
    nodes = torch.rand((1, 1, *[_G_FACTOR_NODES] * len(shape)), generator=generator)
    return upsample_nodes(1 + (peak - 1) * nodes, shape).clamp_(1, peak)


def add_chi_noise(
    image: Tensor,
    sigma: float,
    *,
    coils: int,
    generator: torch.Generator,
    correlation_vox: float = 0.0,
    g_factor: Tensor | None = None,
) -> Tensor:
    """Add complex Gaussian noise in each coil and take the root of the sum of squares.

    Args:
        image: ``(B, C, *spatial)`` float, what the coils together see without noise.
        sigma: standard deviation in each real channel, >= 0, in units of the
            image; 0 leaves the image as it is.
        coils: number of complex channels, at least 1; the result depends on the
            signal of all together, not on its share in each.
        generator: CPU generator.
        correlation_vox: Gaussian width of the noise's correlation in voxels, as
            interpolation by the scanner leaves it; 0 is white.
        g_factor: factor of ``sigma`` in each voxel, broadcast to the image.

    Returns:
        New ``(B, C, *spatial)`` float tensor >= 0.

    Raises:
        ValueError: if ``coils`` is below 1.

    Source: Constantinides, Atalar and McVeigh 1997, MRM 38:852, equation 2.
    """
    if coils < 1:
        raise ValueError(f"coils must be at least 1, got {coils}")
    if sigma == 0:
        return image.clone()
    smoothing = (
        [_correlation_matrix(n, correlation_vox) for n in image.shape[2:]]
        if correlation_vox > 0
        else []
    )

    def channel() -> Tensor:
        noise = torch.randn(image.shape, generator=generator).to(image)
        for axis, matrix in enumerate(smoothing, start=2):
            noise = apply_along_axis(matrix, noise, axis)
        return noise.mul_(sigma) if g_factor is None else noise.mul_(sigma).mul_(g_factor)

    magnitude = channel().add_(image)
    for _ in range(2 * coils - 1):
        magnitude.hypot_(channel())
    return magnitude


def add_rician_noise(
    image: Tensor,
    sigma: float,
    *,
    generator: torch.Generator,
    correlation_vox: float = 0.0,
    g_factor: Tensor | None = None,
) -> Tensor:
    """Add complex Gaussian noise and take the magnitude: one coil.

    Args:
        image: ``(B, C, *spatial)`` float >= 0.
        sigma: standard deviation in each of the two channels, >= 0, in units of
            the image; 0 leaves the image as it is.
        generator: CPU generator.
        correlation_vox: as for :func:`add_chi_noise`.
        g_factor: as for :func:`add_chi_noise`.

    Returns:
        New ``(B, C, *spatial)`` float tensor >= 0.

    Source: Gudbjartsson and Patz 1995, MRM 34:910, equation 1.
    """
    return add_chi_noise(
        image,
        sigma,
        coils=1,
        generator=generator,
        correlation_vox=correlation_vox,
        g_factor=g_factor,
    )


def add_gaussian_noise(
    image: Tensor, sigma: float, *, generator: torch.Generator, g_factor: Tensor | None = None
) -> Tensor:
    """Add white Gaussian noise of standard deviation ``sigma`` (the owner's simple option)."""
    noise = torch.randn(image.shape, generator=generator).to(image).mul_(sigma)
    return (noise if g_factor is None else noise.mul_(g_factor)).add_(image)
