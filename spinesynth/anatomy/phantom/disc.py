"""Intervertebral disc: annulus and nucleus, as signed distances in the disc's frame."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from spinesynth.anatomy.phantom.parameters import DiscSize, VertebraSize
from spinesynth.anatomy.phantom.shapes import intersect_rounded
from spinesynth.anatomy.phantom.spine_curve import Frame
from spinesynth.anatomy.phantom.vertebra import FrameCoordinates, outline

_CARTILAGE_MM = 0.8  # cartilaginous endplate between nucleus and bone, nominal


@dataclass(frozen=True)
class DiscShape:
    """Disc with the sizes of the bodies it lies between."""

    depth_mm: float
    width_mm: float
    overlap_mm: float  # how far it reaches into the dished endplates; bodies cover it
    size: DiscSize

    @classmethod
    def between(
        cls, size: DiscSize, above: VertebraSize, *, depth_below_mm: float, width_below_mm: float
    ) -> DiscShape:
        """Return the shape of the disc under ``above``."""
        return cls(
            depth_mm=(above.depth_mm + depth_below_mm) / 2,
            width_mm=(above.width_mm + width_below_mm) / 2,
            overlap_mm=above.endplate_concavity_mm,
            size=size,
        )


def disc_distances(
    point: FrameCoordinates, frame: Frame, shape: DiscShape
) -> tuple[Tensor, Tensor]:
    """Return the signed distances to the disc and to its nucleus, in mm.

    The disc reaches into its neighbours, which are painted over it, so that it
    touches both endplates whatever their curvature.
    """
    u, v, w = point
    half = torch.full_like(u, shape.depth_mm / 2)
    centred = v - half
    radius, wall = outline(u, centred, half, torch.full_like(u, shape.width_mm / 2))
    level = 0.5 * frame.height_mm + frame.top_slope * v.clamp(0.0, shape.depth_mm)
    relative = (w / level.clamp_min(0.5)).clamp_(-1.0, 1.0)
    wall = wall - shape.size.bulge_mm * (1.0 - relative * relative)
    dish = (1.0 - radius * radius).clamp_min_(0.0) * (shape.overlap_mm + 1.5)
    disc = intersect_rounded([wall, w.abs() - level - dish - 0.8], 0.8)
    return disc, _nucleus(point, level + dish - 1.5, shape)


def _nucleus(point: FrameCoordinates, half_space: Tensor, shape: DiscShape) -> Tensor:
    u, v, w = point
    fraction = shape.size.nucleus_fraction
    if fraction == 0.0:
        return torch.ones_like(u)
    half = torch.full_like(u, fraction * shape.depth_mm / 2)
    _, wall = outline(
        u, v - 0.47 * shape.depth_mm, half, torch.full_like(u, fraction * shape.width_mm / 2)
    )
    nucleus = intersect_rounded([wall, w.abs() - half_space + _CARTILAGE_MM], 1.2)
    if shape.size.has_cleft:
        cleft = torch.maximum(w.abs() - 0.6, wall + 0.4 * half)
        nucleus = torch.maximum(nucleus, -cleft)
    return nucleus
