"""The trunk around the spine: skin, fat, muscles, vessels and viscera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from spinesynth.anatomy.phantom.canvas import Points
from spinesynth.anatomy.phantom.grid import Window
from spinesynth.anatomy.phantom.masks import above, below, cover, equal
from spinesynth.anatomy.phantom.parameters import PhantomRecord
from spinesynth.anatomy.phantom.profile import Profile, read_together
from spinesynth.anatomy.phantom.shapes import ellipse, smoothstep
from spinesynth.anatomy.phantom.spine_curve import Array, Spine
from spinesynth.anatomy.phantom.waves import SampledWaves, WaveField
from spinesynth.anatomy.tissues import Tissue
from spinesynth.seeding import make_generator

_WALL_MM = 9.0  # thickness of the abdominal wall's muscles, nominal
_BACK_HALF_WIDTH_MM = 72.0  # of the paraspinal muscle compartment, nominal
_ORGAN_FIELDS = 4  # of random waves: three organs and gas
# How far parts reach along t, anterior of the posterior wall, in mm:
_ORGAN_T_MM = 6.0  # organs lie in front of this
_MUSCLE_T_MM = 20.0  # the muscles of the back lie behind this
_PSOAS_T_MM = 70.0  # the psoas lies behind this
_LIGAMENT_SIDE_MM = 10.0  # half width of the anterior longitudinal ligament
_MIDLINE_MM = 10.0  # half width that the ligament between the spinous processes stays in
_VESSEL_T_MM = 5.0  # great vessels and the anterior ligament lie in front of this


@dataclass(frozen=True)
class TrunkOutline:
    """Outline of the trunk in the midline (functions of z, in mm) and along s."""

    skin_back: Profile
    fascia: Profile  # deep edge of the subcutaneous fat of the back
    front: Profile
    body_depth: Profile  # anterior wall of the column, along s
    spinous_tip: Profile  # t of the tips, along s
    psoas: Profile  # radius along s


def trunk_outline(record: PhantomRecord, spine: Spine) -> TrunkOutline:
    """Return the outline of the trunk around a spine."""
    tips = _tips(record, spine)
    heights, depths = tips[:, 2], tips[:, 1]
    nodes = np.arange(heights.min() - 40.0, heights.max() + 40.0, 4.0)
    tip = np.interp(nodes, heights, depths)
    close = _smooth(np.minimum.reduce([np.roll(tip, k) for k in (-2, -1, 0, 1, 2)]), 4.0) - 2.0
    straight = np.minimum(_smooth(close, 22.0), close)
    habitus = record.habitus
    flat = close + habitus.back_flattening * (straight - close)
    sacral = np.exp(-0.5 * ((nodes - spine.vertebrae[0].origin[2].item() + 15.0) / 40.0) ** 2)
    skin = _smooth(flat - habitus.fat_back_mm - habitus.fat_sacral_mm * sacral, 6.0)
    third = spine.vertebrae[2]
    belly = third.origin[1].item() + record.vertebrae[2].depth_mm + habitus.trunk_depth_mm
    levels = list(zip(spine.vertebrae, record.vertebrae, strict=True))
    bodies = [(f.s_middle, v.depth_mm) for f, v in levels]
    sacral_bodies = [
        (f.s_middle, 0.5 * (s.depth_top_mm + s.depth_bottom_mm))
        for f, s in zip(spine.sacrum, record.sacrum, strict=True)
    ][::-1]
    column = sacral_bodies + bodies
    return TrunkOutline(
        skin_back=Profile(nodes.tolist(), skin.tolist()),
        fascia=Profile(nodes.tolist(), close.tolist()),
        front=Profile([-120.0, 0.0, 90.0, 220.0], [belly - 12.0, belly, belly, belly - 15.0]),
        body_depth=Profile([s for s, _ in column], [d for _, d in column], smoothing_mm=3.0),
        spinous_tip=Profile(tips[:, 3].tolist(), (tips[:, 4]).tolist(), smoothing_mm=3.0),
        psoas=_psoas_profile(record, spine),
    )


def _tips(record: PhantomRecord, spine: Spine) -> Array:
    """Return x, y, z, s, t of the crest's and the spinous processes' tips, upwards."""
    rows = []
    for frame, segment in list(zip(spine.sacrum, record.sacrum, strict=True))[::-1]:
        reach = segment.canal_depth_mm + (10.0 if segment.canal_depth_mm > 6.0 else 4.0)
        rows.append([*frame.point(0.0, -reach, 0.0).tolist(), frame.s_middle, -reach])
    for frame, size in zip(spine.vertebrae, record.vertebrae, strict=True):
        reach = size.spinous_reach_mm
        drop = 0.4 * frame.height_mm + (reach - size.canal_depth_mm) * float(
            np.tan(np.radians(size.spinous_slant_deg))
        )
        rows.append([*frame.point(0.0, -reach, -drop).tolist(), frame.s_middle - drop, -reach])
    table = np.array(rows)
    return table[np.argsort(table[:, 2])]


def _smooth(values: Array, sigma: float) -> Array:
    reach = int(4 * sigma)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    padded = np.concatenate((np.repeat(values[:1], reach), values, np.repeat(values[-1:], reach)))
    return np.convolve(padded, kernel / kernel.sum(), "valid")


def _psoas_profile(record: PhantomRecord, spine: Spine) -> Profile:
    """Return the psoas radius: from T12 downwards it grows, below S1 it leaves."""
    radius = record.habitus.psoas_radius_mm
    nodes = [spine.s_endplate - 60.0, spine.s_endplate - 10.0]
    values = [0.6 * radius, 0.9 * radius]
    for frame, share in zip(spine.vertebrae[:6], (1.0, 1.0, 0.85, 0.6, 0.35, 0.0), strict=True):
        nodes.append(frame.s_middle)
        values.append(share * radius)
    return Profile(nodes, values, smoothing_mm=6.0)


def trunk_fields(record: PhantomRecord) -> list[WaveField]:
    """Return three fields of organs that compete, gas, and streak and septum of the muscles."""
    generator = make_generator(record.seed, "phantom", "trunk")
    size = record.habitus.viscera_size_mm
    organs = [
        WaveField.draw(generator, wavelengths_mm=(1.4 * size, 4.0 * size))
        for _ in range(_ORGAN_FIELDS)
    ]
    streaks = [
        WaveField.draw(generator, wavelengths_mm=waves, stretch=(1.0, 1.0, 4.0))
        for waves in ((5.0, 16.0), (14.0, 40.0))
    ]
    return organs + streaks


@dataclass(frozen=True)
class Trunk:
    """Everything but bones, discs and canal: what all blocks of a grid share."""

    record: PhantomRecord
    spine: Spine
    outline: TrunkOutline
    organs: SampledWaves  # three fields that compete, and gas
    streaks: SampledWaves  # of fat in muscle: streak and septum

    @classmethod
    def prepare(
        cls, record: PhantomRecord, spine: Spine, outline: TrunkOutline, waves: SampledWaves
    ) -> Trunk:
        """Return the trunk of a record, with its random fields ready for a grid."""
        return cls(record, spine, outline, *waves.parted(_ORGAN_FIELDS))

    def tissue(self, window: Window, points: Points) -> Tensor:
        """Return the tissues of a block, float32; parts out of its reach are left out."""
        column = _Column.locate(points, self.outline)
        layers = _layers(points, self.record, self.outline)
        tissue = torch.full_like(points.x, int(Tissue.FAT))
        if layers.reach_inside(self.record.habitus.fat_front_mm):
            self._inner(tissue, window, points, column, layers)
        _wall_and_skin(tissue, self.record, layers)
        if column.t_high > _VESSEL_T_MM and column.side_low < _LIGAMENT_SIDE_MM:
            _anterior_ligament(tissue, points, column, self.spine)
        return tissue

    def _inner(
        self, tissue: Tensor, window: Window, points: Points, column: _Column, layers: _Layers
    ) -> None:
        """Paint what the wall of the trunk encloses."""
        if column.t_high > _ORGAN_T_MM or self.record.habitus.has_lung:
            _viscera(tissue, points, column, self.organs.read(window), self.record, self.spine)
        _kidneys(tissue, points, column, self.spine)
        if column.t_low < _PSOAS_T_MM:
            _psoas(tissue, points, column, self.outline)
        if column.t_low < _MUSCLE_T_MM:
            streak, septum = self.streaks.read(window)
            _posterior_muscles(
                tissue, points, _Streaks(streak, septum), self.record, self.outline, layers, column
            )
        if column.t_high > _VESSEL_T_MM:
            _vessels(tissue, points, column, self.record, self.spine)


@dataclass(frozen=True)
class _Streaks:
    """Random fields of unit variance, stretched along the muscles."""

    streak: Tensor
    septum: Tensor


@dataclass(frozen=True)
class _Column:
    """Where a block lies against the column of the bodies."""

    side: Tensor  # from the midline, in mm
    depth: Tensor  # of the bodies at this height, in mm
    front: Tensor  # in front of the bodies, in mm
    side_low: float
    side_high: float
    t_low: float
    t_high: float

    @classmethod
    def locate(cls, points: Points, outline: TrunkOutline) -> _Column:
        side, depth = points.u.abs(), outline.body_depth(points.s)
        return cls(
            side, depth, points.t - depth,
            side.min().item(), side.max().item(), points.t.min().item(), points.t.max().item(),
        )  # fmt: skip


@dataclass(frozen=True)
class _Layers:
    """Depths below the trunk's surface in mm (negative outside)."""

    back: Tensor  # below the skin of the back
    fascia: Tensor  # below the fascia of the back
    front: Tensor  # below the skin of the belly
    flank: Tensor  # below the skin of the nearer flank
    belly: Tensor  # below the skin of belly and flanks, whose fat is thinner

    def reach_inside(self, fat_mm: float) -> bool:
        """Return whether any point lies inside the wall; on other devices, unasked, yes."""
        if self.belly.device.type != "cpu":
            return True
        depth = torch.minimum(self.belly - (fat_mm + _WALL_MM), self.fascia)
        return depth.max().item() >= 0.0


def _layers(points: Points, record: PhantomRecord, outline: TrunkOutline) -> _Layers:
    lateral = (points.x / record.habitus.trunk_half_width_mm).square_()
    drop = lateral.square_().clamp_max_(1.0)  # fourth power: flat back, round flanks
    back, fascia = read_together(points.z, outline.skin_back, outline.fascia)
    front = outline.front(points.z)
    inset = drop.neg_().add_(1.0).sqrt_().neg_().add_(1.0).mul_((front - back).mul_(0.5))
    bulge = smoothstep(points.u.abs(), 4.0, 26.0).mul_(5.0)
    behind = (points.y - back).sub_(inset)
    front.sub_(inset).sub_(points.y)
    flank = record.habitus.trunk_half_width_mm - points.x.abs()
    return _Layers(
        back=behind.add_(bulge, alpha=0.5),
        fascia=(points.y - fascia).sub_(inset).add_(bulge),
        front=front,
        flank=flank,
        belly=torch.minimum(front, flank + 0.3 * record.habitus.fat_front_mm),
    )


def _viscera(
    tissue: Tensor,
    points: Points,
    column: _Column,
    fields: Tensor,
    record: PhantomRecord,
    spine: Spine,
) -> None:
    """Paint packed organs in front of the column."""
    habitus = record.habitus
    first, second, third, gas = fields
    near = torch.maximum(column.front, column.side - 34.0)
    behind = 6.0 * smoothstep(points.t, 20.0, _ORGAN_T_MM) + smoothstep(near, 16.0, 2.0)
    best = torch.maximum(torch.maximum(first, second), third)
    worst = torch.minimum(torch.minimum(first, second), third)
    margin = (2.0 * best).add_(worst).sub_(first).sub_(second).sub_(third)  # to the second best
    organ = above(best - behind, 1.9 - 2.6 * habitus.viscera_fill)
    organ.mul_(above(margin, 0.14)).mul_(above(points.t, _ORGAN_T_MM))
    bowel = equal(best, second).mul_(organ)
    cover(tissue, equal(best, first).mul_(organ), Tissue.VISCERA_A)
    cover(tissue, bowel, Tissue.VISCERA_B)
    cover(tissue, equal(best, third).mul_(organ), Tissue.VISCERA_C)
    cover(tissue, below(margin, 0.3).mul_(bowel), Tissue.MUSCLE)
    filled = above(gas + 0.35 * margin, 2.4 - 4.0 * habitus.gas_share)
    cover(tissue, filled.mul_(bowel).mul_(above(margin, 0.45)), Tissue.BOWEL_GAS)
    if habitus.has_lung:
        dome = spine.vertebrae[6].origin[2].item() + 10.0
        lung = points.z + 3.0 * gas - 0.004 * (points.t - 70.0).square_()
        cover(tissue, above(lung, dome).mul_(above(near, 12.0)), Tissue.BOWEL_GAS)


def _kidneys(tissue: Tensor, points: Points, column: _Column, spine: Spine) -> None:
    if column.side_high < 30.0 or column.t_low > 42.0 or column.t_high < -18.0:
        return
    squared = ((column.side - 60.0) / 26.0).square_()  # of the distance to the centre
    squared.add_(((points.t - 12.0) / 24.0).square_())
    squared.add_(((points.s - spine.vertebrae[3].s_middle) / 52.0).square_())
    cover(tissue, below(squared, 1.12**2), Tissue.FAT)
    cover(tissue, below(squared, 1.0), Tissue.VISCERA_A)
    cover(tissue, below(squared, 0.35**2), Tissue.FAT)


def _posterior_muscles(
    tissue: Tensor,
    points: Points,
    fields: _Streaks,
    record: PhantomRecord,
    outline: TrunkOutline,
    layers: _Layers,
    column: _Column,
) -> None:
    """Paint erector spinae, multifidus and quadratus lumborum with their fat."""
    side, t = column.side, points.t
    wobble = 1.5 * fields.septum
    edge = _BACK_HALF_WIDTH_MM - (t + 24.0).clamp_min_(0.0).square_().mul_(0.06)
    edge.sub_((-0.1 * layers.fascia.clamp_min(0.0)).exp_(), alpha=22.0)
    front = (side - 18.0).clamp_min_(0.0).square_().mul_(-0.006).sub_(4.0)
    back = below(t, front.add_(wobble)).mul_(below(side, edge.add_(wobble, alpha=3.0)))
    quadratus = ((side - 54.0) / 18.0).square_().add_(((t - 2.0) / 10.0).square_())
    reach = wobble.mul_(0.06).add_(1.0).square_()
    muscle = torch.maximum(back, below(quadratus, reach))
    fatty = smoothstep(points.s, 120.0, 320.0).mul_(-0.5).add_(1.3)
    fatty.sub_(smoothstep(side, 10.0, 50.0), alpha=0.4).mul_(1.9 * record.habitus.muscle_fat)
    septa = below(fields.septum.abs(), 0.05).mul_(above(side, 6.0))
    fat = torch.maximum(above(fatty.add_(fields.streak), 2.3), septa)
    cover(tissue, muscle, Tissue.MUSCLE)
    cover(tissue, fat.mul_(muscle), Tissue.FAT)
    if column.side_low < _MIDLINE_MM and column.t_low < -12.0:
        tip = outline.spinous_tip(points.s)
        interspinous = below(side, 0.8 * fields.streak + 3.2).mul_(below(t, -12.0))
        interspinous.mul_(back).mul_(above(t, tip))
        cover(tissue, interspinous, Tissue.LIGAMENT)
        cover(tissue, above(fields.streak, 0.5).mul_(interspinous), Tissue.FAT)
    cover(tissue, below(layers.fascia, 1.3).mul_(back), Tissue.LIGAMENT)


def _psoas(tissue: Tensor, points: Points, column: _Column, outline: TrunkOutline) -> None:
    radius = outline.psoas(points.s)
    distance = ellipse(
        column.side - 0.68 * column.depth - 0.75 * radius,
        points.t - 0.5 * column.depth,
        (0.85, 1.1),
    )
    cover(tissue, below(distance, radius).mul_(above(radius, 3.0)), Tissue.MUSCLE)


def _vessels(
    tissue: Tensor, points: Points, column: _Column, record: PhantomRecord, spine: Spine
) -> None:
    """Paint aorta and vena cava, which part in front of L4, and their branches."""
    habitus = record.habitus
    fork = spine.vertebrae[1].s_middle
    leaving = (fork - points.s).clamp_min_(0.0)  # mm below the fork
    spread = torch.minimum(0.55 * leaving, 8.0 + 0.30 * leaving)
    width = 1.0 - 0.42 * smoothstep(leaving, 0.0, 25.0)
    front = column.front - 2.5 - 0.12 * leaving
    for radius, position, flat in (
        (habitus.aorta_radius_mm, -habitus.aorta_side_mm, 1.0),
        (habitus.cava_radius_mm, habitus.cava_side_mm, 0.8),
    ):
        parting = position * (1.0 - 0.02 * leaving).clamp_min_(0.0)
        across = (points.u - parting).abs_().sub_(spread)  # above the fork: from the axis, folded
        squared = ((front - radius * flat) / flat).square_().add_(across.square_())
        wall = width * radius
        cover(tissue, below(squared, (wall + 1.5).square_()), Tissue.FAT)
        cover(tissue, below(squared, wall.square_()), Tissue.VESSEL)


def _anterior_ligament(tissue: Tensor, points: Points, column: _Column, spine: Spine) -> None:
    front = column.front
    ligament = (
        above(front, -4.0).mul_(below(front, 1.4)).mul_(below(column.side, _LIGAMENT_SIDE_MM))
    )
    ligament.mul_(above(points.s, spine.s_endplate - 25.0))
    cover(tissue, ligament, Tissue.LIGAMENT)


def _wall_and_skin(tissue: Tensor, record: PhantomRecord, layers: _Layers) -> None:
    """Paint the abdominal wall, subcutaneous fat, skin and the air outside."""
    habitus = record.habitus
    fat_front = habitus.fat_front_mm
    belly = layers.belly
    cover(tissue, below(belly, fat_front + _WALL_MM), Tissue.MUSCLE)
    cover(tissue, torch.maximum(below(belly, fat_front), below(layers.fascia, 0.0)), Tissue.FAT)
    surface = torch.minimum(torch.minimum(layers.front, layers.back), layers.flank)
    cover(tissue, below(surface, habitus.skin_mm), Tissue.SKIN)
    cover(tissue, below(surface, 0.0), Tissue.AIR)
