"""Sacral bodies, lateral masses and crest, as signed distances."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from spinesynth.anatomy.phantom.parameters import PhantomRecord, SacralSegment
from spinesynth.anatomy.phantom.profile import Profile
from spinesynth.anatomy.phantom.shapes import ellipse, intersect_rounded, smooth_min
from spinesynth.anatomy.phantom.spine_curve import Spine
from spinesynth.anatomy.phantom.vertebra import BodyShape

_CREST_THICKNESS_MM = 3.5  # half thickness of the median crest, nominal


def sacral_body_shape(segment: SacralSegment, *, is_first: bool) -> BodyShape:
    """Return the shape of a sacral body; fused bodies have hardly any waist."""
    return BodyShape(
        depth_top_mm=segment.depth_top_mm,
        depth_bottom_mm=segment.depth_bottom_mm,
        width_top_mm=segment.width_mm * (1.04 if is_first else 1.0),
        width_bottom_mm=segment.width_mm * 0.86,
        waist_mm=1.2 if is_first else 0.8,
        endplate_concavity_mm=0.8 if is_first else 0.2,
        corner_radius_mm=2.0 if is_first else 1.2,
        posterior_hollow_mm=0.8,
    )


def sacral_disc_shape(segment: SacralSegment) -> BodyShape:
    """Return the shape of the rudimentary disc under a segment."""
    depth, width = 0.86 * segment.depth_bottom_mm, 0.8 * segment.width_mm
    return BodyShape(depth, depth, width, width, 0.0, 0.0, 0.5, 0.0)


@dataclass(frozen=True)
class SacralCourse:
    """Outline of the sacrum along the spine (functions of s)."""

    depth: Profile
    half_width: Profile
    half_span: Profile
    crest: Profile  # height of the median crest behind the canal
    roof: Profile  # thickness of the laminae
    s_top: float
    s_tip: float
    s_foramina: tuple[float, ...]


def sacral_course(record: PhantomRecord, spine: Spine) -> SacralCourse:
    """Return the course of the sacrum of a record."""
    pairs = list(zip(spine.sacrum, record.sacrum, strict=True))[::-1]
    middles = [frame.s_middle for frame, _ in pairs]
    tops = [frame.s_high for frame, _ in pairs]
    crest_nodes, crest_heights = _crest_nodes(record, spine)
    return SacralCourse(
        depth=Profile(middles, [0.5 * (s.depth_top_mm + s.depth_bottom_mm) for _, s in pairs]),
        half_width=Profile(middles, [0.46 * s.width_mm for _, s in pairs], smoothing_mm=4.0),
        half_span=Profile(tops, [0.5 * s.span_mm for _, s in pairs], smoothing_mm=6.0),
        crest=Profile(crest_nodes, crest_heights, smoothing_mm=2.5),
        roof=Profile([tops[0], tops[-1]], [2.5, 5.0]),
        s_top=spine.s_endplate,
        s_tip=spine.sacrum[-1].s_low,
        s_foramina=tuple(disc.s_middle for disc in spine.sacral_discs),
    )


def _crest_nodes(record: PhantomRecord, spine: Spine) -> tuple[list[float], list[float]]:
    """Return the crest's outline: a bump per segment, flat below S4."""
    size = record.vertebrae[0].depth_mm / 35.0
    peaks = (13.0 * size, 12.0 * size, 9.0 * size, 5.0 * size, 0.5)
    nodes: list[float] = []
    values: list[float] = []
    for frame, peak in list(zip(spine.sacrum, peaks, strict=True))[::-1]:
        nodes += [frame.s_low, frame.s_middle - 2.0]
        values += [0.35 * peak, peak]
    return nodes, values


def sacral_arch_distance(
    u: Tensor, t: Tensor, s: Tensor, canal: Tensor, course: SacralCourse
) -> Tensor:
    """Return the signed distance to the lateral masses, laminae and crest, in mm.

    Args:
        u: right of the midline.
        t: anterior of the posterior wall.
        s: arc length upwards.
        canal: signed distance to the bony canal.
        course: of the same spine.
    """
    side = u.abs()
    below_top = s - (course.s_top - 7.0 - 0.12 * side)
    above_tip = course.s_tip + 4.0 - s
    roof = intersect_rounded(
        [canal - course.roof(s), t + 2.0, side - 17.0, below_top + 2.0, above_tip], 1.5
    )
    crest = intersect_rounded(
        [side - _CREST_THICKNESS_MM, -canal, canal - course.crest(s), t + 2.0, below_top + 2.0,
         above_tip], 1.5,
    )  # fmt: skip
    arch = smooth_min(roof, crest, 3.0)
    return torch.maximum(
        smooth_min(arch, _lateral_masses(side, t, s, course, below_top), 3.0), -canal
    )


def _lateral_masses(
    side: Tensor, t: Tensor, s: Tensor, course: SacralCourse, below_top: Tensor
) -> Tensor:
    beyond = (side - course.half_width(s)).clamp_min(0.0)
    front = 0.72 * course.depth(s) - 0.28 * beyond
    back = -11.0 - 0.05 * beyond
    middle, half = 0.5 * (front + back), 0.5 * (front - back)
    mass = intersect_rounded(
        [(t - middle).abs() - half, side - course.half_span(s), course.half_width(s) - 3.0 - side,
         below_top, course.s_tip + 14.0 - s], 3.0,
    )  # fmt: skip
    for s_foramen in course.s_foramina[:-1]:
        hole = ellipse(side - course.half_width(s) - 4.0, s - s_foramen, (4.0, 5.5))
        mass = torch.maximum(mass, -hole)
    return mass
