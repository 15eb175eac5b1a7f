"""Smooth random fields from few coarse nodes, upsampled by separable matrices.

A matrix per axis costs a tenth of ``torch.nn.functional.interpolate`` on a
volume, and a cubic B-spline costs no more than a linear one.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor

from spinesynth.kernels.axis_product import apply_along_axis


@functools.lru_cache(maxsize=256)
def bspline_matrix(size_out: int, nodes: int) -> Tensor:
    """Return the cubic B-spline weights from coarse nodes to voxels.

    Args:
        size_out: number of voxels along the axis, at least 1.
        nodes: number of coarse nodes along the axis, at least 2; the first and
            the last node lie on the first and the last voxel.

    Returns:
        Float tensor ``(size_out, nodes)`` whose rows sum to 1.

    Source: Unser 1999, IEEE Signal Processing Magazine 16(6):22, equation 3.
    """
    position = torch.linspace(0, nodes - 1, size_out)
    distance = (position[:, None] - torch.arange(-1, nodes + 1)[None]).abs()
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = (2 - distance).clamp(min=0) ** 3 / 6
    weights = torch.where(distance < 1, near, far)
    weights[:, 1] += weights[:, 0]  # nodes beyond the border repeat the border node
    weights[:, -2] += weights[:, -1]
    return weights[:, 1:-1].contiguous()


def upsample_nodes(nodes: Tensor, shape: Sequence[int], *, rows: slice = slice(None)) -> Tensor:
    """Upsample coarse nodes to a full grid, or to some rows of it, by cubic B-splines.

    Args:
        nodes: ``(B, C, *coarse)`` float.
        shape: size of each spatial axis of the full grid.
        rows: which part of the last axis but one to evaluate, in voxels of ``shape``;
            its values are those of the full grid to float32 rounding, most of them exactly.

    Returns:
        ``(B, C, *shape)`` float of the same device.
    """
    for axis, size in enumerate(shape, start=2):
        matrix = bspline_matrix(size, nodes.shape[axis])
        if axis == nodes.ndim - 2:
            matrix = matrix[rows]
        nodes = apply_along_axis(matrix, nodes, axis)
    return nodes


def noise_nodes(shape: Sequence[int], scale_vox: Sequence[float]) -> tuple[list[int], float]:
    """Return how many coarse nodes a field has, and the spread that upsampling leaves of them.

    Args:
        shape: size of each spatial axis.
        scale_vox: distance between independent nodes along each axis, in voxels.

    Returns:
        Nodes along each axis, at least 2, and the spread of white nodes of unit
        spread after B-spline upsampling: sqrt(151/315) per axis.
    """
    coarse = [max(2, round(n / max(s, 1.0)) + 1) for n, s in zip(shape, scale_vox, strict=True)]
    return coarse, (151 / 315) ** (len(shape) / 2)


def draw_nodes(
    shape: Sequence[int],
    scale_vox: Sequence[float],
    *,
    generator: torch.Generator,
    channels: int = 1,
) -> Tensor:
    """Draw the nodes that :func:`upsample_nodes` makes smooth noise of.

    Args:
        shape: size of each spatial axis of the noise.
        scale_vox: distance between independent nodes along each axis, in voxels.
        generator: CPU generator; the only source of randomness.
        channels: number of independent fields.

    Returns:
        ``(1, channels, *coarse)`` float32, of about unit spread after upsampling.
    """
    coarse, spread = noise_nodes(shape, scale_vox)
    return torch.randn(1, channels, *coarse, generator=generator).div_(spread)


def smooth_noise(
    shape: Sequence[int],
    scale_vox: Sequence[float],
    *,
    generator: torch.Generator,
    channels: int = 1,
) -> Tensor:
    """Draw smooth Gaussian noise of zero mean and about unit spread.

    Args:
        shape: spatial size, two or three axes.
        scale_vox: distance between independent nodes along each axis, in voxels.
        generator: CPU generator; the only source of randomness.
        channels: number of independent fields.

    Returns:
        ``(1, channels, *shape)`` float32.
    """
    nodes = draw_nodes(shape, scale_vox, generator=generator, channels=channels)
    return upsample_nodes(nodes, shape)
