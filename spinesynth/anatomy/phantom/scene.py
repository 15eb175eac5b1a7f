"""The scene: what the painters of the spine's parts share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from spinesynth.anatomy.phantom.canal import CanalCourse, bony_canal_distance
from spinesynth.anatomy.phantom.canvas import Canvas, PointMap, Points, SpinePoints, code_of
from spinesynth.anatomy.phantom.grid import SampleGrid, Window
from spinesynth.anatomy.phantom.masks import above, cover, largest
from spinesynth.anatomy.phantom.parameters import PhantomRecord
from spinesynth.anatomy.phantom.parts import BoxTable, FrameStack, Parts
from spinesynth.anatomy.phantom.prepared import PartWindows, PreparedPhantom
from spinesynth.anatomy.phantom.spine_curve import Frame, Spine
from spinesynth.anatomy.phantom.tiles import Tiles, tile_windows
from spinesynth.anatomy.phantom.voxel_lists import VoxelLists, list_voxels
from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue

ShapeT = TypeVar("ShapeT")
Voxels = Tiles | VoxelLists  # of several parts: those of windows, or those of lists

FAR_MM = 99.0  # stands for distances that are not known


@dataclass(frozen=True)
class CanalMap:
    """Signed distance to the bony canal near the spine (far elsewhere).

    Attributes:
        course: of the canal.
        near: flat indices of the N voxels where the distance is known.
        points: of these voxels, each (N,).
        bony: the distance at these voxels, (N,).
        distance: the same on the grid, float32 (I, J, K).
    """

    course: CanalCourse
    near: Tensor
    points: SpinePoints
    bony: Tensor
    distance: Tensor


@dataclass(frozen=True)
class Scene:
    """What the painters of the parts share."""

    canvas: Canvas
    points: PointMap
    grid: SampleGrid
    phantom: PreparedPhantom
    windows: PartWindows
    canal: CanalMap

    @classmethod
    def prepare(
        cls, canvas: Canvas, points: PointMap, grid: SampleGrid, phantom: PreparedPhantom
    ) -> Scene:
        """Return the scene of a trunk that is painted, with the map of its bony canal."""
        course = phantom.canal
        windows = phantom.windows(grid, margin_mm=_margin(phantom.record))
        near = points_near(
            points, grid, windows.canal,
            lambda p: largest(p.u.abs().sub_(28.0), (p.t + 18.0).abs_().sub_(27.0)),
        )  # fmt: skip
        local = points.at(near)
        bony = bony_canal_distance(local.u, local.t, local.s, course)
        distance = torch.full(grid.shape, FAR_MM, device=grid.device)
        distance.view(-1).index_copy_(0, near, bony)
        canal = CanalMap(course, near, local, bony, distance)
        return cls(canvas, points, grid, phantom, windows, canal)

    @property
    def record(self) -> PhantomRecord:
        """Return the record that is painted."""
        return self.phantom.record

    @property
    def spine(self) -> Spine:
        """Return the spine that is painted."""
        return self.phantom.spine

    def window(
        self, frame: Frame, centre: tuple[float, float, float], half: tuple[float, float, float]
    ) -> Window | None:
        """Return the window of a box in a frame, with room for the displacement."""
        margin = _margin(self.record)
        return self.grid.window(frame.point(*centre), frame.axes, tuple(h + margin for h in half))

    def tiles(self, windows: Sequence[Window | None]) -> Iterator[Tiles]:
        """Return those of some windows that lie in the grid, in their order."""
        return tile_windows(self.grid, self.points, windows)

    def voxels(self, boxes: BoxTable, windows: Sequence[Window | None]) -> Iterator[VoxelLists]:
        """Return the voxels of the boxes that lie in the grid, in their order."""
        window, margin = self.grid.around(windows), _margin(self.record)
        if window is None:
            return iter(())
        return list_voxels(self.grid, self.points, boxes, window, margin_mm=margin)

    def near(self, windows: Sequence[Window | None], excess: Callable[[Points], Tensor]) -> Tensor:
        """Return the flat indices of the points of negative excess about some windows."""
        return points_near(self.points, self.grid, windows, excess)

    def frames(self, tiles: Voxels, parts: Parts[ShapeT]) -> FrameStack:
        """Return the frames of the parts that tiles hold."""
        return parts.frames(tiles.numbers, self.grid.device)

    def local(self, tiles: Voxels, parts: Parts[ShapeT]) -> tuple[Tensor, Tensor, Tensor]:
        """Return u, v, w of the points of tiles in the frames of their parts."""
        p = tiles.points
        return self.frames(tiles, parts).coordinates(p.x, p.y, p.z)

    def shapes(self, tiles: Voxels, parts: Parts[ShapeT]) -> ShapeT:
        """Return the shapes of the parts that tiles hold, as one."""
        return parts.shapes(tiles.numbers, self.grid.device)

    def codes(self, tiles: Voxels, structure: Structure) -> Tensor:
        """Return the codes of a structure of the levels that tiles hold, (L, 1, 1, 1)."""
        codes = [code_of(Tissue.AIR, structure, instance=n + 1) for n in tiles.numbers]
        numbers = torch.tensor(codes, dtype=torch.float32, device=self.grid.device)
        return numbers[:, None, None, None]

    def paint_tiles(self, tiles: Tiles, inside: Tensor, codes: Tensor) -> None:
        """Paint the rows of tiles one after the other: masks and codes are (L, i, j, k)."""
        for window, mask, code in zip(tiles.windows, inside.unbind(), codes.unbind(), strict=True):
            cover(self.canvas.codes[window], mask, code)

    def bone_tissue(self, distance: Tensor, marrow: Tissue) -> Tensor:
        """Return cortex near the surface and marrow inside, float32 codes."""
        cortex = above(distance, -self.record.cortex_mm)
        return cortex.mul_(Tissue.CORTEX - marrow).add_(int(marrow))


def points_near(
    points: PointMap,
    grid: SampleGrid,
    windows: Sequence[Window | None],
    excess: Callable[[Points], Tensor],
) -> Tensor:
    """Return the flat indices of the points of negative excess about some windows; none outside."""
    window = grid.around(windows)
    if window is None:
        return torch.empty(0, dtype=torch.int64, device=grid.device)
    return points.near(window, excess)


def _margin(record: PhantomRecord) -> float:
    """Return by how much the displacement may move a surface, in mm."""
    return 5.0 * record.irregularity_mm + 1.0
