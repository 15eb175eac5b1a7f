"""Intervertebral disc: annulus, nucleus and what ageing makes of them.

The nucleus follows Pfirrmann's grades (Pfirrmann et al. 2001): bright in I and
II (II with a cleft), grey in III, not to be told from the annulus in IV and V;
a collapsed disc with a cleft holds gas (vacuum phenomenon).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from spinesynth.anatomy.phantom.findings import FindingKind, grade_of
from spinesynth.anatomy.phantom.parameters import DiscSize, VertebraSize
from spinesynth.anatomy.phantom.shapes import intersect_rounded
from spinesynth.anatomy.phantom.spine_curve import Frame
from spinesynth.anatomy.phantom.vertebra import FrameCoordinates, outline
from spinesynth.anatomy.tissues import Tissue

_CARTILAGE_MM = 0.8  # cartilaginous endplate between nucleus and bone, nominal
_GAS_HALF_MM = 0.6  # of the height of a vacuum cleft, nominal


@dataclass(frozen=True)
class DiscShape:
    """Disc with the sizes of the bodies it lies between."""

    depth_mm: float
    width_mm: float
    overlap_mm: float  # how far it reaches into the dished endplates; bodies cover it
    size: DiscSize

    @classmethod
    def between(
        cls,
        size: DiscSize,
        above: VertebraSize,
        *,
        depth_below_mm: float,
        width_below_mm: float,
        concavity_below_mm: float,
    ) -> DiscShape:
        """Return the shape of the disc under ``above``."""
        return cls(
            depth_mm=(above.depth_mm + depth_below_mm) / 2,
            width_mm=(above.width_mm + width_below_mm) / 2,
            overlap_mm=max(above.endplate_concavity_mm, concavity_below_mm),
            size=size,
        )


def disc_distances(
    point: FrameCoordinates, frame: Frame, shape: DiscShape
) -> tuple[Tensor, Tensor]:
    """Return the signed distances to the disc and to its nucleus, in mm.

    The disc reaches into its neighbours, which are painted over it, so that it
    touches both endplates whatever their curvature.
    """
    u, v, w = _sheared(point, frame, shape)
    half = shape.depth_mm / 2
    centred = v - half
    radius, wall = outline(u, centred, half, shape.width_mm / 2)
    level = 0.5 * frame.height_mm + frame.top_slope * v.clamp(0.0, shape.depth_mm)
    relative = (w / level.clamp_min(0.5)).clamp_(-1.0, 1.0)
    wall = wall - shape.size.bulge_mm * (1.0 - relative * relative)
    dish = (1.0 - radius * radius).clamp_min_(0.0) * (shape.overlap_mm + 1.5)
    disc = intersect_rounded([wall, w.abs() - level - dish - 0.8], 0.8)
    return disc, _nucleus((u, v, w), level + dish - 1.5, shape)


def _sheared(point: FrameCoordinates, frame: Frame, shape: DiscShape) -> FrameCoordinates:
    """Let a disc lean from the body below to the slipped one above."""
    u, v, w = point
    if shape.size.slip_mm == 0.0:
        return point
    return u, v - shape.size.slip_mm * (w / frame.height_mm).clamp_(-0.5, 0.5), w


def nucleus_tissue(size: DiscSize) -> Tissue:
    """Return what a nucleus looks like at the disc's grade of degeneration."""
    grade = grade_of(FindingKind.DEGENERATION, size.degeneration)
    return {1: Tissue.NUCLEUS, 2: Tissue.NUCLEUS, 3: Tissue.NUCLEUS_DRY}.get(grade, Tissue.ANNULUS)


def disc_tissue(nucleus: Tensor, point: FrameCoordinates, shape: DiscShape) -> Tensor:
    """Return annulus, nucleus and gas, uint8.

    Args:
        nucleus: signed distance to the nucleus in mm.
        point: u, v, w in the disc's frame.
        shape: of the disc.
    """
    tissue = torch.full_like(nucleus, int(Tissue.ANNULUS), dtype=torch.uint8)
    tissue.masked_fill_(nucleus < 0, int(nucleus_tissue(shape.size)))
    collapsed = grade_of(FindingKind.DEGENERATION, shape.size.degeneration) == 5
    if collapsed and shape.size.has_cleft:
        u, v, w = point
        reach = torch.hypot(u / (0.3 * shape.width_mm), (v / shape.depth_mm - 0.55) / 0.3)
        gas = (w.abs() < _GAS_HALF_MM * (1.2 - reach)) & (reach < 1.0)
        tissue.masked_fill_(gas, int(Tissue.BOWEL_GAS))
    return tissue


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
