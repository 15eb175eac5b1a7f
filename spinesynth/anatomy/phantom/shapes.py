"""Signed distances of simple solids, in mm, negative inside.

Most are bounds or first-order approximations, exact enough within a few mm of
the surface, which is where a cortex is cut out of them.
"""

from __future__ import annotations

from math import cos, radians, sin

import torch
from torch import Tensor

Point = tuple[float, float, float]


def smooth_min(first: Tensor, second: Tensor, blend_mm: float) -> Tensor:
    """Unite two solids with a fillet (polynomial smooth minimum)."""
    gap = (blend_mm - (first - second).abs()).clamp_min_(0.0)
    return torch.minimum(first, second) - gap * gap * (0.25 / blend_mm)


def intersect_rounded(distances: list[Tensor], radius_mm: float) -> Tensor:
    """Intersect solids and round the common edges with a radius."""
    shifted = [d + radius_mm for d in distances]
    outside = torch.zeros_like(shifted[0])
    for distance in shifted:
        outside += distance.clamp_min(0.0).square_()
    inside = shifted[0]
    for distance in shifted[1:]:
        inside = torch.maximum(inside, distance)
    return outside.sqrt_() + inside.clamp_max(0.0) - radius_mm


def capsule(
    point: tuple[Tensor, Tensor, Tensor],
    start: Point,
    end: Point,
    *,
    radius_mm: tuple[float, float],
    flatten: Point = (1.0, 1.0, 1.0),
) -> Tensor:
    """Return the distance to a segment whose radius changes along it.

    Args:
        point: coordinates in mm, equal shapes.
        start: first end of the axis.
        end: second end of the axis.
        radius_mm: radius at the start and at the end.
        flatten: factors of the section's size along each axis.
    """
    axis = [(e - s) / f for s, e, f in zip(start, end, flatten, strict=True)]
    rel = [(p - s) / f for p, s, f in zip(point, start, flatten, strict=True)]
    squared = sum(a * a for a in axis)
    along = (rel[0] * axis[0] + rel[1] * axis[1] + rel[2] * axis[2]).mul_(1.0 / squared)
    along.clamp_(0.0, 1.0)
    distance = (rel[0] - along * axis[0]).square_()
    distance += (rel[1] - along * axis[1]).square_()
    distance += (rel[2] - along * axis[2]).square_()
    distance = distance.sqrt_() - (radius_mm[0] + (radius_mm[1] - radius_mm[0]) * along)
    return distance * min(flatten)


def ellipse(first: Tensor, second: Tensor, radii: tuple[float | Tensor, float | Tensor]) -> Tensor:
    """Return the approximate distance to an ellipse (or elliptic tube)."""
    a, b = first / radii[0], second / radii[1]
    scaled = (a * a).add_(b * b).sqrt_()
    true = torch.sqrt(first * first + second * second)
    return (scaled - 1.0) * (true + 1e-3) / (scaled + 1e-4)


def rounded_box(
    first: Tensor, second: Tensor, half: tuple[Tensor | float, Tensor | float], radius_mm: float
) -> Tensor:
    """Return the distance to a rectangle with rounded corners."""
    a = first.abs() - half[0] + radius_mm
    b = second.abs() - half[1] + radius_mm
    outside = (a.clamp_min(0.0).square_() + b.clamp_min(0.0).square_()).sqrt_()
    return outside + torch.maximum(a, b).clamp_max(0.0) - radius_mm


def turned(first: Tensor, second: Tensor, angle_deg: float) -> tuple[Tensor, Tensor]:
    """Return two coordinates in axes turned by an angle (first towards second)."""
    c, s = cos(radians(angle_deg)), sin(radians(angle_deg))
    return first * c + second * s, second * c - first * s


def smoothstep(value: Tensor, low: float, high: float) -> Tensor:
    """Rise smoothly from 0 at ``low`` to 1 at ``high`` (falls if high < low)."""
    t = ((value - low) / (high - low)).clamp_(0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)
