"""Intervertebral disc: annulus, nucleus and what ageing makes of them.

The nucleus follows Pfirrmann's grades (Pfirrmann et al. 2001): bright in I and
II (II with a cleft), grey in III, not to be told from the annulus in IV and V;
a collapsed disc with a cleft holds gas (vacuum phenomenon).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from spinesynth.anatomy.phantom.findings import FindingKind, grade_of
from spinesynth.anatomy.phantom.masks import below, cover
from spinesynth.anatomy.phantom.parameters import DiscSize, PhantomRecord
from spinesynth.anatomy.phantom.parts import Box, FrameStack
from spinesynth.anatomy.phantom.shapes import Scalar, intersect_rounded
from spinesynth.anatomy.phantom.spine_curve import Frame
from spinesynth.anatomy.phantom.vertebra import FrameCoordinates, outline
from spinesynth.anatomy.tissues import Tissue

_CARTILAGE_MM = 0.8  # cartilaginous endplate between nucleus and bone, nominal
_CLEFT_HALF_MM = 0.6  # of the height of an intranuclear cleft, and of a vacuum cleft; nominal
_NONE_MM = -99.0  # half height of a cleft that is not there


@dataclass(frozen=True)
class DiscShape:
    """Disc with the sizes of the bodies it lies between."""

    depth_mm: Scalar
    width_mm: Scalar
    overlap_mm: Scalar  # how far it reaches into the dished endplates; bodies cover it
    bulge_mm: Scalar
    slip_mm: Scalar
    nucleus_fraction: Scalar  # of the disc's radius
    nucleus_code: Scalar  # its tissue
    cleft_mm: Scalar  # half height of the intranuclear cleft
    gas_mm: Scalar  # half height of the vacuum cleft


def disc_shapes(record: PhantomRecord) -> list[DiscShape]:
    """Return the shapes of all discs of a record, from the lowest up."""
    first = record.sacrum[0]
    depth_below, width_below, concavity_below = first.depth_top_mm, first.width_mm, 0.0
    shapes = []
    for size, above in zip(record.discs, record.vertebrae, strict=True):
        has_nucleus = size.nucleus_fraction > 0.0
        collapsed = grade_of(FindingKind.DEGENERATION, size.degeneration) == 5
        shapes.append(
            DiscShape(
                depth_mm=(above.depth_mm + depth_below) / 2,
                width_mm=(above.width_mm + width_below) / 2,
                overlap_mm=max(above.endplate_concavity_mm, concavity_below),
                bulge_mm=size.bulge_mm,
                slip_mm=size.slip_mm,
                nucleus_fraction=size.nucleus_fraction if has_nucleus else 1.0,
                nucleus_code=nucleus_tissue(size) if has_nucleus else Tissue.ANNULUS,
                cleft_mm=_CLEFT_HALF_MM if size.has_cleft else _NONE_MM,
                gas_mm=_CLEFT_HALF_MM if size.has_cleft and collapsed else _NONE_MM,
            )
        )
        depth_below, width_below = above.depth_mm, above.width_mm
        concavity_below = above.endplate_concavity_mm
    return shapes


def disc_boxes(frames: Sequence[Frame], shapes: Sequence[DiscShape]) -> list[Box]:
    """Return the boxes that hold the discs of some frames."""
    boxes = []
    for frame, shape in zip(frames, shapes, strict=True):
        depth, width = float(shape.depth_mm), float(shape.width_mm)
        # as far as disc_distances lets it reach up and down, and its roughness
        reach = max(frame.top_slope, 0.0) * depth + float(shape.overlap_mm) + 4.0
        half = (width / 2 + 4.0, depth / 2 + 4.0, 0.5 * frame.height_mm + reach)
        boxes.append(Box(frame, (0.0, depth / 2, 0.0), half))
    return boxes


def disc_distances(
    point: FrameCoordinates, frame: FrameStack, shape: DiscShape
) -> tuple[Tensor, Tensor]:
    """Return the signed distances to the disc and to its nucleus, in mm.

    The disc reaches into its neighbours, which are painted over it, so that it
    touches both endplates whatever their curvature.
    """
    u, v, w = point
    # a disc leans from the body below to the slipped one above
    v = v - (w / frame.height_mm).clamp_(-0.5, 0.5).mul_(shape.slip_mm)
    half = shape.depth_mm / 2
    radius, wall = outline(u, v - half, half, shape.width_mm / 2)
    level = torch.minimum(v.clamp_min(0.0), torch.as_tensor(shape.depth_mm))
    level = level.mul_(frame.top_slope).add_(0.5 * frame.height_mm)
    relative = (w / level.clamp_min(0.5)).clamp_(-1.0, 1.0)
    wall.sub_(relative.square_().neg_().add_(1.0).mul_(shape.bulge_mm))
    dish = radius.square_().neg_().add_(1.0).clamp_min_(0.0).mul_(shape.overlap_mm + 1.5)
    level.add_(dish)
    high = w.abs()
    disc = intersect_rounded([wall, high - level - 0.8], 0.8)
    return disc, _nucleus((u, v, high), level - 1.5, shape)


def nucleus_tissue(size: DiscSize) -> Tissue:
    """Return what a nucleus looks like at the disc's grade of degeneration."""
    grade = grade_of(FindingKind.DEGENERATION, size.degeneration)
    return {1: Tissue.NUCLEUS, 2: Tissue.NUCLEUS, 3: Tissue.NUCLEUS_DRY}.get(grade, Tissue.ANNULUS)


def disc_tissue(nucleus: Tensor, point: FrameCoordinates, shape: DiscShape) -> Tensor:
    """Return annulus, nucleus and gas, float32 codes.

    Args:
        nucleus: signed distance to the nucleus in mm.
        point: u, v, w in the disc's frame.
        shape: of the disc.
    """
    u, v, w = point
    tissue = below(nucleus, 0.0).mul_(shape.nucleus_code - Tissue.ANNULUS).add_(Tissue.ANNULUS)
    reach = (u / (0.3 * shape.width_mm)).square_()
    reach.add_((v / shape.depth_mm).sub_(0.55).div_(0.3).square_()).sqrt_()
    gas = below(w.abs(), (1.2 - reach).mul_(shape.gas_mm))
    return cover(tissue, gas.mul_(below(reach, 1.0)), Tissue.BOWEL_GAS)


def _nucleus(point: FrameCoordinates, half_space: Tensor, shape: DiscShape) -> Tensor:
    """Return the distance to the nucleus; w counts from the middle to both sides."""
    u, v, high = point
    half = 0.5 * shape.nucleus_fraction * shape.depth_mm
    _, wall = outline(
        u, v - 0.47 * shape.depth_mm, half, 0.5 * shape.nucleus_fraction * shape.width_mm
    )
    nucleus = intersect_rounded([wall, high - half_space + _CARTILAGE_MM], 1.2)
    cleft = torch.maximum(high - shape.cleft_mm, wall + 0.4 * half)
    return torch.maximum(nucleus, cleft.neg_())
