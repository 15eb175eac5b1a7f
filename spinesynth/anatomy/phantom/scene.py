"""Painters of the spine's parts, which share one scene."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from spinesynth.anatomy.phantom.canal import (
    CanalCourse,
    bony_canal_distance,
    canal_course,
    nerve_root_ends,
    sac_distances,
)
from spinesynth.anatomy.phantom.canvas import Canvas, Points
from spinesynth.anatomy.phantom.disc import DiscShape, disc_distances
from spinesynth.anatomy.phantom.grid import SampleGrid, Window
from spinesynth.anatomy.phantom.parameters import PhantomRecord
from spinesynth.anatomy.phantom.sacrum import (
    sacral_arch_distance,
    sacral_body_shape,
    sacral_course,
)
from spinesynth.anatomy.phantom.shapes import capsule
from spinesynth.anatomy.phantom.spine_curve import Frame, Spine
from spinesynth.anatomy.phantom.trunk import trunk_outline
from spinesynth.anatomy.phantom.vertebra import (
    BodyShape,
    basivertebral_distance,
    body_distance,
    posterior_distance,
    rib_distance,
)
from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue

_FAR_MM = 99.0
_JOINT_MM = 0.7  # half width of the facet joint space, nominal


@dataclass(frozen=True)
class CanalMap:
    """Signed distance to the bony canal near the spine (far elsewhere)."""

    course: CanalCourse
    near: Tensor  # flat indices of the voxels where the distance is known
    distance: Tensor  # float32 (I, J, K)


def canal_map(points: Points, record: PhantomRecord, spine: Spine) -> CanalMap:
    """Measure the bony canal at the voxels near it."""
    course = canal_course(record, spine)
    near = ((points.u.abs() < 28.0) & ((points.t + 18.0).abs() < 27.0)).reshape(-1).nonzero()[:, 0]
    local = points[near]
    distance = torch.full_like(points.x, _FAR_MM)
    distance.view(-1)[near] = bony_canal_distance(local.u, local.t, local.s, course)
    return CanalMap(course, near, distance)


@dataclass(frozen=True)
class Scene:
    """What the painters of the parts share."""

    canvas: Canvas
    points: Points
    grid: SampleGrid
    record: PhantomRecord
    spine: Spine
    canal: CanalMap

    def window(
        self, frame: Frame, centre: tuple[float, float, float], half: tuple[float, float, float]
    ) -> Window | None:
        """Return the window of a box in a frame, with room for the displacement."""
        margin = 5.0 * self.record.irregularity_mm + 1.0
        return self.grid.window(frame.point(*centre), frame.axes, tuple(h + margin for h in half))

    def paint_foramina(self) -> None:
        """Paint the fat of the foramina, ligaments along the bodies and nerve roots."""
        near = self.canal.near
        local = self.points[near]
        outline = trunk_outline(self.record, self.spine)
        lumbar = local.s > self.spine.s_endplate - 12.0
        foramen = lumbar & (torch.hypot(local.u / 23.0, (local.t + 7.0) / 12.0) < 1.0)
        self.canvas.paint_at(near, foramen, Tissue.FAT_EPIDURAL)
        front = self.points.t - outline.body_depth(self.points.s)
        anterior = (front > -4.0) & (front < 1.4) & (self.points.u.abs() < 10.0)
        anterior &= self.points.s > self.spine.s_endplate - 25.0
        self.canvas.paint((slice(None),) * 3, anterior, Tissue.LIGAMENT)
        for frame, size in zip(self.spine.vertebrae, self.record.vertebrae, strict=True):
            self._paint_roots(frame, size.canal_width_mm, size.canal_depth_mm)

    def _paint_roots(self, frame: Frame, width_mm: float, depth_mm: float) -> None:
        start, end = nerve_root_ends(frame, width_mm, depth_mm)
        window = self.window(frame, (0.0, -3.0, -8.0), (end[0] + 4.0, 16.0, 22.0))
        if window is None:
            return
        p = self.points[window]
        u, v, w = frame.coordinates(p.x, p.y, p.z)
        distance = capsule((u.abs(), v, w), start, end, radius_mm=(1.6, 3.0))
        self.canvas.paint(window, distance < 0, Tissue.CORD)

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
        tissue = torch.full(sac.shape, int(Tissue.CSF), dtype=torch.uint8)
        tissue.masked_fill_((parts.roots < 0) | (parts.cord < 0), int(Tissue.CORD))
        self.canvas.paint_at(near, sac < 0, tissue, structure=Structure.CANAL)

    def paint_discs(self) -> None:
        """Paint the discs; the bodies painted later trim their ends."""
        lower_depth = self.record.sacrum[0].depth_top_mm
        lower_width = self.record.sacrum[0].width_mm
        for n, (frame, size) in enumerate(zip(self.spine.discs, self.record.discs, strict=True)):
            above = self.record.vertebrae[n]
            shape = DiscShape.between(
                size, above, depth_below_mm=lower_depth, width_below_mm=lower_width
            )
            self._paint_disc(frame, shape, instance=n + 1)
            lower_depth, lower_width = above.depth_mm, above.width_mm

    def _paint_disc(self, frame: Frame, shape: DiscShape, *, instance: int) -> None:
        half = (shape.width_mm / 2 + 4.0, shape.depth_mm / 2 + 4.0, 0.5 * frame.height_mm + 14.0)
        window = self.window(frame, (0.0, shape.depth_mm / 2, 0.0), half)
        if window is None:
            return
        p = self.points[window]
        disc, nucleus = disc_distances(frame.coordinates(p.x, p.y, p.z), frame, shape)
        tissue = torch.full(disc.shape, int(Tissue.ANNULUS), dtype=torch.uint8)
        tissue.masked_fill_(nucleus + 1.5 * p.rough < 0, int(Tissue.NUCLEUS))
        self.canvas.paint(
            window, disc + p.rough < 0, tissue, structure=Structure.DISC, instance=instance
        )

    def paint_sacrum(self) -> None:
        """Paint lateral masses, crest, rudimentary discs and bodies S5 to S1."""
        self._paint_sacral_arch()
        for n in range(len(self.spine.sacrum) - 1, -1, -1):
            if n < len(self.spine.sacral_discs):
                self._paint_sacral_disc(n)
            self._paint_sacral_body(n)

    def _paint_sacral_arch(self) -> None:
        course = sacral_course(self.record, self.spine)
        points = self.points
        chosen = (points.s < course.s_top + 5.0) & (points.s > course.s_tip - 5.0)
        chosen &= ((points.t + 8.0).abs() < 42.0) & (points.u.abs() < 62.0)
        near = chosen.reshape(-1).nonzero()[:, 0]
        local = points[near]
        canal = self.canal.distance.view(-1)[near]
        distance = sacral_arch_distance(local.u, local.t, local.s, canal, course) + local.rough
        tissue = self._bone_tissue(distance, Tissue.MARROW_SACRUM)
        self.canvas.paint_at(near, distance < 0, tissue, structure=Structure.SACRUM)

    def _paint_sacral_disc(self, n: int) -> None:
        frame, above = self.spine.sacral_discs[n], self.record.sacrum[n]
        shape = BodyShape(
            0.86 * above.depth_bottom_mm, 0.86 * above.depth_bottom_mm, 0.8 * above.width_mm,
            0.8 * above.width_mm, 0.0, 0.0, 0.5, 0.0,
        )  # fmt: skip
        self._paint_sacral_solid(frame, shape, grow_mm=1.0, marrow=Tissue.ANNULUS)

    def _paint_sacral_body(self, n: int) -> None:
        shape = sacral_body_shape(self.record.sacrum[n], is_first=n == 0)
        self._paint_sacral_solid(self.spine.sacrum[n], shape, marrow=Tissue.MARROW_SACRUM)

    def _paint_sacral_solid(
        self, frame: Frame, shape: BodyShape, *, marrow: Tissue, grow_mm: float = 0.0
    ) -> None:
        half = (
            shape.width_top_mm / 2 + 2.0,
            shape.depth_top_mm / 2 + 2.0,
            frame.height_mm / 2 + 6.0,
        )
        window = self.window(frame, (0.0, shape.depth_top_mm / 2, 0.0), half)
        if window is None:
            return
        p = self.points[window]
        distance = body_distance(frame.coordinates(p.x, p.y, p.z), frame, shape)
        distance = distance + p.rough - grow_mm
        tissue: Tissue | Tensor = marrow
        if marrow is not Tissue.ANNULUS:
            tissue = self._bone_tissue(distance, marrow)
        self.canvas.paint(window, distance < 0, tissue, structure=Structure.SACRUM)

    def paint_vertebrae(self) -> None:
        """Paint posterior elements and bodies from L5 upwards, with facet joints."""
        claimed = torch.full_like(self.points.x, _FAR_MM)
        for n in range(len(self.spine.vertebrae)):
            self._paint_vertebra(n, claimed)

    def _paint_vertebra(self, n: int, claimed: Tensor) -> None:
        frame, size = self.spine.vertebrae[n], self.record.vertebrae[n]
        reach, depth = size.spinous_reach_mm + 6.0, size.depth_mm + 4.0
        below = 0.9 * frame.height_mm + 20.0
        above = 0.5 * frame.height_mm + 16.0
        side = 0.5 * size.transverse_span_mm + (52.0 if size.has_rib else 6.0)
        window = self.window(
            frame, (0.0, (depth - reach) / 2, (above - below) / 2),
            (side, (depth + reach) / 2, (above + below) / 2),
        )  # fmt: skip
        if window is None:
            return
        p = self.points[window]
        local = frame.coordinates(p.x, p.y, p.z)
        if size.has_rib:
            rib = rib_distance(local, size) + p.rough
            self.canvas.paint(window, rib < 0, self._bone_tissue(rib, Tissue.MARROW_POSTERIOR))
        gap_above = self.record.discs[min(n + 1, len(self.record.discs) - 1)].posterior_height_mm
        arch = 2.0 * p.rough + posterior_distance(
            local,
            self.canal.distance[window],
            size,
            gap_below_mm=self.record.discs[n].posterior_height_mm,
            gap_above_mm=gap_above,
        )
        self._paint_arch(window, arch, claimed[window], instance=n + 1)
        body = p.rough + body_distance(local, frame, BodyShape.of_vertebra(size))
        tissue = self._bone_tissue(body, Tissue.MARROW_BODY)
        tissue.masked_fill_(
            (arch < -self.record.cortex_mm) & (body > -2.0), int(Tissue.MARROW_BODY)
        )
        if size.basivertebral_mm > 0:
            tissue.masked_fill_(basivertebral_distance(local, size) < 0, int(Tissue.VESSEL))
        self.canvas.paint(
            window, body < 0, tissue, structure=Structure.VERTEBRAL_BODY, instance=n + 1
        )

    def _paint_arch(self, window: Window, arch: Tensor, claimed: Tensor, *, instance: int) -> None:
        """Paint one arch; where it meets the one below, leave a joint space."""
        joint = (torch.maximum(arch, claimed) < 0.5) & ((arch - claimed).abs() < _JOINT_MM)
        bone = (arch < 0) & (arch < claimed)
        self.canvas.paint(
            window,
            bone,
            self._bone_tissue(arch, Tissue.MARROW_POSTERIOR),
            structure=Structure.POSTERIOR_ELEMENTS,
            instance=instance,
        )
        self.canvas.paint(window, joint, Tissue.LIGAMENT)
        claimed.copy_(torch.minimum(claimed, arch))

    def _bone_tissue(self, distance: Tensor, marrow: Tissue) -> Tensor:
        """Return cortex near the surface and marrow inside, uint8."""
        tissue = torch.full(distance.shape, int(marrow), dtype=torch.uint8)
        return tissue.masked_fill_(distance > -self.record.cortex_mm, int(Tissue.CORTEX))
