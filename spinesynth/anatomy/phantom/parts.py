"""Parts of one kind along the spine, in tables that every grid reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spinesynth.anatomy.phantom.grid import Array, SampleGrid, Window
from spinesynth.anatomy.phantom.spine_curve import Frame

ShapeT = TypeVar("ShapeT")

_FRAME_NUMBERS = 15  # of Frame.numbers
_FREE_MM = 1e6  # a bound that binds nothing
_Table = NDArray[np.float32]


@dataclass(frozen=True)
class Box:
    """Box in a frame, in mm.

    Attributes:
        frame: that it lies in.
        centre: its middle along u, v, w.
        half: half lengths along u, v, w.
        slant: least and greatest w - v of what it holds, for parts that sink towards the back.
    """

    frame: Frame
    centre: tuple[float, float, float]
    half: tuple[float, float, float]
    slant: tuple[float, float] = (-_FREE_MM, _FREE_MM)


@dataclass(frozen=True)
class BoxTable:
    """Where L boxes lie in the body.

    Attributes:
        centres_mm: body positions, (L, 3).
        axes: columns are the boxes' axes in the body, (L, 3, 3).
        halves_mm: half lengths along these axes, (L, 3).
        slants_mm: least and greatest w - v, counted from the centres, (L, 2).
    """

    centres_mm: Array
    axes: Array
    halves_mm: Array
    slants_mm: Array

    @classmethod
    def of(cls, boxes: Sequence[Box]) -> BoxTable:
        """Return the table of some boxes."""
        numbers = np.array([box.frame.numbers for box in boxes]).reshape(-1, _FRAME_NUMBERS)
        rows = numbers[:, :12].reshape(-1, 3, 4)
        axes = rows[:, :, :3].transpose(0, 2, 1)
        inner = np.array([box.centre for box in boxes]).reshape(-1, 3)
        # a point of the body is the turned sum of its place in the frame and the frame's origin
        centres = (axes @ (inner - rows[:, :, 3])[:, :, None])[:, :, 0]
        slants = np.array([box.slant for box in boxes]).reshape(-1, 2)
        slants = slants - (inner[:, 2] - inner[:, 1])[:, None]
        return cls(centres, axes, np.array([box.half for box in boxes]).reshape(-1, 3), slants)

    @classmethod
    def joined(cls, tables: Sequence[BoxTable]) -> BoxTable:
        """Return one table of the boxes of several."""
        fields = zip(*(vars(table).values() for table in tables), strict=True)
        return cls(*(np.concatenate(parts) for parts in fields))

    def __len__(self) -> int:
        """Return how many boxes there are."""
        return len(self.centres_mm)

    @property
    def normals(self) -> Array:
        """Return the normals of the bounds in the body: along u, v, w and w - v, (L, 3, 4)."""
        slanted = self.axes[:, :, 2] - self.axes[:, :, 1]
        return np.concatenate((self.axes, slanted[:, :, None]), axis=2)

    def bounds(self, margin_mm: float) -> tuple[Array, Array]:
        """Return the least and greatest places along the normals, from the centres, (L, 4)."""
        room, slanted = self.halves_mm + margin_mm, sqrt(2.0) * margin_mm
        low, high = self.slants_mm[:, :1] - slanted, self.slants_mm[:, 1:] + slanted
        return np.concatenate((-room, low), axis=1), np.concatenate((room, high), axis=1)

    def windows(self, grid: SampleGrid, *, margin_mm: float) -> list[Window | None]:
        """Return the window of every box with a margin, None for those outside the grid."""
        return grid.windows(self.centres_mm, self.axes, self.halves_mm + margin_mm)


@dataclass(frozen=True)
class FrameStack:
    """Frames of L segments; each number is float32 (L, 1, 1, 1)."""

    rows: tuple[tuple[Tensor, Tensor, Tensor, Tensor], ...]
    height_mm: Tensor
    top_slope: Tensor
    bottom_slope: Tensor

    def coordinates(self, x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return u, v, w of body points (L, i, j, k), each row in its own frame, in mm."""
        u, v, w = (
            torch.addcmul(back, x, right).addcmul_(y, front).addcmul_(z, up)
            for right, front, up, back in self.rows
        )
        return u, v, w


@dataclass(frozen=True)
class Parts(Generic[ShapeT]):
    """Parts of one kind, in the order of painting.

    Attributes:
        boxes: that hold them.
        kind: class of their shapes, all of whose fields are numbers.
        frame_numbers: of their frames, float32 (15, L).
        shape_numbers: fields of their shapes, float32 (F, L).
    """

    boxes: BoxTable
    kind: type[ShapeT]
    frame_numbers: _Table
    shape_numbers: _Table

    @classmethod
    def of(
        cls, boxes: Sequence[Box], shapes: Sequence[ShapeT], kind: type[ShapeT]
    ) -> Parts[ShapeT]:
        """Return the table of parts from the boxes and shapes of all."""
        frames = np.array([box.frame.numbers for box in boxes], dtype=np.float32)
        sizes = np.array([list(vars(shape).values()) for shape in shapes], dtype=np.float32)
        return cls(BoxTable.of(boxes), kind, frames.T, sizes.T)

    def frames(self, numbers: Sequence[int], device: torch.device) -> FrameStack:
        """Return the frames of some of the parts."""
        m = _columns(self.frame_numbers, numbers, device)
        rows = tuple((m[n], m[n + 1], m[n + 2], m[n + 3]) for n in (0, 4, 8))
        return FrameStack(rows, m[12], m[13], m[14])

    def shapes(self, numbers: Sequence[int], device: torch.device) -> ShapeT:
        """Return the shapes of some of the parts as one, whose numbers are (L, 1, 1, 1)."""
        return self.kind(*_columns(self.shape_numbers, numbers, device))


def _columns(table: _Table, numbers: Sequence[int], device: torch.device) -> tuple[Tensor, ...]:
    """Return some columns of a table (N, L); each of the N is float32 (L, 1, 1, 1)."""
    columns = torch.from_numpy(table.take(numbers, axis=1)).to(device)
    return columns[:, :, None, None, None].unbind()
