"""Painters of the spine's parts, which share one scene."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from spinesynth.anatomy.phantom.arch import (
    ArchShape,
    RibShape,
    arch_box,
    posterior_distance,
    rib_box,
    rib_distance,
)
from spinesynth.anatomy.phantom.canal import (
    CanalCourse,
    bony_canal_distance,
    canal_course,
    nerve_root,
    root_distance,
    sac_distances,
)
from spinesynth.anatomy.phantom.canvas import Canvas, PointMap, Points, cover
from spinesynth.anatomy.phantom.disc import DiscShape, disc_distances, disc_tissue
from spinesynth.anatomy.phantom.findings import FindingKind
from spinesynth.anatomy.phantom.grid import SampleGrid, Window
from spinesynth.anatomy.phantom.laminectomy import resection_distance
from spinesynth.anatomy.phantom.parameters import PhantomRecord
from spinesynth.anatomy.phantom.pelvis import hip_course, hip_distance
from spinesynth.anatomy.phantom.sacrum import (
    sacral_arch_distance,
    sacral_body_shape,
    sacral_course,
    sacral_disc_shape,
)
from spinesynth.anatomy.phantom.spine_curve import Frame, Spine
from spinesynth.anatomy.phantom.tiles import (
    Box,
    FrameStack,
    Tiles,
    box_windows,
    stack_shapes,
    tile_boxes,
)
from spinesynth.anatomy.phantom.vertebra import (
    BodyShape,
    basivertebral_distance,
    body_box,
    body_distance,
)
from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue

ShapeT = TypeVar("ShapeT")

_FAR_MM = 99.0
_SACRAL_DISC_GROWTH_MM = 1.0  # beyond its ends, which the bodies then cover, nominal
_JOINT_MM = 0.7  # half width of the facet joint space, nominal
_END_SHARE = 0.3  # of a body's height from its middle, where its ends begin


@dataclass(frozen=True)
class CanalMap:
    """Signed distance to the bony canal near the spine (far elsewhere)."""

    course: CanalCourse
    near: Tensor  # flat indices of the voxels where the distance is known
    distance: Tensor  # float32 (I, J, K)


def canal_map(points: PointMap, grid: SampleGrid, record: PhantomRecord, spine: Spine) -> CanalMap:
    """Measure the bony canal at the voxels near it."""
    course = canal_course(record, spine)
    distance = torch.full(points.shape, _FAR_MM, device=grid.device)
    half = (28.0 + abs(record.scoliosis_mm), 60.0, 40.0)
    boxes = [Box(frame, (0.0, -18.0, 0.0), half) for frame in spine.vertebrae + spine.sacrum]
    near = _near(
        points, grid, record, boxes, lambda p: (p.u.abs() < 28.0) & ((p.t + 18.0).abs() < 27.0)
    )
    local = points[near]
    distance.view(-1)[near] = bony_canal_distance(local.u, local.t, local.s, course)
    return CanalMap(course, near, distance)


def _margin(record: PhantomRecord) -> float:
    """Return by how much the displacement may move a surface, in mm."""
    return 5.0 * record.irregularity_mm + 1.0


def _near(
    points: PointMap,
    grid: SampleGrid,
    record: PhantomRecord,
    boxes: Sequence[Box],
    chosen: Callable[[Points], Tensor],
) -> Tensor:
    """Return the flat indices of the points about some boxes that are chosen; none outside."""
    window = grid.around(box_windows(grid, boxes, margin_mm=_margin(record)))
    if window is None:
        return torch.empty(0, dtype=torch.int64, device=grid.device)
    return points.near(window, chosen)


@dataclass(frozen=True)
class Scene:
    """What the painters of the parts share."""

    canvas: Canvas
    points: PointMap
    grid: SampleGrid
    record: PhantomRecord
    spine: Spine
    canal: CanalMap

    def window(
        self, frame: Frame, centre: tuple[float, float, float], half: tuple[float, float, float]
    ) -> Window | None:
        """Return the window of a box in a frame, with room for the displacement."""
        margin = _margin(self.record)
        return self.grid.window(frame.point(*centre), frame.axes, tuple(h + margin for h in half))

    def tiles(self, boxes: Sequence[Box]) -> Iterator[Tiles]:
        """Return windows of the boxes that lie in the grid, in their order."""
        return tile_boxes(self.grid, self.points, boxes, margin_mm=_margin(self.record))

    def paint_foramina(self) -> None:
        """Paint the fat of the foramina and the nerve roots."""
        near = self.canal.near
        local = self.points[near]
        lumbar = local.s > self.spine.s_endplate - 12.0
        foramen = lumbar & (torch.hypot(local.u / 23.0, (local.t + 7.0) / 12.0) < 1.0)
        self.canvas.paint_at(near, foramen, Tissue.FAT_EPIDURAL)
        roots = [
            nerve_root(frame, size.canal_width_mm, size.canal_depth_mm)
            for frame, size in zip(self.spine.vertebrae, self.record.vertebrae, strict=True)
        ]
        boxes = [
            Box(frame, (0.0, -3.0, -8.0), (float(root.end_u_mm) + 4.0, 16.0, 22.0))
            for frame, root in zip(self.spine.vertebrae, roots, strict=True)
        ]
        for tiles in self.tiles(boxes):
            distance = root_distance(self._local(tiles, boxes), self._shapes(tiles, roots))
            for window, inside in zip(tiles.windows, distance < 0, strict=True):
                self.canvas.paint(window, inside, Tissue.CORD)

    def _local(self, tiles: Tiles, boxes: Sequence[Box]) -> tuple[Tensor, Tensor, Tensor]:
        return self._frames(tiles, boxes).coordinates(
            tiles.points.x, tiles.points.y, tiles.points.z
        )

    def _frames(self, tiles: Tiles, boxes: Sequence[Box]) -> FrameStack:
        return FrameStack.of([boxes[n].frame for n in tiles.numbers], self.grid.device)

    def _shapes(self, tiles: Tiles, shapes: Sequence[ShapeT]) -> ShapeT:
        return stack_shapes([shapes[n] for n in tiles.numbers], self.grid.device)

    def paint_canal(self) -> None:
        """Paint ligamenta flava, epidural fat, thecal sac, cord and roots."""
        near = self.canal.near
        local = self.points[near]
        bony = self.canal.distance.view(-1)[near]
        flavum = (bony < 3.2) & (local.t < -6.0) & (local.s > self.spine.s_endplate - 8.0)
        self.canvas.paint_at(near, flavum & (bony >= 0), Tissue.LIGAMENT)
        inside = (bony < 0) & (local.s > self.spine.sacrum[-1].s_low + 8.0)
        self.canvas.paint_at(near, inside, Tissue.FAT_EPIDURAL)
        ligament = (local.t > -1.0) & (local.t < 1.5) & (local.u.abs() < 8.0)
        self.canvas.paint_at(near, ligament, Tissue.LIGAMENT)
        parts = sac_distances(local.u, local.t, local.s, self.record, self.canal.course)
        sac = parts.sac + 0.6 * local.rough
        tissue = torch.full_like(sac, int(Tissue.CSF), dtype=torch.uint8)
        cover(tissue, (parts.roots < 0) | (parts.cord < 0), int(Tissue.CORD))
        self.canvas.paint_at(near, sac < 0, tissue, structure=Structure.CANAL)

    def paint_discs(self) -> None:
        """Paint the discs; the bodies painted later trim their ends."""
        lower_depth = self.record.sacrum[0].depth_top_mm
        lower_width, lower_concavity = self.record.sacrum[0].width_mm, 0.0
        for n, (frame, size) in enumerate(zip(self.spine.discs, self.record.discs, strict=True)):
            above = self.record.vertebrae[n]
            shape = DiscShape.between(
                size,
                above,
                depth_below_mm=lower_depth,
                width_below_mm=lower_width,
                concavity_below_mm=lower_concavity,
            )
            self._paint_disc(frame, shape, instance=n + 1)
            lower_depth, lower_width = above.depth_mm, above.width_mm
            lower_concavity = above.endplate_concavity_mm

    def _paint_disc(self, frame: Frame, shape: DiscShape, *, instance: int) -> None:
        half = (shape.width_mm / 2 + 4.0, shape.depth_mm / 2 + 4.0, 0.5 * frame.height_mm + 14.0)
        window = self.window(frame, (0.0, shape.depth_mm / 2, 0.0), half)
        if window is None:
            return
        p = self.points[window]
        local = frame.coordinates(p.x, p.y, p.z)
        disc, nucleus = disc_distances(local, frame, shape)
        tissue = disc_tissue(nucleus + 1.5 * p.rough, local, shape)
        self.canvas.paint(
            window, disc + p.rough < 0, tissue, structure=Structure.DISC, instance=instance
        )

    def paint_sacrum(self) -> None:
        """Paint hip bones, lateral masses, crest, rudimentary discs and bodies S5 to S1."""
        self._paint_hips()
        self._paint_sacral_arch()
        boxes, shapes, marrow = [], [], []
        for n, (frame, segment) in reversed(
            list(enumerate(zip(self.spine.sacrum, self.record.sacrum, strict=True)))
        ):
            solids = [(frame, sacral_body_shape(segment, is_first=n == 0), Tissue.MARROW_SACRUM)]
            if n < len(self.spine.sacral_discs):
                disc = self.spine.sacral_discs[n], sacral_disc_shape(segment), Tissue.ANNULUS
                solids.insert(0, disc)
            for solid_frame, shape, tissue in solids:
                boxes.append(body_box(solid_frame, shape))
                shapes.append(shape)
                marrow.append(tissue)
        for tiles in self.tiles(boxes):
            frames = self._frames(tiles, boxes)
            p = tiles.points
            local = frames.coordinates(p.x, p.y, p.z)
            distance = p.rough + body_distance(local, frames, self._shapes(tiles, shapes))
            bone = self._bone_tissue(distance, Tissue.MARROW_SACRUM)
            for row, (n, window) in enumerate(zip(tiles.numbers, tiles.windows, strict=True)):
                is_disc = marrow[n] is Tissue.ANNULUS
                self.canvas.paint(
                    window,
                    distance[row] < (_SACRAL_DISC_GROWTH_MM if is_disc else 0.0),
                    Tissue.ANNULUS if is_disc else bone[row],
                    structure=Structure.SACRUM,
                )

    def _paint_hips(self) -> None:
        box = Box(self.spine.sacrum[0], (0.0, 0.0, -15.0), (110.0, 80.0, 75.0))
        near = _near(self.points, self.grid, self.record, [box], lambda p: p.u.abs() > 25.0)
        local = self.points[near]
        course = hip_course(self.record, self.spine)
        distance = hip_distance(local.u, local.t, local.s, course) + local.rough
        self.canvas.paint_at(near, distance < 0, self._bone_tissue(distance, Tissue.MARROW_SACRUM))

    def _paint_sacral_arch(self) -> None:
        course = sacral_course(self.record, self.spine)
        boxes = [Box(frame, (0.0, -8.0, 0.0), (62.0, 55.0, 30.0)) for frame in self.spine.sacrum]
        near = _near(
            self.points, self.grid, self.record, boxes,
            lambda p: (p.s < course.s_top + 5.0) & (p.s > course.s_tip - 5.0)
            & ((p.t + 8.0).abs() < 42.0) & (p.u.abs() < 62.0),
        )  # fmt: skip
        local = self.points[near]
        canal = self.canal.distance.view(-1)[near]
        distance = sacral_arch_distance(local.u, local.t, local.s, canal, course) + local.rough
        tissue = self._bone_tissue(distance, Tissue.MARROW_SACRUM)
        self.canvas.paint_at(near, distance < 0, tissue, structure=Structure.SACRUM)

    def paint_vertebrae(self) -> None:
        """Paint ribs, posterior elements with facet joints, and bodies, from the lowest up."""
        self._paint_ribs()
        arches = torch.full(self.grid.shape, _FAR_MM, device=self.grid.device)
        self._paint_arches(arches)
        self._paint_bodies(arches)

    def _paint_ribs(self) -> None:
        levels = zip(self.spine.vertebrae, self.record.vertebrae, strict=True)
        bearing = [(frame, size) for frame, size in levels for _ in (0, 1) if size.has_rib]
        boxes = [rib_box(frame, size, right=bool(n % 2)) for n, (frame, size) in enumerate(bearing)]
        shapes = [RibShape.of_vertebra(size) for _, size in bearing]
        for tiles in self.tiles(boxes):
            local = self._local(tiles, boxes)
            distance = tiles.points.rough + rib_distance(local, self._shapes(tiles, shapes))
            tissue = self._bone_tissue(distance, Tissue.MARROW_POSTERIOR)
            for row, window in enumerate(tiles.windows):
                self.canvas.paint(window, distance[row] < 0, tissue[row])

    def _paint_arches(self, claimed: Tensor) -> None:
        levels = list(zip(self.spine.vertebrae, self.record.vertebrae, strict=True))
        boxes = [arch_box(frame, size) for frame, size in levels]
        gaps = [disc.posterior_height_mm for disc in self.record.discs]
        shapes = [
            ArchShape.of_vertebra(size, gap_below_mm=below, gap_above_mm=above)
            for (_, size), below, above in zip(levels, gaps, gaps[1:] + gaps[-1:], strict=True)
        ]
        for tiles in self.tiles(boxes):
            local, canal = self._local(tiles, boxes), tiles.read(self.canal.distance)
            arch = posterior_distance(local, canal, self._shapes(tiles, shapes))
            arch.add_(tiles.points.rough, alpha=1.2)
            for row, (n, window) in enumerate(zip(tiles.numbers, tiles.windows, strict=True)):
                size = self.record.vertebrae[n]
                if self.record.has_finding(FindingKind.LAMINECTOMY, size.name):
                    u, v, w = (c[row] for c in local)
                    arch[row] = torch.maximum(arch[row], -resection_distance((u, v, w), size))
                self._paint_arch(window, arch[row], claimed[window], instance=n + 1)

    def _paint_bodies(self, arches: Tensor) -> None:
        levels = list(zip(self.spine.vertebrae, self.record.vertebrae, strict=True))
        shapes = [BodyShape.of_vertebra(size) for _, size in levels]
        boxes = [body_box(frame, shape) for (frame, _), shape in zip(levels, shapes, strict=True)]
        depths = [(size.basivertebral_mm,) for _, size in levels]
        for tiles in self.tiles(boxes):
            frames = self._frames(tiles, boxes)
            p = tiles.points
            local = frames.coordinates(p.x, p.y, p.z)
            body = p.rough + body_distance(local, frames, self._shapes(tiles, shapes))
            tissue = self._bone_tissue(body, Tissue.MARROW_BODY)
            joined = (tiles.read(arches) < -self.record.cortex_mm) & (body > -2.0)
            cover(tissue, joined, int(Tissue.MARROW_BODY))
            depth = torch.tensor([depths[n] for n in tiles.numbers], device=self.grid.device)
            depth = depth[..., None, None]
            vein = (basivertebral_distance(local, depth) < 0) & (depth > 0)
            cover(tissue, vein, int(Tissue.VESSEL))
            for row, (n, window) in enumerate(zip(tiles.numbers, tiles.windows, strict=True)):
                self.canvas.paint(
                    window,
                    body[row] < 0,
                    tissue[row],
                    structure=Structure.VERTEBRAL_BODY,
                    instance=n + 1,
                )
                ends = local[2][row].abs() > _END_SHARE * self.spine.vertebrae[n].height_mm
                rim = (body[row] < 0) & (body[row] > -self.record.endplate_gap_mm) & ends
                self.canvas.paint(window, rim, tissue[row])

    def _paint_arch(self, window: Window, arch: Tensor, claimed: Tensor, *, instance: int) -> None:
        """Paint one arch; where it meets the one below, leave a joint space."""
        joint = (torch.maximum(arch, claimed) < 0.5) & ((arch - claimed).abs_() < _JOINT_MM)
        bone = (arch < 0) & (arch < claimed)
        self.canvas.paint(
            window,
            bone,
            self._bone_tissue(arch, Tissue.MARROW_POSTERIOR),
            structure=Structure.POSTERIOR_ELEMENTS,
            instance=instance,
        )
        self.canvas.paint(window, joint, Tissue.LIGAMENT)
        torch.minimum(claimed, arch, out=claimed)

    def _bone_tissue(self, distance: Tensor, marrow: Tissue) -> Tensor:
        """Return cortex near the surface and marrow inside, uint8."""
        tissue = torch.full_like(distance, int(marrow), dtype=torch.uint8)
        return cover(tissue, distance > -self.record.cortex_mm, int(Tissue.CORTEX))
