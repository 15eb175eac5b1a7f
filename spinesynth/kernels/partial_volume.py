"""Partial volume: a voxel on a border holds a mixture of the tissues on both sides."""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor

from spinesynth.kernels.axis_product import Banded, apply_along_axis, banded
from spinesynth.kernels.slice_profile import FWHM_PER_SIGMA


# widths are drawn from a continuum: a hit is another axis or the same sample again
@functools.lru_cache(maxsize=8)
def voxel_blur_matrix(size: int, fwhm_vox: float) -> Tensor:
    """Return the matrix that blurs an axis of voxels with a Gaussian.

    Each weight is the Gaussian's integral over one voxel, so that a step
    between two voxels becomes exactly the ramp ``Phi(distance / sigma)``; beyond
    the ends the last voxel goes on.

    Args:
        size: number of voxels along the axis.
        fwhm_vox: full width at half maximum in voxels, > 0.

    Returns:
        ``(size, size)`` float32 whose rows sum to 1.
    """
    sigma_vox = fwhm_vox / FWHM_PER_SIGMA
    edges = (torch.arange(2 * size, dtype=torch.float64) - size + 0.5) / sigma_vox
    below = torch.special.ndtr(edges)
    # row i holds the weights of the voxels at the distances -i .. size - 1 - i
    matrix = below.diff().unfold(0, size, 1).flip(0).clone()
    matrix[:, 0] = below[1 : size + 1].flip(0) if size > 1 else 1.0
    if size > 1:
        matrix[:, -1] = 1 - below[size - 1 : 2 * size - 1].flip(0)
    result: Tensor = matrix.float()
    return result


def blend_borders(means: Tensor, fwhm_vox: float) -> Tensor:
    """Blur painted means a little along all axes, so that border voxels are mixtures.

    It belongs before the noise: what varies within a tissue stays sharp.

    Args:
        means: ``(B, C, *spatial)`` float, the noiseless image.
        fwhm_vox: full width at half maximum of the blur in voxels; 0 keeps it.

    Returns:
        New ``(B, C, *spatial)`` float tensor.

    Raises:
        ValueError: if the width is negative or not finite.

    Source: Van Leemput et al. 2003, IEEE TMI 22:105 (mixtures in border voxels).
    """
    if not (math.isfinite(fwhm_vox) and fwhm_vox >= 0):
        raise ValueError(f"fwhm_vox must be finite and >= 0, got {fwhm_vox}")
    if fwhm_vox == 0:
        return means.clone()
    for axis, size in enumerate(means.shape[2:], start=2):
        means = apply_along_axis(_band(size, fwhm_vox), means, axis)
    return means


def _band(size: int, fwhm_vox: float) -> Banded:
    return banded(voxel_blur_matrix(size, fwhm_vox))
