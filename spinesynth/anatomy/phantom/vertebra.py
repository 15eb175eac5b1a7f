"""Vertebral and sacral bodies, as signed distances in their frames."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from spinesynth.anatomy.phantom.masks import above
from spinesynth.anatomy.phantom.parameters import VertebraSize
from spinesynth.anatomy.phantom.parts import Box, FrameStack
from spinesynth.anatomy.phantom.shapes import Scalar, capsule, cubic_norm, intersect_rounded
from spinesynth.anatomy.phantom.spine_curve import Frame

FrameCoordinates = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class BodyShape:
    """Shape of a vertebral or sacral body; depths count from the posterior wall."""

    depth_top_mm: Scalar
    depth_bottom_mm: Scalar
    width_top_mm: Scalar
    width_bottom_mm: Scalar
    waist_mm: Scalar
    endplate_concavity_mm: Scalar
    corner_radius_mm: Scalar
    posterior_hollow_mm: Scalar

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
            posterior_hollow_mm=0.9,
        )


def outline(u: Tensor, v: Tensor, half_depth: Scalar, half_width: Scalar) -> tuple[Tensor, Tensor]:
    """Return the section's radius (1 on the wall) and the distance to its wall.

    The section is an ellipse in front and squarer (cubic) behind.

    Args:
        u: lateral coordinate in mm.
        v: anterior coordinate in mm from the section's centre.
        half_depth: in mm.
        half_width: in mm.
    """
    a, b = (u / half_width).abs_(), v / half_depth
    front = (a * a).addcmul_(b, b).sqrt_()
    radius = torch.lerp(cubic_norm(a, b.abs_()), front, above(v, 0.0))
    wall = torch.hypot(u, v).mul_(radius.clamp_min(1e-3).reciprocal_().neg_().add_(1.0))
    return radius, wall


def body_distance(point: FrameCoordinates, frame: Frame | FrameStack, shape: BodyShape) -> Tensor:
    """Return the signed distance to a body in mm, negative inside.

    Args:
        point: u, v, w in the body's frame.
        frame: or several; gives the height and the tilt of the end surfaces.
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
    waist = relative.square_().mul_(-4.0).add_(1.0).clamp_min_(0.0).mul_(shape.waist_mm)
    behind = (centred / half_depth).neg_().clamp_(0.0, 1.0)
    wall.addcmul_(waist, 1.0 - 0.55 * behind)
    hollow = (u / (0.4 * half_width)).square_().neg_().exp_().mul_(shape.posterior_hollow_mm)
    wall.addcmul_(hollow, behind.square_())
    dish = radius.square_().neg_().add_(1.0).clamp_min_(0.0).mul_(shape.endplate_concavity_mm)
    half = frame.height_mm / 2
    top = (w - half).sub_(frame.top_slope * v).add_(dish, alpha=0.7)
    bottom = w.neg().sub_(half).sub_(frame.bottom_slope * v).add_(dish)
    return intersect_rounded([wall, top, bottom], shape.corner_radius_mm)


def basivertebral_distance(point: FrameCoordinates, depth_mm: Scalar) -> Tensor:
    """Return the distance to the basivertebral vein's notch in the posterior wall."""
    u, v, w = point
    return capsule(
        (u, v, w), (0.0, -1.0, 0.0), (0.0, depth_mm, 0.0),
        radius_mm=(2.6, 0.5), flatten=(1.8, 1.0, 1.0),
    )  # fmt: skip


def body_box(frame: Frame, shape: BodyShape) -> Box:
    """Return the box that holds a body, its tilted ends and its corners."""
    depth, width = float(shape.depth_bottom_mm), float(shape.width_bottom_mm)
    depth, width = max(depth, float(shape.depth_top_mm)), max(width, float(shape.width_top_mm))
    tilt = max(frame.top_slope, frame.bottom_slope, 0.0) * depth
    return Box(
        frame, (0.0, depth / 2, 0.0), (width / 2 + 1.0, depth / 2 + 1.0, frame.height_mm / 2 + tilt)
    )
