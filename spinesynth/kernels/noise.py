"""Noise of magnitude images."""

from __future__ import annotations

import torch
from torch import Tensor

from spinesynth.kernels.smooth_noise import apply_along_axis


def _correlate(noise: Tensor, correlation_vox: float) -> Tensor:
    """Smooth white noise over neighbouring voxels, keeping its spread at 1."""
    if correlation_vox <= 0:
        return noise
    for axis in range(2, noise.ndim):
        size = noise.shape[axis]
        index = torch.arange(size, device=noise.device)
        distance = (index[:, None] - index[None]).float() / correlation_vox
        kernel = torch.exp(-0.5 * distance**2)
        kernel = kernel / kernel.square().sum(1, keepdim=True).sqrt()
        noise = apply_along_axis(kernel, noise, axis)
    return noise


def add_rician_noise(
    image: Tensor, sigma: float, *, generator: torch.Generator, correlation_vox: float = 0.0
) -> Tensor:
    """Add complex Gaussian noise and take the magnitude.

    Args:
        image: ``(B, C, *spatial)`` float >= 0.
        sigma: standard deviation in each of the two channels, >= 0, in units of
            the image; 0 leaves the image as it is.
        generator: CPU generator.
        correlation_vox: Gaussian width of the noise's correlation in voxels, as
            interpolation by the scanner leaves it; 0 is white.

    Returns:
        ``(B, C, *spatial)`` float >= 0.

    Source: Gudbjartsson and Patz 1995, MRM 34:910, equation 1.
    """
    if sigma == 0:
        return image.clone()
    real, imaginary = (
        _correlate(torch.randn(image.shape, generator=generator).to(image), correlation_vox)
        for _ in range(2)
    )
    return torch.hypot(image + sigma * real, sigma * imaginary)


def add_gaussian_noise(image: Tensor, sigma: float, *, generator: torch.Generator) -> Tensor:
    """Add white Gaussian noise of standard deviation ``sigma`` (the owner's simple option)."""
    return image + sigma * torch.randn(image.shape, generator=generator).to(image)
