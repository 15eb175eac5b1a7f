"""Posterior elements and ribs of vertebrae, as signed distances in their frames."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, inf, radians, sin

import torch
from torch import Tensor

from spinesynth.anatomy.phantom.parameters import VertebraSize
from spinesynth.anatomy.phantom.parts import Box
from spinesynth.anatomy.phantom.shapes import (
    Scalar,
    capsule,
    ellipse,
    intersect_rounded,
    rounded_box,
    smooth_min,
)
from spinesynth.anatomy.phantom.spine_curve import Frame
from spinesynth.anatomy.phantom.vertebra import FrameCoordinates

#: Half width of the spinous process with room for its fillet: farther out it changes nothing.
_SPINOUS_SIDE_MM = 12.0
#: How far medial of the canal's side wall the processes reach, with room for their fillets.
_PROCESSES_SIDE_MM = 7.0

#: How far fillets and roughness reach beyond the parts of an arch, and how far the canal's roof
#: recedes between two laminae, at most.
_FILLET_MM, _RECESS_MM = 3.0, 8.0


@dataclass(frozen=True)
class ArchShape:
    """Sizes of the posterior elements."""

    posterior_height_mm: Scalar
    canal_depth_mm: Scalar
    canal_width_mm: Scalar
    pedicle_width_mm: Scalar
    pedicle_height_mm: Scalar
    transverse_span_mm: Scalar
    transverse_height_mm: Scalar
    transverse_rise_mm: Scalar
    lamina_thickness_mm: Scalar
    spinous_reach_mm: Scalar
    spinous_height_mm: Scalar
    spinous_cos: Scalar
    spinous_sin: Scalar
    gap_below_mm: Scalar  # height of the disc below, which the lower facets bridge
    gap_above_mm: Scalar

    @classmethod
    def of_vertebra(
        cls, size: VertebraSize, *, gap_below_mm: float, gap_above_mm: float
    ) -> ArchShape:
        """Return the shape of the arch of a vertebra between two discs."""
        slant = radians(size.spinous_slant_deg)
        return cls(
            posterior_height_mm=size.posterior_height_mm,
            canal_depth_mm=size.canal_depth_mm,
            canal_width_mm=size.canal_width_mm,
            pedicle_width_mm=size.pedicle_width_mm,
            pedicle_height_mm=size.pedicle_height_mm,
            transverse_span_mm=size.transverse_span_mm,
            transverse_height_mm=size.transverse_height_mm,
            transverse_rise_mm=size.transverse_rise_mm,
            lamina_thickness_mm=size.lamina_thickness_mm,
            spinous_reach_mm=size.spinous_reach_mm,
            spinous_height_mm=size.spinous_height_mm,
            spinous_cos=cos(slant),
            spinous_sin=sin(slant),
            gap_below_mm=gap_below_mm,
            gap_above_mm=gap_above_mm,
        )


def arch_box(frame: Frame, size: VertebraSize, *, gap_below_mm: float, gap_above_mm: float) -> Box:
    """Return the box that holds the posterior elements of a vertebra between two discs."""
    corners = _corners(size, gap_below_mm=gap_below_mm, gap_above_mm=gap_above_mm)
    back, front = _range([v for v, _ in corners])
    low, high = _range([w for _, w in corners])
    side = 0.5 * size.transverse_span_mm + 6.0
    return Box(
        frame, (0.0, (front + back) / 2, (high + low) / 2),
        (side, (front - back) / 2, (high - low) / 2),
        slant=_range([w - v for v, w in corners]),
    )  # fmt: skip


def _range(values: list[float]) -> tuple[float, float]:
    """Return the least and the largest value, with room for fillets and roughness."""
    return min(values) - _FILLET_MM, max(values) + _FILLET_MM


def _corners(
    size: VertebraSize, *, gap_below_mm: float, gap_above_mm: float
) -> list[tuple[float, float]]:
    """Return v, w of points whose hull holds the posterior elements, as they are drawn below."""
    height, depth = size.posterior_height_mm, size.canal_depth_mm
    behind, base = -0.62 * depth, depth + 1.0
    top, low = 0.5 * (height + gap_above_mm) + 4.0, -0.5 * height - gap_below_mm - 4.6
    pedicle = [(5.0, 0.2 * height + side * size.pedicle_height_mm / 2) for side in (-1.0, 1.0)]
    facets = [(behind + 4.8, top), (behind - 6.0, top), (behind - 4.4, low), (behind - 11.6, low)]
    transverse = [
        (v, 0.1 * height + rise + side * size.transverse_height_mm / 2)
        for v, rise in ((behind + 4.5, 0.0), (behind - 8.7, size.transverse_rise_mm))
        for side in (-1.0, 1.0)
    ]
    roof = -depth - size.lamina_thickness_mm - _RECESS_MM
    lamina = [(-0.5 * depth, -0.05 * height), (roof, -0.05 * height), (roof, -0.67 * height)]
    slant = radians(size.spinous_slant_deg)
    spinous = [
        (
            -base - along * cos(slant) + up * sin(slant),
            -0.4 * height - along * sin(slant) - up * cos(slant),
        )
        for along in (0.0, size.spinous_reach_mm - base)
        for up in (-0.55 * size.spinous_height_mm, 0.55 * size.spinous_height_mm)
    ]
    return pedicle + facets + transverse + lamina + spinous


@dataclass(frozen=True)
class RibShape:
    """Sizes that ribs follow."""

    width_mm: Scalar
    posterior_height_mm: Scalar
    canal_depth_mm: Scalar
    transverse_span_mm: Scalar
    rib_mm: Scalar

    @classmethod
    def of_vertebra(cls, size: VertebraSize) -> RibShape:
        """Return the shape of the ribs of a vertebra."""
        return cls(
            size.width_mm, size.posterior_height_mm, size.canal_depth_mm,
            size.transverse_span_mm, size.rib_mm,
        )  # fmt: skip


def rib_box(frame: Frame, size: VertebraSize, *, right: bool) -> Box:
    """Return the box that holds the rib of one side."""
    radius, height = 7.0, size.posterior_height_mm
    inner = min(0.5 * size.width_mm + 3.0, 0.5 * size.transverse_span_mm + 1.0) - radius
    outer = 0.5 * size.transverse_span_mm + 1.0 + size.rib_mm + radius
    back = -0.55 * size.canal_depth_mm - 0.28 * size.rib_mm - radius
    low = min(0.30 - 0.018 * size.rib_mm, 0.30) * height - radius
    front, high = 4.0 + radius, 0.40 * height + radius
    middle = (inner + outer) / 2 * (1.0 if right else -1.0)
    return Box(
        frame, (middle, (front + back) / 2, (low + high) / 2),
        ((outer - inner) / 2, (front - back) / 2, (high - low) / 2),
    )  # fmt: skip


def posterior_distance(
    point: FrameCoordinates,
    canal: Tensor,
    size: ArchShape,
) -> Tensor:
    """Return the signed distance to the posterior elements in mm.

    Args:
        point: u, v, w in the vertebra's frame.
        canal: signed distance to the wall of the bony canal, negative inside.
        size: of the vertebra or of several.
    """
    u, v, w = point
    side = u.abs()
    low, high = _extent(side)
    arch = _lamina(side, v, w, canal, size)
    if low < _SPINOUS_SIDE_MM:
        arch = smooth_min(arch, _spinous(u, v, w, size), 4.0)
    if high > 0.5 * _least(size.canal_width_mm) - _PROCESSES_SIDE_MM:
        arch = smooth_min(arch, _processes((side, v, w), size), 2.5)
    return torch.maximum(arch, canal.neg())


def _extent(side: Tensor) -> tuple[float, float]:
    """Return the least and the largest value; on other devices, which would wait, no bounds."""
    if side.device.type != "cpu":
        return -inf, inf
    low, high = side.aminmax()
    return low.item(), high.item()


def _least(value: Scalar) -> float:
    return value.min().item() if isinstance(value, Tensor) and value.device.type == "cpu" else 0.0


def _pedicle_side(size: ArchShape) -> Scalar:
    return (size.canal_width_mm + size.pedicle_width_mm) / 2 - 0.5


def _lamina(side: Tensor, v: Tensor, w: Tensor, canal: Tensor, size: ArchShape) -> Tensor:
    """Plate around the posterior half of the canal, its lower edge further behind."""
    height, thick = size.posterior_height_mm, size.lamina_thickness_mm
    middle = -0.36 * height - 0.35 * (canal - thick / 2)
    plate = (canal - thick / 2).abs() - thick / 2
    behind = v + 0.5 * size.canal_depth_mm + 0.1 * side
    extent = (w - middle).abs() - (0.31 * height - 0.12 * side)
    return intersect_rounded([plate, behind, extent], 1.8)


def _spinous(u: Tensor, v: Tensor, w: Tensor, size: ArchShape) -> Tensor:
    """Hatchet-shaped plate in the midline, taller and thicker towards its tip."""
    base = size.canal_depth_mm + 1.0
    half_length = (size.spinous_reach_mm - base) / 2
    back, down = -base - v, -0.40 * size.posterior_height_mm - w
    along = back * size.spinous_cos + down * size.spinous_sin  # grows towards the tip
    up = down * size.spinous_cos - back * size.spinous_sin  # grows downwards
    along = along - half_length
    fraction = (along / half_length).clamp_(-1.0, 1.0)
    half_height = 0.5 * size.spinous_height_mm * (0.76 + 0.16 * fraction)
    up = up - 0.09 * size.spinous_height_mm * fraction  # its lower border sags at the tip
    half_thick = 3.9 + 1.2 * fraction
    plate = rounded_box(along, up, (half_length, half_height), 0.36 * size.spinous_height_mm)
    return intersect_rounded([plate, u.abs() - half_thick], 2.5)


def _processes(point: FrameCoordinates, size: ArchShape) -> Tensor:
    """Pedicle, articular and transverse processes of one side (mirrored by |u|)."""
    side, v, w = point
    height, depth = size.posterior_height_mm, size.canal_depth_mm
    lateral = _pedicle_side(size)
    facet = 0.5 * size.canal_width_mm + 4.5
    behind, root = -0.62 * depth, 0.20 * height
    pedicle = intersect_rounded(
        [
            ellipse(
                side - lateral, w - root, (size.pedicle_width_mm / 2, size.pedicle_height_mm / 2)
            ),
            (v - 0.5 * (5.0 + behind)).abs() - 0.5 * (5.0 - behind),
        ],
        1.5,
    )
    junction = (lateral, behind, 0.16 * height)
    upper = capsule(
        point, junction, (facet + 3.5, behind - 2.0, 0.5 * height + 0.5 * size.gap_above_mm),
        radius_mm=(4.8, 4.0),
    )  # fmt: skip
    pars = (facet, behind - 4.5, -0.2 * height)
    isthmus = capsule(point, junction, pars, radius_mm=(4.2, 3.8))
    lower = capsule(
        point, pars, (facet - 2.0, behind - 8.0, -0.5 * height - size.gap_below_mm - 1.0),
        radius_mm=(4.0, 3.6),
    )  # fmt: skip
    transverse = capsule(
        point, (lateral, behind + 1.0, 0.1 * height),
        (0.5 * size.transverse_span_mm, behind - 6.0, 0.1 * height + size.transverse_rise_mm),
        radius_mm=(4.6, 3.6), flatten=(1.0, 0.75, size.transverse_height_mm / 9.2),
    )  # fmt: skip
    facets = smooth_min(smooth_min(isthmus, lower, 2.0), upper, 2.0)
    return smooth_min(smooth_min(pedicle, facets, 3.0), transverse, 3.0)


def rib_distance(point: FrameCoordinates, size: RibShape) -> Tensor:
    """Return the distance to the heads of both ribs at a thoracic vertebra."""
    u, v, w = point
    mirrored = (u.abs(), v, w)
    height = size.posterior_height_mm
    neck = (0.5 * size.transverse_span_mm + 1.0, -0.55 * size.canal_depth_mm, 0.30 * height)
    head = capsule(
        mirrored, (0.5 * size.width_mm + 3.0, 4.0, 0.40 * height), neck,
        radius_mm=(4.5, 4.0), flatten=(1.0, 0.8, 1.1),
    )  # fmt: skip
    reach = size.rib_mm
    shaft = capsule(
        mirrored, neck,
        (neck[0] + reach, neck[1] - 0.28 * reach, (0.30 - 0.018 * reach) * height),
        radius_mm=(4.0, 4.5), flatten=(1.0, 0.8, 1.3),
    )  # fmt: skip
    return torch.minimum(head, shaft)
