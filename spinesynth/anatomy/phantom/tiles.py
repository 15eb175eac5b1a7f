"""Equal windows around several segments, so that one pass serves all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from spinesynth.anatomy.phantom.canvas import PointMap, TilePoints
from spinesynth.anatomy.phantom.grid import Array, SampleGrid, Window, stack_windows
from spinesynth.anatomy.phantom.spine_curve import Frame

ShapeT = TypeVar("ShapeT")


@dataclass(frozen=True)
class Box:
    """Box in a frame: its middle and half lengths along u, v, w, in mm."""

    frame: Frame
    centre: tuple[float, float, float]
    half: tuple[float, float, float]


@dataclass(frozen=True)
class FrameStack:
    """Frames of L segments; each number is float32 (L, 1, 1, 1)."""

    rows: tuple[tuple[Tensor, Tensor, Tensor, Tensor], ...]
    height_mm: Tensor
    top_slope: Tensor
    bottom_slope: Tensor

    @classmethod
    def of(cls, frames: Sequence[Frame], device: torch.device) -> FrameStack:
        """Return the stack of frames on a device."""
        m = _columns(np.stack([frame.numbers for frame in frames]), device)
        return cls(
            tuple((m[n], m[n + 1], m[n + 2], m[n + 3]) for n in (0, 4, 8)), m[12], m[13], m[14]
        )

    def coordinates(self, x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return u, v, w of body points (L, i, j, k), each row in its own frame, in mm."""
        u, v, w = (
            torch.addcmul(back, x, right).addcmul_(y, front).addcmul_(z, up)
            for right, front, up, back in self.rows
        )
        return u, v, w


@dataclass(frozen=True)
class Tiles:
    """Windows of one shape, and which of the boxes they hold.

    Attributes:
        numbers: of the boxes, in their order.
        windows: of these boxes, or a little larger.
        points: of the windows, each field (L, i, j, k).
    """

    numbers: list[int]
    windows: list[Window]
    points: TilePoints

    def read(self, field: Tensor) -> Tensor:
        """Return a map (I, J, K) in the windows, (L, i, j, k)."""
        return stack_windows(field, self.windows)


def box_windows(grid: SampleGrid, boxes: Sequence[Box], *, margin_mm: float) -> list[Window | None]:
    """Return the window of every box with a margin, None for those outside the grid."""
    rows = np.stack([box.frame.numbers for box in boxes])[:, :12].reshape(-1, 3, 4)
    axes = rows[:, :, :3].transpose(0, 2, 1)
    # a point of the body is the turned sum of its place in the frame and the frame's origin
    centres = axes @ (np.array([box.centre for box in boxes]) - rows[:, :, 3])[:, :, None]
    halves = np.array([box.half for box in boxes]) + margin_mm
    return grid.windows(centres[:, :, 0], axes, halves)


def tile_boxes(
    grid: SampleGrid, points: PointMap, boxes: Sequence[Box], *, margin_mm: float
) -> Iterator[Tiles]:
    """Return the boxes that the grid holds, many small ones or few large ones at a time.

    Args:
        grid: to cut the windows from.
        points: of the grid.
        boxes: in the order of painting.
        margin_mm: added on all sides.
    """
    if not boxes:
        return
    windows = box_windows(grid, boxes, margin_mm=margin_mm)
    found = [(number, window) for number, window in enumerate(windows) if window is not None]
    while found:
        count, size = _take(found, grid)
        numbers = [number for number, _ in found[:count]]
        equal = [_grown(window, size, grid.shape) for _, window in found[:count]]
        yield Tiles(numbers, equal, points.stack(equal))
        found = found[count:]


def _take(found: list[tuple[int, Window]], grid: SampleGrid) -> tuple[int, tuple[int, int, int]]:
    """Return how many of the first windows to join, and their common size."""
    size, count = (0, 0, 0), 0
    for _, window in found:
        i, j, k = (max(n, w.stop - w.start) for n, w in zip(size, window, strict=True))
        if count and (count + 1) * i * j * k > grid.block_voxels:
            break
        size, count = (i, j, k), count + 1
    return count, size


def _grown(window: Window, size: tuple[int, int, int], shape: tuple[int, int, int]) -> Window:
    i, j, k = (
        slice(start, start + n)
        for n, start in (
            (n, min(part.start, most - n))
            for part, n, most in zip(window, size, shape, strict=True)
        )
    )
    return i, j, k


def stack_shapes(shapes: Sequence[ShapeT], device: torch.device) -> ShapeT:
    """Return a shape whose numbers are those of L shapes, float32 (L, 1, 1, 1).

    Args:
        shapes: of one class, all of whose fields are numbers.
        device: where the numbers shall lie.
    """
    table = np.array([list(vars(shape).values()) for shape in shapes])
    return type(shapes[0])(*_columns(table, device))


def _columns(table: Array, device: torch.device) -> tuple[Tensor, ...]:
    """Return the columns of a table (L, N), each float32 (L, 1, 1, 1)."""
    columns = torch.from_numpy(np.ascontiguousarray(table.T, dtype=np.float32)).to(device)
    return columns[:, :, None, None, None].unbind()
