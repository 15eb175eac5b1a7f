"""Bony canal, thecal sac, cord and roots, in spine coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin

import torch
from torch import Tensor

from spinesynth.anatomy.phantom.findings import FindingKind
from spinesynth.anatomy.phantom.parameters import PhantomRecord
from spinesynth.anatomy.phantom.profile import Profile
from spinesynth.anatomy.phantom.shapes import Scalar, capsule, cubic_norm, ellipse, smoothstep
from spinesynth.anatomy.phantom.spine_curve import Frame, Spine

_CONUS_TAPER_MM = 28.0  # length over which the cord thins to the conus tip, nominal
_SAC_TAPER_MM = 30.0
_STRAND_WAVELENGTHS_MM = (3.2, 3.8, 4.4)  # of the roots' pattern across the sac


@dataclass(frozen=True)
class CanalCourse:
    """How the canal and its contents change along the spine (functions of s)."""

    bony_depth: Profile  # without the fat pads
    bony_width: Profile
    pad: Profile  # how far the roof recedes between the laminae
    gap: Profile  # between the posterior wall and the sac
    sac_depth: Profile
    sac_width: Profile
    squeeze: Profile  # share of the sac's depth that stenoses leave
    s_conus: float
    s_sac_end: float


def canal_course(record: PhantomRecord, spine: Spine) -> CanalCourse:
    """Return the course of the canal through all levels of a spine."""
    canal = record.canal
    sacral = list(zip(spine.sacrum, record.sacrum, strict=True))[::-1]
    levels = list(zip(spine.vertebrae, record.vertebrae, strict=True))
    nodes = [f.s_middle for f, _ in sacral] + [f.s_middle for f, _ in levels]
    depth = [s.canal_depth_mm for _, s in sacral] + [v.canal_depth_mm for _, v in levels]
    width = [0.62 * s.width_mm for _, s in sacral] + [v.canal_width_mm for _, v in levels]
    s_end = _position(spine.sacrum, canal.sac_end_segments, downwards=True)
    s_top = spine.s_endplate
    sac_nodes = [s_end, s_end + _SAC_TAPER_MM, max(s_top + 25.0, s_end + 60.0)]
    full, wide, kept = canal.sac_depth_fraction, canal.sac_width_fraction, canal.sac_fullness
    pads = _pad_nodes(record, spine)
    return CanalCourse(
        bony_depth=Profile(nodes, depth, smoothing_mm=8.0),
        bony_width=Profile(nodes, width, smoothing_mm=8.0),
        pad=Profile(*pads, smoothing_mm=2.0),
        gap=Profile(
            [s_top - 40.0, s_top - 8.0, s_top + 10.0, s_top + 50.0],
            [
                0.5 * canal.anterior_gap_sacral_mm, canal.anterior_gap_sacral_mm,
                0.8 * canal.anterior_gap_sacral_mm, canal.anterior_gap_lumbar_mm,
            ],
            smoothing_mm=6.0,
        ),
        sac_depth=Profile(
            sac_nodes, [0.42 * full, (0.72 + 0.28 * kept) * full, full], smoothing_mm=4.0
        ),
        sac_width=Profile(
            sac_nodes, [0.32, (0.55 + 0.35 * kept) * wide, wide], smoothing_mm=4.0
        ),
        squeeze=_squeeze(record, spine),
        s_conus=_position(spine.vertebrae, canal.conus_levels),
        s_sac_end=s_end,
    )  # fmt: skip


def _squeeze(record: PhantomRecord, spine: Spine) -> Profile:
    nodes, values = [spine.s_endplate - 100.0], [1.0]
    for frame, disc in zip(spine.discs, record.discs, strict=True):
        worst = max(
            (
                f.severity
                for f in record.findings
                if f.kind is FindingKind.STENOSIS and f.level == disc.name
            ),
            default=0.0,
        )
        middle, reach = frame.s_middle, 0.5 * frame.height_mm
        nodes += [middle - reach - 8.0, middle - 3.0, middle + 3.0, middle + reach + 8.0]
        values += [1.0, 1.0 - worst, 1.0 - worst, 1.0]
    return Profile(nodes, values, smoothing_mm=1.5)


def _position(frames: tuple[Frame, ...], level: float, *, downwards: bool = False) -> float:
    """Return the arc length after a number of segments, counted from the S1 endplate."""
    whole = min(int(level), len(frames) - 1)
    part = level - whole
    frame = frames[whole]
    if downwards:
        return frame.s_high - part * (frame.s_high - frame.s_low)
    return frame.s_low + part * (frame.s_high - frame.s_low)


def _pad_nodes(record: PhantomRecord, spine: Spine) -> tuple[list[float], list[float]]:
    """Return the roof's recess: nil at each lamina's upper edge, most between two."""
    nodes, values = [spine.s_endplate - 60.0], [0.0]
    for frame, disc, size in zip(spine.vertebrae, spine.discs, record.vertebrae, strict=True):
        share = record.canal.fat_pad_mm * (1.0 if size.name.startswith("L") else 0.4)
        height = frame.height_mm
        nodes += [
            disc.s_low - 0.15 * height, disc.s_high, frame.s_middle - 0.25 * height,
            frame.s_middle + 0.1 * height,
        ]  # fmt: skip
        values += [0.9 * share, share, 0.45 * share, 0.0]
    return nodes, values


def bony_canal_distance(u: Tensor, t: Tensor, s: Tensor, course: CanalCourse) -> Tensor:
    """Return the signed distance to the bony canal's wall in mm, negative inside.

    The section is triangular: it narrows towards its roof.
    """
    depth = course.bony_depth(s) + course.pad(s)
    half = 0.5 * depth
    middle = t + half
    narrowing = 1.0 - 0.35 * (-middle / half).clamp_(0.0, 1.3)
    half_width = 0.5 * course.bony_width(s) * narrowing
    scaled = cubic_norm((u / half_width).abs_(), (middle / half).abs_())
    return (scaled - 1.0) * torch.hypot(u, middle) / scaled.clamp_min(1e-3)


@dataclass(frozen=True)
class SacDistances:
    """Signed distances inside the canal in mm, negative inside."""

    sac: Tensor
    cord: Tensor
    roots: Tensor


def sac_distances(
    u: Tensor, t: Tensor, s: Tensor, record: PhantomRecord, course: CanalCourse
) -> SacDistances:
    """Return the distances to the thecal sac, the cord and the roots of the cauda."""
    squeeze = course.squeeze(s)
    middle, half_depth = sac_section(t, s, course)
    # a stenosed sac loses width too, but less than depth (trefoil or flat; nominal)
    half_width = 0.5 * course.bony_width(s) * course.sac_width(s) * (0.4 + 0.6 * squeeze)
    sac = torch.maximum(ellipse(u, middle, (half_width, half_depth)), course.s_sac_end - s)
    cord = _cord_distance(u, middle, s, record, course)
    # crowded roots leave no cerebrospinal fluid from Schizas C on
    crowd = 3.0 * smoothstep(1.0 - squeeze, 0.25, 0.5)
    roots = _roots_distance(u, middle, s, record, course, half_depth) - crowd
    return SacDistances(sac, cord, torch.maximum(roots, sac + 0.4))


def sac_section(t: Tensor, s: Tensor, course: CanalCourse) -> tuple[Tensor, Tensor]:
    """Return how far in front of the sac's axis points lie, and the sac's half depth, in mm."""
    squeeze = course.squeeze(s)
    free = 0.5 * course.bony_depth(s) * course.sac_depth(s)
    # disc and flavum press from both sides
    return t + course.gap(s).clamp_max_(6.0) + free * (1.0 + 0.3 * (1.0 - squeeze)), free * squeeze


def _cord_distance(
    u: Tensor, middle: Tensor, s: Tensor, record: PhantomRecord, course: CanalCourse
) -> Tensor:
    taper = ((s - course.s_conus) / _CONUS_TAPER_MM).clamp_(0.02, 1.0).sqrt_()
    radii = (0.5 * record.canal.cord_width_mm * taper, 0.5 * record.canal.cord_depth_mm * taper)
    return torch.maximum(ellipse(u, middle + 0.6 * (1.0 - taper), radii), course.s_conus - s)


def _roots_distance(
    u: Tensor,
    middle: Tensor,
    s: Tensor,
    record: PhantomRecord,
    course: CanalCourse,
    half_depth: Tensor,
) -> Tensor:
    """Strands that sink to the back of the sac (lying), fewer towards its end."""
    pattern = torch.zeros_like(u)
    for n, wavelength in enumerate(_STRAND_WAVELENGTHS_MM):  # crossed waves make dots, not stripes
        rate, angle = 2 * pi / wavelength, pi * n / 3 + record.scoliosis_phase
        drift = 0.02 * (n - 0.7) * s + record.scoliosis_phase * (n + 1)
        pattern += (rate * (cos(angle) * u + sin(angle) * middle) + drift).cos_()
    posterior = -middle / half_depth.clamp_min(1.0)
    remaining = smoothstep(s, course.s_sac_end, course.s_conus)
    share = record.canal.cauda_fraction * (0.3 + 0.7 * remaining)
    below = torch.maximum(s - course.s_conus - 12.0, torch.zeros_like(s))
    level = 1.5 - 2.6 * share - 1.9 * posterior
    return 0.4 * (level - 0.6 * (1.0 - record.canal.cauda_packing) * pattern) + below


@dataclass(frozen=True)
class RootShape:
    """Where a root leaves the sac and where the model drops it, right side, in its frame."""

    start_u_mm: Scalar
    start_v_mm: Scalar
    start_w_mm: Scalar
    end_u_mm: Scalar
    end_w_mm: Scalar


def nerve_root(frame: Frame, width_mm: float, depth_mm: float) -> RootShape:
    """Return the course of the root under a pedicle.

    Args:
        frame: of the vertebra above the foramen.
        width_mm: of the bony canal.
        depth_mm: of the bony canal.
    """
    height = frame.height_mm
    return RootShape(
        0.30 * width_mm, -0.40 * depth_mm, 0.05 * height, 0.5 * width_mm + 16.0, -0.62 * height
    )


def root_distance(point: tuple[Tensor, Tensor, Tensor], root: RootShape) -> Tensor:
    """Return the signed distance to the roots of both sides in mm."""
    u, v, w = point
    return capsule(
        (u.abs(), v, w),
        (root.start_u_mm, root.start_v_mm, root.start_w_mm),
        (root.end_u_mm, 1.0, root.end_w_mm),
        radius_mm=(1.6, 3.0),
    )
