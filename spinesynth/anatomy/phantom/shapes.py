"""Signed distances of simple solids, in mm, negative inside.

Most are bounds or first-order approximations, exact enough within a few mm of
the surface, which is where a cortex is cut out of them.
"""

from __future__ import annotations

import torch
from torch import Tensor

Scalar = float | Tensor  # a tensor holds one number per solid and broadcasts over its voxels
Point = tuple[Scalar, Scalar, Scalar]


def smooth_min(first: Tensor, second: Tensor, blend_mm: float) -> Tensor:
    """Unite two solids with a fillet (polynomial smooth minimum)."""
    gap = (first - second).abs_().sub_(blend_mm).clamp_max_(0.0)
    return torch.minimum(first, second).addcmul_(gap, gap, value=-0.25 / blend_mm)


def intersect_rounded(distances: list[Tensor], radius_mm: Scalar) -> Tensor:
    """Intersect solids and round the common edges with a radius."""
    inside = distances[0] + radius_mm
    rounded = inside.clamp_min(0.0)
    outside = rounded.square_()
    for distance in distances[1:]:
        shifted = distance + radius_mm
        torch.maximum(inside, shifted, out=inside)
        rounded = shifted.clamp_min_(0.0)
        outside.addcmul_(rounded, rounded)
    return outside.sqrt_().add_(inside.clamp_max_(0.0)).sub_(radius_mm)


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
    rel = [_divided(p - s, f) for p, s, f in zip(point, start, flatten, strict=True)]
    squared = sum(a * a for a in axis)
    along = rel[0] * (axis[0] / squared)
    for n in (1, 2):
        along += rel[n] * (axis[n] / squared)
    along.clamp_(0.0, 1.0)
    distance = (rel[0] - along * axis[0]).square_()
    for n in (1, 2):
        across = rel[n] - along * axis[n]
        distance.addcmul_(across, across)
    distance.sqrt_().sub_(radius_mm[0]).sub_(along, alpha=radius_mm[1] - radius_mm[0])
    return distance.mul_(_least(flatten))


def _divided(value: Tensor, factor: Scalar) -> Tensor:
    if isinstance(factor, float) and factor == 1.0:
        return value
    return value / factor


def _least(factors: Point) -> Scalar:
    least: Scalar = min(f for f in factors if not isinstance(f, Tensor))
    for factor in factors:
        if isinstance(factor, Tensor):
            least = factor.clamp_max(least)
    return least


def ellipse(first: Tensor, second: Tensor, radii: tuple[Scalar, Scalar]) -> Tensor:
    """Return the approximate distance to an ellipse (or elliptic tube)."""
    a, b = first / radii[0], second / radii[1]
    scaled = a.square_().addcmul_(b, b).sqrt_()
    true = (first * first).addcmul_(second, second).sqrt_().add_(1e-3)
    return (scaled - 1.0).mul_(true).div_(scaled.add_(1e-4))


def rounded_box(
    first: Tensor, second: Tensor, half: tuple[Scalar, Scalar], radius_mm: Scalar
) -> Tensor:
    """Return the distance to a rectangle with rounded corners."""
    return intersect_rounded([first.abs() - half[0], second.abs() - half[1]], radius_mm)


def cubic_norm(first: Tensor, second: Tensor) -> Tensor:
    """Return ``(|a|^3 + |b|^3)^(1/3)``: sections squarer than an ellipse.

    Args:
        first: not negative.
        second: not negative.
    """
    return (first * first * first).add_(second * second * second).pow_(1.0 / 3.0)


def smoothstep(value: Tensor, low: float, high: float) -> Tensor:
    """Rise smoothly from 0 at ``low`` to 1 at ``high`` (falls if high < low)."""
    t = (value - low).mul_(1.0 / (high - low)).clamp_(0.0, 1.0)
    return (3.0 - 2.0 * t).mul_(t).mul_(t)
