"""One sampling grid for affine and diffeomorphic deformation, evaluated at the patch only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from spinesynth.kernels.axis_product import apply_along_axis
from spinesynth.kernels.smooth_noise import bspline_matrix

#: Voxels evaluated at a time on the CPU: three coordinates of them fit the second cache.
_SLAB_VOXELS = 65536


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


@dataclass(frozen=True)
class SamplingGrid:
    """Where each voxel of an output patch samples the input, kept as small factors.

    The coordinates are ``rows + columns + nodes @ weights``. Any slab of the
    patch can be evaluated alone, so that it stays in the processor's cache.

    Args:
        rows: ``(D, *patch[:-1], 1)`` affine part that does not depend on the last axis.
        columns: ``(D, 1, ..., patch[-1])`` affine part that does.
        nodes: ``(D, *patch[:-1], n)`` displacement before its last upsampling; None for none.
        weights: ``(n, patch[-1])`` convex upsampling weights of the last axis.
    """

    rows: Tensor
    columns: Tensor
    nodes: Tensor | None = None
    weights: Tensor | None = None

    @classmethod
    def from_coordinates(cls, coordinates: Tensor) -> SamplingGrid:
        """Return a grid of any voxel coordinates ``(D, *patch)``."""
        shape = (len(coordinates), *[1] * (coordinates.ndim - 1))
        return cls(coordinates.float(), torch.zeros(shape, device=coordinates.device))

    @property
    def patch_size(self) -> tuple[int, ...]:
        """Output size of each spatial axis."""
        sizes = zip(self.rows.shape[1:], self.columns.shape[1:], strict=True)
        return tuple(max(pair) for pair in sizes)

    def to(self, device: torch.device) -> SamplingGrid:
        """Return the grid on another device."""
        nodes = None if self.nodes is None else self.nodes.to(device)
        weights = None if self.weights is None else self.weights.to(device)
        return SamplingGrid(self.rows.to(device), self.columns.to(device), nodes, weights)

    def coordinates(self, start: int = 0, stop: int | None = None) -> Tensor:
        """Return float32 voxel coordinates ``(D, stop - start, *patch[1:])`` in the input."""
        result = self.rows[:, start:stop] + self.columns
        if self.nodes is not None and self.weights is not None:
            # the affine part stays out of the product, whose precision users may reduce
            result.view(-1, result.shape[-1]).addmm_(
                self.nodes[:, start:stop].flatten(0, -2), self.weights
            )
        return result

    def bounds(self) -> list[tuple[float, float]]:
        """Return an interval for each axis that no coordinate leaves."""
        parts = [self.rows, self.columns, *([] if self.nodes is None else [self.nodes])]
        ends = [torch.stack(part.flatten(1).aminmax(dim=1)) for part in parts]
        low, high = torch.stack(ends).sum(0).tolist()
        return list(zip(low, high, strict=True))


def sampling_grid(
    patch_size: Sequence[int],
    matrix: Tensor,
    *,
    centre_vox: Sequence[float],
    spacing_out_mm: Sequence[float],
    spacing_in_mm: Sequence[float],
    displacement_mm: Tensor | None = None,
) -> SamplingGrid:
    """Compose place, linear map and deformation of a patch into one sampling grid.

    Args:
        patch_size: output size of each of the D spatial axes, D being 2 or 3.
        matrix: ``(D, D)`` linear map from output to input millimetres.
        centre_vox: input voxel coordinate onto which the patch centre falls.
        spacing_out_mm: voxel size of the patch.
        spacing_in_mm: voxel size of the input.
        displacement_mm: ``(1, D, *nodes)`` displacement at coarse nodes over the
            patch, added to output millimetres before ``matrix``; None for none.

    Returns:
        The grid in float32, on the CPU.

    Example:
        >>> still = {"spacing_out_mm": (1, 1), "spacing_in_mm": (1, 1)}
        >>> grid = sampling_grid((2, 2), torch.eye(2), centre_vox=(0.5, 4.5), **still)
        >>> grid.coordinates().tolist()
        [[[0.0, 0.0], [1.0, 1.0]], [[4.0, 5.0], [4.0, 5.0]]]
    """
    dims = len(patch_size)
    to_voxels = matrix / torch.tensor(spacing_in_mm).float()[:, None]
    rows = torch.tensor(centre_vox).float().reshape(dims, *[1] * dims)
    parts = []
    for axis, (size, spacing) in enumerate(zip(patch_size, spacing_out_mm, strict=True)):
        points = (torch.arange(size) - (size - 1) / 2) * spacing
        shape = [1] * dims
        shape[axis] = size
        parts.append((to_voxels[:, axis, None] * points).reshape(dims, *shape))
    for part in parts[:-1]:
        rows = rows + part
    if displacement_mm is None:
        return SamplingGrid(rows, parts[-1])
    # upsampling is linear: the few nodes are turned instead of all voxels
    nodes = torch.tensordot(to_voxels, displacement_mm[0], 1)
    for axis, size in enumerate(patch_size[:-1], start=1):
        nodes = apply_along_axis(bspline_matrix(size, nodes.shape[axis]), nodes, axis)
    weights = bspline_matrix(patch_size[-1], nodes.shape[-1])
    return SamplingGrid(rows, parts[-1], nodes.contiguous(), weights.T.contiguous())


def warp_nearest(labels: Tensor, grid: SamplingGrid, *, fill: int = 0) -> Tensor:
    """Sample a label map at the coordinates of a grid without inventing a value.

    Args:
        labels: ``(C, *spatial)`` integer.
        grid: sampling grid on the labels' device.
        fill: value outside the map.

    Returns:
        New ``(C, *patch)`` tensor of the labels' dtype.
    """
    source, low = _pad_where_left(labels, grid.bounds(), fill=fill)
    channels = source.flatten(1).unbind()
    first, *rest = grid.patch_size
    result = labels.new_empty((len(channels), first, *rest))
    slab = max(1, _SLAB_VOXELS // math.prod(rest)) if labels.device.type == "cpu" else first
    for begin in range(0, first, slab):
        index = _flat_index(grid.coordinates(begin, begin + slab), low, source.shape[1:])
        for channel, target in zip(channels, result[:, begin : begin + slab], strict=True):
            torch.index_select(channel, 0, index, out=target.view(-1))
    return result


def _flat_index(coordinates: Tensor, low: Sequence[int], sizes: Sequence[int]) -> Tensor:
    """Return where the voxels nearest to coordinates, which are overwritten, lie in a part."""
    index = torch.zeros((), dtype=torch.int32, device=coordinates.device)
    offset = 0
    coordinates.round_()
    for nearest, start, size in zip(coordinates, low, sizes, strict=True):
        kept = nearest.clamp_(start, start + size - 1).to(torch.int32)
        index = kept.add_(index, alpha=size)
        offset = offset * size + start
    return index.sub_(offset).flatten()


def _pad_where_left(
    labels: Tensor, bounds: Sequence[tuple[float, float]], *, fill: int
) -> tuple[Tensor, list[int]]:
    """Cut the part of a map within bounds, with one voxel of fill where they leave it.

    Returns:
        The part, and the voxel coordinate in ``labels`` of its first voxel.
    """
    low, high, cut, place = [], [], [], []
    for size, (first, last) in zip(labels.shape[1:], bounds, strict=True):
        # a voxel more on both sides, for rounding
        start = min(max(math.floor(first) - 1, -1), size)
        stop = max(min(math.ceil(last) + 2, size + 1), start + 1)
        low.append(start)
        high.append(stop)
        inside = max(start, 0), max(min(stop, size), 0)
        cut.append(slice(*inside))
        place.append(slice(inside[0] - start, inside[1] - start))
    shape = [stop - start for start, stop in zip(low, high, strict=True)]
    padded = labels.new_full((labels.shape[0], *shape), fill)
    padded[:, *place] = labels[:, *cut]
    return padded, low


def warp_linear(image: Tensor, grid: SamplingGrid) -> Tensor:
    """Sample an image at the coordinates of a grid, linear, 0 outside.

    Args:
        image: ``(C, *spatial)`` float.
        grid: sampling grid on the image's device.

    Returns:
        ``(C, *patch)`` float32.
    """
    coordinates = grid.coordinates()
    size = torch.tensor(image.shape[1:], dtype=coordinates.dtype, device=coordinates.device)
    shape = (-1, *[1] * (coordinates.ndim - 1))
    unit = (2 * coordinates + 1) / size.reshape(shape) - 1
    places = unit.movedim(0, -1).flip(-1)[None]
    return functional.grid_sample(image[None].float(), places, align_corners=False)[0]
