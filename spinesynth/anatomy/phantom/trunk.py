"""The trunk around the spine: skin, fat, muscles, vessels and viscera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from spinesynth.anatomy.phantom.canvas import Canvas, Points
from spinesynth.anatomy.phantom.grid import SampleGrid
from spinesynth.anatomy.phantom.parameters import PhantomRecord
from spinesynth.anatomy.phantom.profile import Profile
from spinesynth.anatomy.phantom.shapes import ellipse, smoothstep
from spinesynth.anatomy.phantom.spine_curve import Array, Spine
from spinesynth.anatomy.phantom.waves import WaveField
from spinesynth.anatomy.tissues import Tissue
from spinesynth.seeding import make_generator

_WALL_MM = 9.0  # thickness of the abdominal wall's muscles, nominal
_BACK_HALF_WIDTH_MM = 72.0  # of the paraspinal muscle compartment, nominal
_EVERYWHERE = (slice(None), slice(None), slice(None))


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
    return np.convolve(np.pad(values, reach, mode="edge"), kernel / kernel.sum(), "valid")


def _psoas_profile(record: PhantomRecord, spine: Spine) -> Profile:
    """Return the psoas radius: from T12 downwards it grows, below S1 it leaves."""
    radius = record.habitus.psoas_radius_mm
    nodes = [spine.s_endplate - 60.0, spine.s_endplate - 10.0]
    values = [0.6 * radius, 0.9 * radius]
    for frame, share in zip(spine.vertebrae[:6], (1.0, 1.0, 0.85, 0.6, 0.35, 0.0), strict=True):
        nodes.append(frame.s_middle)
        values.append(share * radius)
    return Profile(nodes, values, smoothing_mm=6.0)


def paint_trunk(
    canvas: Canvas, points: Points, grid: SampleGrid, record: PhantomRecord, spine: Spine
) -> None:
    """Paint everything but bones, discs and canal, from the skin inwards."""
    outline = trunk_outline(record, spine)
    generator = make_generator(record.seed, "phantom", "trunk")
    fields = _Fields.draw(generator, grid, record)
    layers = _layers(points, record, outline)
    tissue = _viscera(points, fields, record, outline, spine)
    _posterior_muscles(tissue, points, fields, record, outline, layers)
    _vessels(tissue, points, record, outline, spine)
    _wall_and_skin(tissue, record, layers)
    canvas.tissue.copy_(tissue)


@dataclass(frozen=True)
class _Fields:
    """Random fields on the grid, unit variance, float32 (I, J, K)."""

    organs: tuple[Tensor, Tensor, Tensor]
    gas: Tensor
    streak: Tensor
    septum: Tensor

    @classmethod
    def draw(cls, generator: torch.Generator, grid: SampleGrid, record: PhantomRecord) -> _Fields:
        size = record.habitus.viscera_size_mm
        blobs = (1.4 * size, 4.0 * size)
        first, second, third, gas = (
            WaveField.draw(generator, wavelengths_mm=blobs, count=40).on_grid(grid)
            for _ in range(4)
        )
        streak, septum = (
            WaveField.draw(
                generator, wavelengths_mm=waves, count=48, stretch=(1.0, 1.0, 4.0)
            ).on_grid(grid)
            for waves in ((5.0, 16.0), (14.0, 40.0))
        )
        return cls((first, second, third), gas, streak, septum)


@dataclass(frozen=True)
class _Layers:
    """Depths below the trunk's surface in mm (negative outside)."""

    back: Tensor  # below the skin of the back
    fascia: Tensor  # below the fascia of the back
    front: Tensor  # below the skin of the belly
    flank: Tensor  # below the skin of the nearer flank


def _layers(points: Points, record: PhantomRecord, outline: TrunkOutline) -> _Layers:
    lateral = (points.x / record.habitus.trunk_half_width_mm).square_()
    drop = lateral.square_().clamp_max_(1.0)  # fourth power: flat back, round flanks
    back, front = outline.skin_back(points.z), outline.front(points.z)
    half = 0.5 * (front - back)
    inset = (1.0 - (1.0 - drop).sqrt_()) * half
    bulge = 5.0 * smoothstep(points.u.abs(), 4.0, 26.0)
    return _Layers(
        back=points.y - back - inset + 0.5 * bulge,
        fascia=points.y - outline.fascia(points.z) - inset + bulge,
        front=front - inset - points.y,
        flank=record.habitus.trunk_half_width_mm - points.x.abs(),
    )


def _viscera(
    points: Points, fields: _Fields, record: PhantomRecord, outline: TrunkOutline, spine: Spine
) -> Tensor:
    """Return a map of fat with packed organs in front of the column."""
    habitus = record.habitus
    first, second, third = fields.organs
    depth = outline.body_depth(points.s)
    near = torch.maximum(points.t - depth, points.u.abs() - 34.0)
    behind = 6.0 * smoothstep(points.t, 20.0, 6.0) + smoothstep(near, 16.0, 2.0)
    best = torch.maximum(torch.maximum(first, second), third)
    worst = torch.minimum(torch.minimum(first, second), third)
    margin = 2.0 * best + worst - first - second - third  # best less second best
    threshold = 1.9 - 2.6 * habitus.viscera_fill
    organ = (best - behind > threshold) & (margin > 0.14)
    tissue = torch.full(points.x.shape, int(Tissue.FAT), dtype=torch.uint8)
    tissue.masked_fill_(organ & (best == first), int(Tissue.VISCERA_A))
    tissue.masked_fill_(organ & (best == second), int(Tissue.VISCERA_B))
    tissue.masked_fill_(organ & (best == third), int(Tissue.VISCERA_C))
    bowel = organ & (best == second)
    tissue.masked_fill_(bowel & (margin < 0.3), int(Tissue.MUSCLE))
    gas = fields.gas + 0.35 * margin > 2.4 - 4.0 * habitus.gas_share
    tissue.masked_fill_(bowel & gas & (margin > 0.45), int(Tissue.BOWEL_GAS))
    _kidneys(tissue, points, spine)
    if habitus.has_lung:
        dome = spine.vertebrae[6].origin[2].item() + 10.0
        lung = points.z + 3.0 * fields.gas - 0.004 * (points.t - 70.0).square() > dome
        tissue.masked_fill_(lung & (near > 12.0), int(Tissue.BOWEL_GAS))
    return tissue


def _kidneys(tissue: Tensor, points: Points, spine: Spine) -> None:
    level = spine.vertebrae[3].s_middle
    side = points.u.abs() - 60.0
    if side.max().item() < -30.0:  # a narrow slab does not reach them
        return
    distance = ellipse(
        torch.hypot(side / 26.0, (points.t - 12.0) / 24.0), (points.s - level) / 52.0, (1.0, 1.0)
    )
    tissue.masked_fill_(distance < 0.12, int(Tissue.FAT))
    tissue.masked_fill_(distance < 0.0, int(Tissue.VISCERA_A))
    tissue.masked_fill_(distance < -0.65, int(Tissue.FAT))


def _posterior_muscles(
    tissue: Tensor,
    points: Points,
    fields: _Fields,
    record: PhantomRecord,
    outline: TrunkOutline,
    layers: _Layers,
) -> None:
    """Paint erector spinae, multifidus, quadratus lumborum and psoas with their fat."""
    side, t = points.u.abs(), points.t
    wobble = 1.5 * fields.septum
    edge = _BACK_HALF_WIDTH_MM - 0.06 * (t + 24.0).clamp_min(0.0).square_()
    edge -= 22.0 * torch.exp(-0.1 * layers.fascia.clamp_min(0.0))
    back = (t < -4.0 + wobble) & (side < edge + 3.0 * wobble)
    quadratus = (t < 14.0) & (side > 38.0 + wobble) & (side < 74.0) & (t > -8.0)
    radius = outline.psoas(points.s)
    column = 0.5 * outline.body_depth(points.s)
    psoas = ellipse(
        side - 0.68 * outline.body_depth(points.s) - 0.75 * radius, t - column, (0.85, 1.1)
    )
    muscle = back | quadratus | ((psoas < radius) & (radius > 3.0))
    fatty = record.habitus.muscle_fat * (
        1.3 - 0.5 * smoothstep(points.s, 120.0, 320.0) - 0.4 * smoothstep(side, 10.0, 50.0)
    )
    fat = (fields.streak > 2.3 - 1.9 * fatty) | ((fields.septum.abs() < 0.05) & (side > 6.0))
    midline = (side < 3.2 + 0.8 * fields.streak) & (t < -12.0)
    tip = outline.spinous_tip(points.s)
    tissue.masked_fill_(muscle, int(Tissue.MUSCLE))
    tissue.masked_fill_((back | quadratus) & fat, int(Tissue.FAT))
    interspinous = midline & back & (t > tip)
    tissue.masked_fill_(interspinous, int(Tissue.LIGAMENT))
    tissue.masked_fill_(interspinous & (fields.streak > 0.5), int(Tissue.FAT))
    fascia = layers.fascia < 1.3
    tissue.masked_fill_(back & fascia, int(Tissue.LIGAMENT))


def _vessels(
    tissue: Tensor, points: Points, record: PhantomRecord, outline: TrunkOutline, spine: Spine
) -> None:
    """Paint aorta and vena cava, which part in front of L4, and their branches."""
    habitus = record.habitus
    fork = spine.vertebrae[1].s_middle
    leaving = (fork - points.s).clamp_min_(0.0)  # mm below the fork
    spread = torch.minimum(0.55 * leaving, 8.0 + 0.30 * leaving)
    width = 1.0 - 0.42 * smoothstep(leaving, 0.0, 25.0)
    front = points.t - outline.body_depth(points.s) - 2.5
    for radius, position, flat in (
        (habitus.aorta_radius_mm, -habitus.aorta_side_mm, 1.0),
        (habitus.cava_radius_mm, habitus.cava_side_mm, 0.8),
    ):
        parting = position * (1.0 - 0.02 * leaving).clamp_min_(0.0)
        forked = (points.u - parting).abs() - spread
        across = torch.where(leaving > 0, forked, points.u - position)
        height = front - radius * flat - 0.12 * leaving
        tube = torch.hypot(across, height / flat) - radius * width
        tissue.masked_fill_(tube < 1.5, int(Tissue.FAT))
        tissue.masked_fill_(tube < 0.0, int(Tissue.VESSEL))


def _wall_and_skin(tissue: Tensor, record: PhantomRecord, layers: _Layers) -> None:
    """Paint the abdominal wall, subcutaneous fat, skin and the air outside."""
    habitus = record.habitus
    fat_front = habitus.fat_front_mm
    belly = torch.minimum(layers.front, layers.flank + 0.3 * fat_front)
    tissue.masked_fill_(belly < fat_front + _WALL_MM, int(Tissue.MUSCLE))
    tissue.masked_fill_((belly < fat_front) | (layers.fascia < 0.0), int(Tissue.FAT))
    surface = torch.minimum(torch.minimum(layers.front, layers.back), layers.flank)
    tissue.masked_fill_(surface < habitus.skin_mm, int(Tissue.SKIN))
    tissue.masked_fill_(surface < 0.0, int(Tissue.AIR))
