"""Smooth spots, and what changes within one: brightness, or the gamma curve."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def gaussian_spot(
    shape: Sequence[int], *, centre_vox: Sequence[float], width_vox: Sequence[float]
) -> Tensor:
    """Return a Gaussian bump whose highest voxel within the image is 1.

    Args:
        shape: of the image, its spatial axes.
        centre_vox: voxel of the peak along each axis; it may lie outside.
        width_vox: standard deviation along each axis in voxels, > 0.

    Returns:
        float32 tensor of ``shape`` in [0, 1].

    Example:
        >>> gaussian_spot((1, 3), centre_vox=(0, 1), width_vox=(1, 1)).round(decimals=2)
        tensor([[0.6100, 1.0000, 0.6100]])
    """
    exponent = torch.zeros(())
    for axis, (size, centre, width) in enumerate(zip(shape, centre_vox, width_vox, strict=True)):
        steps = ((torch.arange(size) - centre) / width) ** 2 / 2
        exponent = exponent + steps.reshape([-1 if n == axis else 1 for n in range(len(shape))])
    return torch.exp(exponent.min() - exponent)  # the peak is 1 wherever its centre lies


def apply_local_gamma(image: Tensor, gamma: float, spot: Tensor) -> Tensor:
    """Raise intensities, scaled to the range of the image, to a power within a spot.

    Args:
        image: ``(C, *spatial)`` float; it is treated as one image.
        gamma: exponent > 0; 1 is neutral.
        spot: ``spatial`` share of the change in [0, 1].

    Returns:
        ``(C, *spatial)`` float; least and greatest value of the image bound it.
    """
    low = image.amin()
    span = (image.amax() - low).clamp(min=torch.finfo(image.dtype).tiny)
    unit = ((image - low) / span).clamp(0, 1)
    return torch.lerp(unit, unit.pow(gamma), spot) * span + low
