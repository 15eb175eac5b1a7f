"""Multiplicative fields: receive bias, fall-off of a posterior surface coil, saturation band."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from spinesynth.kernels.smooth_noise import upsample_nodes


def apply_bias_field(image: Tensor, log_nodes: Tensor) -> Tensor:
    """Multiply an image by the exponential of a smooth field.

    Args:
        image: ``(B, C, *spatial)`` float.
        log_nodes: ``(B, 1, *coarse)`` log of the gain at coarse nodes; zeros
            leave the image as it is.

    Returns:
        ``(B, C, *spatial)`` float.

    Source: Billot et al. 2023, Medical Image Analysis 86:102789 (4-node log-normal field).
    """
    gain = upsample_nodes(log_nodes, image.shape[2:]).exp_()
    return gain.mul_(image) if gain.shape == image.shape else gain * image


def apply_surface_coil(
    image: Tensor, decay_mm: float, *, axis: int, spacing_mm: float, floor: float = 0.0
) -> Tensor:
    """Let the signal fall off from the first voxel of an axis, as behind a spine coil.

    Args:
        image: ``(B, C, *spatial)`` float; index 0 of ``axis`` lies at the coil
            (posterior, where the axis points anterior).
        decay_mm: distance over which sensitivity falls to 1/e; infinity is neutral.
        axis: tensor axis that points away from the coil.
        spacing_mm: voxel size along that axis.
        floor: sensitivity that remains far away, in [0, 1] (body coil share).

    Returns:
        ``(B, C, *spatial)`` float.
    """
    depth_mm = torch.arange(image.shape[axis], device=image.device) * spacing_mm
    gain = floor + (1 - floor) * torch.exp(-depth_mm / decay_mm)
    shape = [1] * image.ndim
    shape[axis] = -1
    return image * gain.reshape(shape)


def apply_saturation_band(
    image: Tensor,
    remaining: float,
    *,
    edge: float,
    lean: float,
    transition_mm: float,
    spacing_mm: Sequence[float],
) -> Tensor:
    """Take signal from what lies beyond a straight edge along the last axis but one.

    Args:
        image: ``(B, C, *spatial)`` float; the last axes point anterior and superior.
        remaining: share of the signal that remains far inside the band; 1 is neutral.
        edge: where the band begins at the middle of the last axis, as a share of the
            size of the anterior axis.
        lean: how far the edge moves anteriorly per mm upwards, mm/mm.
        transition_mm: scale of the logistic fall of the signal.
        spacing_mm: voxel size along the anterior and the superior axis.

    Returns:
        ``(B, C, *spatial)`` float.

    Source: Felmlee & Ehman 1987, Radiology 164:559; the logistic profile is nominal.
    """
    anterior, superior = (
        (torch.arange(n, device=image.device) - share * (n - 1)) * step
        for n, step, share in zip(image.shape[-2:], spacing_mm, (edge, 0.5), strict=True)
    )
    depth_mm = anterior[:, None] - lean * superior[None]
    return image * (1 - (1 - remaining) * torch.sigmoid(depth_mm / transition_mm))
