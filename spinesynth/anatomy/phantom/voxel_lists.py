"""Lists of the voxels in turned boxes, for parts that fill little of an upright window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spinesynth.anatomy.phantom.canvas import PointMap, TilePoints
from spinesynth.anatomy.phantom.grid import SampleGrid, Window
from spinesynth.anatomy.phantom.parts import BoxTable

_Integers = NDArray[np.int64]

_LEVEL_MM = 1e-6  # change of a box coordinate per mm along k that counts as none


@dataclass(frozen=True)
class VoxelLists:
    """Voxels of some boxes; short lists are filled up with their last voxel.

    Attributes:
        numbers: of the boxes, in their order.
        flat: indices of the voxels in the grid, (L, N).
        points: of the voxels, each field (L, 1, 1, N).
    """

    numbers: list[int]
    flat: Tensor
    points: TilePoints

    def read(self, field: Tensor) -> Tensor:
        """Return a map (I, J, K) at the voxels, (L, 1, 1, N)."""
        return field.view(-1).index_select(0, self.flat.view(-1)).view(len(self.flat), 1, 1, -1)


def list_voxels(
    grid: SampleGrid, points: PointMap, boxes: BoxTable, window: Window, *, margin_mm: float
) -> Iterator[VoxelLists]:
    """Return the voxels of the boxes that the grid holds, some boxes at a time.

    Args:
        grid: that holds the voxels.
        points: of the grid.
        boxes: in the order of painting.
        window: of the grid that holds the boxes.
        margin_mm: added on all sides.
    """
    lists = _voxels(grid, boxes, window, margin_mm)
    found = [(number, voxels) for number, voxels in enumerate(lists) if len(voxels)]
    while found:
        count = _take([len(voxels) for _, voxels in found], grid.block_voxels)
        flat = torch.from_numpy(_filled([voxels for _, voxels in found[:count]])).to(grid.device)
        yield VoxelLists([number for number, _ in found[:count]], flat, points.listed(flat))
        found = found[count:]


def _voxels(grid: SampleGrid, boxes: BoxTable, window: Window, margin_mm: float) -> list[_Integers]:
    """Return the indices in the grid of the voxels of each box."""
    start, stop = _row_ranges(grid, boxes, window, margin_mm)
    lengths = (stop - start).clip(0)
    _, rows, columns = grid.shape
    i, j = (np.arange(part.start, part.stop) for part in window[:2])
    first = (i[:, None] * rows + j) * columns + start  # of each row's voxels
    # one voxel after the other: the rows' firsts, and steps of one within a row
    ends = lengths.ravel().cumsum()
    skipped = first.ravel() - (ends - lengths.ravel())
    voxels = np.repeat(skipped, lengths.ravel()) + np.arange(ends[-1])
    return np.split(voxels, lengths.sum(axis=(1, 2)).cumsum()[:-1])


def _row_ranges(
    grid: SampleGrid, boxes: BoxTable, window: Window, margin_mm: float
) -> tuple[_Integers, _Integers]:
    """Return where, in each row along k, the voxels of each box begin and end, (L, I, J)."""
    rotation = grid.rotation.numpy()
    middle = ((boxes.centres_mm - grid.centre_mm.numpy()) @ rotation)[:, :, None, None]
    axes = (rotation.T @ boxes.normals)[..., None, None]  # (L, grid axis, normal, 1, 1)
    low, high = (bound[:, :, None, None] for bound in boxes.bounds(margin_mm))
    i, j = (axis.numpy()[part] for axis, part in zip(grid.axes()[:2], window[:2], strict=True))
    # along each normal: the rows' places beside the centre, and the way from there per mm along k
    place = axes[:, 0] * (i[:, None] - middle[:, 0:1]) + axes[:, 1] * (j - middle[:, 1:2])
    rise = np.where(np.abs(axes[:, 2]) < _LEVEL_MM, _LEVEL_MM, axes[:, 2])
    one, other = (low - place) / rise, (high - place) / rise
    below = np.minimum(one, other).max(axis=1) + middle[:, 2]
    above = np.maximum(one, other).min(axis=1) + middle[:, 2]
    count, step = grid.shape[2], grid.spacing_mm[2]
    start = np.ceil(below / step + (count - 1) / 2).clip(0, count)
    stop = (np.floor(above / step + (count - 1) / 2) + 1.0).clip(0, count)
    return start.astype(np.int64), stop.astype(np.int64)


def _take(lengths: list[int], most: int) -> int:
    """Return how many of the first lists to join: as filled up, at most so many voxels."""
    longest, count = 0, 0
    for length in lengths:
        longest = max(longest, length)
        if count and (count + 1) * longest > most:
            break
        count += 1
    return count


def _filled(lists: list[_Integers]) -> _Integers:
    """Return lists as rows of one length, filled up with their last entries."""
    longest = max(len(voxels) for voxels in lists)
    return np.stack([np.pad(voxels, (0, longest - len(voxels)), mode="edge") for voxels in lists])
