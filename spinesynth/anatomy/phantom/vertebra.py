"""Vertebral body and posterior elements, as signed distances in the vertebra's frame."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from spinesynth.anatomy.phantom.parameters import VertebraSize
from spinesynth.anatomy.phantom.shapes import (
    capsule,
    ellipse,
    intersect_rounded,
    rounded_box,
    smooth_min,
    turned,
)
from spinesynth.anatomy.phantom.spine_curve import Frame

FrameCoordinates = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class BodyShape:
    """Shape of a vertebral or sacral body; depths count from the posterior wall."""

    depth_top_mm: float
    depth_bottom_mm: float
    width_top_mm: float
    width_bottom_mm: float
    waist_mm: float
    endplate_concavity_mm: float
    corner_radius_mm: float
    posterior_hollow_mm: float

    @classmethod
    def of_vertebra(cls, size: VertebraSize) -> BodyShape:
        """Return the shape of a vertebral body; the lower end is slightly larger."""
        return cls(
            depth_top_mm=size.depth_mm * 0.985,
            depth_bottom_mm=size.depth_mm * 1.015,
            width_top_mm=size.width_mm * 0.98,
            width_bottom_mm=size.width_mm * 1.02,
            waist_mm=size.waist_mm,
            endplate_concavity_mm=size.endplate_concavity_mm,
            corner_radius_mm=size.corner_radius_mm,
            posterior_hollow_mm=1.5,
        )


def outline(u: Tensor, v: Tensor, half_depth: Tensor, half_width: Tensor) -> tuple[Tensor, Tensor]:
    """Return the section's radius (1 on the wall) and the distance to its wall.

    The section is an ellipse in front and squarer (cubic) behind.

    Args:
        u: lateral coordinate in mm.
        v: anterior coordinate in mm from the section's centre.
        half_depth: in mm.
        half_width: in mm.
    """
    a, b = (u / half_width).abs_(), v / half_depth
    front = (a * a).add_(b * b).sqrt_()
    back = (a * a * a).add_((b * b * b).abs_()).pow_(1.0 / 3.0)
    radius = torch.where(v > 0, front, back)
    wall = torch.hypot(u, v) * (1.0 - 1.0 / radius.clamp_min(1e-3))
    return radius, wall


def body_distance(point: FrameCoordinates, frame: Frame, shape: BodyShape) -> Tensor:
    """Return the signed distance to a body in mm, negative inside.

    Args:
        point: u, v, w in the body's frame.
        frame: gives the height and the tilt of the end surfaces.
        shape: sizes and curvatures.
    """
    u, v, w = point
    relative = (w / frame.height_mm).clamp_(-0.7, 0.7)
    half_depth = 0.5 * (
        0.5 * (shape.depth_top_mm + shape.depth_bottom_mm)
        + relative * (shape.depth_top_mm - shape.depth_bottom_mm)
    )
    half_width = 0.5 * (
        0.5 * (shape.width_top_mm + shape.width_bottom_mm)
        + relative * (shape.width_top_mm - shape.width_bottom_mm)
    )
    centred = v - half_depth
    radius, wall = outline(u, centred, half_depth, half_width)
    waist = (1.0 - 4.0 * relative * relative).clamp_min_(0.0) * shape.waist_mm
    behind = (-centred / half_depth).clamp_(0.0, 1.0)
    wall += waist * (1.0 - 0.55 * behind)
    hollow = torch.exp(-((u / (0.4 * half_width)) ** 2)) * shape.posterior_hollow_mm
    wall += hollow * behind * behind
    dish = (1.0 - radius * radius).clamp_min_(0.0) * shape.endplate_concavity_mm
    half = frame.height_mm / 2
    top = w - (half + frame.top_slope * v) + 0.7 * dish
    bottom = -w - (half + frame.bottom_slope * v) + dish
    return intersect_rounded([wall, top, bottom], shape.corner_radius_mm)


def basivertebral_distance(point: FrameCoordinates, size: VertebraSize) -> Tensor:
    """Return the distance to the basivertebral vein's notch in the posterior wall."""
    u, v, w = point
    depth = size.basivertebral_mm
    return capsule(
        (u, v, w), (0.0, -1.0, 0.0), (0.0, depth, 0.0),
        radius_mm=(2.6, 0.5), flatten=(1.8, 1.0, 1.0),
    )  # fmt: skip


def posterior_distance(
    point: FrameCoordinates,
    canal: Tensor,
    size: VertebraSize,
    *,
    gap_below_mm: float,
    gap_above_mm: float,
) -> Tensor:
    """Return the signed distance to the posterior elements in mm.

    Args:
        point: u, v, w in the vertebra's frame.
        canal: signed distance to the wall of the bony canal, negative inside.
        size: of the vertebra.
        gap_below_mm: height of the disc below, which the lower facets bridge.
        gap_above_mm: height of the disc above.
    """
    u, v, w = point
    side = u.abs()
    arch = smooth_min(_lamina(side, v, w, canal, size), _spinous(u, v, w, size), 4.0)
    processes = _processes((side, v, w), size, gap_below_mm=gap_below_mm, gap_above_mm=gap_above_mm)
    return torch.maximum(smooth_min(arch, processes, 2.5), -canal)


def _pedicle_side(size: VertebraSize) -> float:
    return (size.canal_width_mm + size.pedicle_width_mm) / 2 - 0.5


def _lamina(side: Tensor, v: Tensor, w: Tensor, canal: Tensor, size: VertebraSize) -> Tensor:
    """Plate around the posterior half of the canal, its lower edge further behind."""
    height, thick = size.posterior_height_mm, size.lamina_thickness_mm
    middle = -0.36 * height - 0.35 * (canal - thick / 2)
    plate = (canal - thick / 2).abs() - thick / 2
    behind = v + 0.5 * size.canal_depth_mm + 0.1 * side
    extent = (w - middle).abs() - (0.35 * height - 0.12 * side)
    return intersect_rounded([plate, behind, extent], 1.8)


def _spinous(u: Tensor, v: Tensor, w: Tensor, size: VertebraSize) -> Tensor:
    """Hatchet-shaped plate in the midline, taller and thicker towards its tip."""
    base = size.canal_depth_mm + 1.0
    half_length = (size.spinous_reach_mm - base) / 2
    slope = size.spinous_slant_deg
    rise = w + 0.40 * size.posterior_height_mm
    along, up = turned(-(v + base), -rise, slope)  # along grows behind, up grows downwards
    along = along - half_length
    fraction = (along / half_length).clamp_(-1.0, 1.0)
    half_height = 0.5 * size.spinous_height_mm * (0.86 + 0.16 * fraction)
    up = up - 0.09 * size.spinous_height_mm * fraction  # its lower border sags at the tip
    half_thick = 3.9 + 1.2 * fraction
    plate = rounded_box(along, up, (half_length, half_height), 0.36 * size.spinous_height_mm)
    return intersect_rounded([plate, u.abs() - half_thick], 2.5)


def _processes(
    point: FrameCoordinates, size: VertebraSize, *, gap_below_mm: float, gap_above_mm: float
) -> Tensor:
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
        point, junction, (facet + 3.5, behind - 2.0, 0.5 * height + 0.75 * gap_above_mm),
        radius_mm=(5.6, 4.8),
    )  # fmt: skip
    pars = (facet, behind - 4.5, -0.2 * height)
    isthmus = capsule(point, junction, pars, radius_mm=(5.4, 5.0))
    lower = capsule(
        point, pars, (facet - 2.0, behind - 8.0, -0.5 * height - gap_below_mm - 3.0),
        radius_mm=(5.2, 5.2),
    )  # fmt: skip
    transverse = capsule(
        point, (lateral, behind + 1.0, 0.1 * height),
        (0.5 * size.transverse_span_mm, behind - 6.0, 0.22 * height),
        radius_mm=(4.6, 3.6), flatten=(1.0, 0.75, 1.15),
    )  # fmt: skip
    facets = smooth_min(smooth_min(isthmus, lower, 2.0), upper, 2.0)
    return smooth_min(smooth_min(pedicle, facets, 3.0), transverse, 3.0)


def rib_distance(point: FrameCoordinates, size: VertebraSize) -> Tensor:
    """Return the distance to the heads of both ribs at a thoracic vertebra."""
    u, v, w = point
    mirrored = (u.abs(), v, w)
    height = size.posterior_height_mm
    neck = (0.5 * size.transverse_span_mm + 1.0, -0.55 * size.canal_depth_mm, 0.30 * height)
    head = capsule(
        mirrored, (0.5 * size.width_mm + 3.0, 4.0, 0.40 * height), neck,
        radius_mm=(4.5, 4.0), flatten=(1.0, 0.8, 1.1),
    )  # fmt: skip
    shaft = capsule(
        mirrored, neck, (neck[0] + 50.0, neck[1] - 14.0, -0.6 * height),
        radius_mm=(4.0, 4.5), flatten=(1.0, 0.8, 1.3),
    )  # fmt: skip
    return torch.minimum(head, shaft)
