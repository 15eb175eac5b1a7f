"""One sampling grid for affine and diffeomorphic deformation, evaluated at the patch only."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from spinesynth.kernels.smooth_noise import upsample_nodes


def rotation_matrix(angles_rad: Sequence[float]) -> Tensor:
    """Return a rotation matrix: one angle in 2D, three (about i, j, k) in 3D."""
    if len(angles_rad) == 1:
        cos, sin = math.cos(angles_rad[0]), math.sin(angles_rad[0])
        return torch.tensor([[cos, -sin], [sin, cos]])
    matrix = torch.eye(3)
    for axis, angle in enumerate(angles_rad):
        cos, sin = math.cos(angle), math.sin(angle)
        turn = torch.eye(3)
        one, two = [a for a in range(3) if a != axis]
        turn[one, one], turn[one, two], turn[two, one], turn[two, two] = cos, -sin, sin, cos
        matrix = matrix @ turn
    return matrix


def integrate_velocity(velocity: Tensor, *, steps: int = 5) -> Tensor:
    """Integrate a stationary velocity field by scaling and squaring.

    Args:
        velocity: ``(1, D, *coarse)`` float in units of the coarse grid's nodes.
        steps: number of squarings; the flow is divided into 2**steps.

    Returns:
        ``(1, D, *coarse)`` displacement of a diffeomorphism, in nodes.

    Source: Arsigny et al. 2006, MICCAI, doi 10.1007/11866565_113.
    """
    size = velocity.shape[2:]
    axes = [torch.linspace(-1, 1, n, device=velocity.device) for n in size]
    identity = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1)
    to_unit = torch.tensor([2 / max(n - 1, 1) for n in size], device=velocity.device)
    flow = velocity / float(2**steps)
    for _ in range(steps):
        # grid_sample wants the last tensor axis first
        grid = (identity + flow[0].movedim(0, -1) * to_unit).flip(-1)[None]
        moved = functional.grid_sample(flow, grid, padding_mode="border", align_corners=True)
        flow = flow + moved
    return flow


def sampling_coordinates(
    patch_size: Sequence[int],
    matrix: Tensor,
    *,
    centre_vox: Sequence[float],
    spacing_out_mm: Sequence[float],
    spacing_in_mm: Sequence[float],
    displacement_mm: Tensor | None = None,
) -> Tensor:
    """Return where each voxel of an output patch samples the input.

    Args:
        patch_size: output size of each of the D spatial axes.
        matrix: ``(D, D)`` linear map from output to input millimetres.
        centre_vox: input voxel coordinate onto which the patch centre falls.
        spacing_out_mm: voxel size of the patch.
        spacing_in_mm: voxel size of the input.
        displacement_mm: ``(1, D, *nodes)`` displacement at coarse nodes over the
            patch, added to output millimetres before ``matrix``; None for none.

    Returns:
        ``(D, *patch_size)`` float32 voxel coordinates in the input.
    """
    dims = len(patch_size)
    points = []
    for axis, (size, spacing) in enumerate(zip(patch_size, spacing_out_mm, strict=True)):
        shape = [1] * dims
        shape[axis] = size
        points.append(((torch.arange(size) - (size - 1) / 2) * spacing).reshape(shape))
    if displacement_mm is not None:
        field = upsample_nodes(displacement_mm, patch_size)[0]
        points = [point + field[axis] for axis, point in enumerate(points)]
    coordinates = []
    for axis in range(dims):
        total = torch.full([1] * dims, float(centre_vox[axis]))
        for other in range(dims):
            total = total + matrix[axis, other].item() / spacing_in_mm[axis] * points[other]
        coordinates.append(total.expand(*patch_size))
    return torch.stack(coordinates)


def warp_nearest(labels: Tensor, coordinates: Tensor, *, fill: int = 0) -> Tensor:
    """Sample a label map at voxel coordinates without inventing a value.

    Args:
        labels: ``(C, *spatial)`` integer.
        coordinates: ``(D, *patch)`` float voxel coordinates.
        fill: value outside the map.

    Returns:
        ``(C, *patch)`` of the labels' dtype.
    """
    index, inside = None, None
    for axis, size in enumerate(labels.shape[1:]):
        nearest = coordinates[axis].round().to(torch.int32)
        within = (nearest >= 0) & (nearest < size)
        inside = within if inside is None else inside & within
        nearest = nearest.clamp(0, size - 1)
        index = nearest if index is None else index * size + nearest
    assert index is not None and inside is not None  # a map has at least one axis
    sampled = labels.flatten(1).index_select(1, index.flatten()).reshape(-1, *index.shape)
    return torch.where(inside[None], sampled, torch.full_like(sampled, fill))


def warp_linear(image: Tensor, coordinates: Tensor) -> Tensor:
    """Sample an image at voxel coordinates, linear, 0 outside.

    Args:
        image: ``(C, *spatial)`` float.
        coordinates: ``(D, *patch)`` float voxel coordinates.

    Returns:
        ``(C, *patch)`` float.
    """
    size = torch.tensor(image.shape[1:], dtype=coordinates.dtype, device=coordinates.device)
    shape = (-1, *[1] * (coordinates.ndim - 1))
    unit = (2 * coordinates + 1) / size.reshape(shape) - 1
    grid = unit.movedim(0, -1).flip(-1)[None]
    return functional.grid_sample(image[None].float(), grid, align_corners=False)[0]
