"""A drawn sacrum under the lowest labelled vertebra, where a data set annotates none."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue
from spinesynth.kernels.draws import choose, uniform
from spinesynth.kernels.landmarks import SpineLandmarks
from spinesynth.kernels.morphology import put
from spinesynth.kernels.smooth_noise import smooth_noise

# Nominal sizes in mm, in the order of Cheng and Song 2003 (doi 10.3171/foc.2003.15.2.3):
# S1 body height about 30, each segment lower and shallower than the one above
_S1_HEIGHT_MM = (24.0, 34.0)
_TAPER = (0.72, 0.85)
_TURN_DEG = (8.0, 26.0)
_GAP_MM = (1.0, 4.5)
_CANAL_MM = 9.0  # sagittal width of the sacral canal at S1; nominal
_CREST_MM = 10.0  # median crest behind it; nominal
_GAP_TISSUES = (Tissue.LIGAMENT, Tissue.ANNULUS, Tissue.NUCLEUS, Tissue.MARROW_SACRUM)


def _rounded_box(
    along: Tensor, across: Tensor, *, half_height: float, half_depth: Tensor | float
) -> Tensor:
    """Return the inside of a box with rounded corners (superellipse of power 4)."""
    return (along / half_height).square().square() + (across / half_depth).square().square() < 1


def paint_sacrum(
    structure: Tensor,
    tissue: Tensor,
    *,
    landmarks: SpineLandmarks,
    spacing_mm: tuple[float, float],
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Paint sacral segments, their rudimentary discs and the sacral canal.

    The sacral canal is filled with fat: the sac, where it reaches below the labels, would be
    canal that the target calls background.

    Args:
        structure: ``(I, J, K)`` Structure codes; only background is painted over.
        tissue: ``(I, J, K)`` Tissue codes of the same grid.
        landmarks: where the sacrum begins.
        spacing_mm: voxel size along J and K.
        generator: CPU generator.

    Returns:
        New structure and tissue maps; the inputs if there is no place for a sacrum.
    """
    if landmarks.sacral_top_mm is None:
        return structure, tissue
    _, rows, columns = structure.shape
    wobble = smooth_noise((rows, columns), (12, 12), generator=generator, channels=2)[0]
    a_mm = torch.arange(rows)[:, None] * spacing_mm[0] + 1.2 * wobble[0]
    s_mm = torch.arange(columns)[None] * spacing_mm[1] + 1.2 * wobble[1]
    free = structure == Structure.BACKGROUND
    direction = math.atan2(landmarks.sacral_axis[1], landmarks.sacral_axis[0])
    height = uniform(*_S1_HEIGHT_MM, generator=generator)
    depth = max(landmarks.sacral_depth_mm, 24.0) * uniform(0.85, 1.05, generator=generator)
    gap_tissue = choose(_GAP_TISSUES, generator=generator)
    a, s = landmarks.sacral_top_mm
    for number in range(choose([3, 4, 5], generator=generator)):
        gap = 0.0 if number == 0 else uniform(*_GAP_MM, generator=generator)
        segment = _segment(a_mm, s_mm, start=(a, s), direction=direction, size=(gap, height, depth))
        for mask, paint in (
            (segment.disc, gap_tissue),
            (segment.body, Tissue.MARROW_SACRUM),
            (segment.canal, Tissue.FAT_EPIDURAL),
            (segment.crest, Tissue.MARROW_SACRUM),
        ):
            tissue = put(tissue, free & mask, paint)
        structure = put(structure, free & (segment.body | segment.crest), Structure.SACRUM)
        a, s = segment.end
        # concave in front: each segment turns forward
        direction += math.radians(uniform(*_TURN_DEG, generator=generator))
        height *= uniform(*_TAPER, generator=generator)
        depth *= uniform(*_TAPER, generator=generator)
    return structure, tissue


class _Segment(NamedTuple):
    """Masks of one sacral segment and where the next one begins, in mm."""

    disc: Tensor
    body: Tensor
    canal: Tensor
    crest: Tensor
    end: tuple[float, float]


def _segment(
    a_mm: Tensor,
    s_mm: Tensor,
    *,
    start: tuple[float, float],
    direction: float,
    size: tuple[float, float, float],
) -> _Segment:
    """Return the parts of a segment that begins at a point and runs in a direction."""
    gap, height, depth = size
    step_a, step_s = math.cos(direction), math.sin(direction)
    centre_a, centre_s = (
        point + step * (gap + height / 2)
        for point, step in zip(start, (step_a, step_s), strict=True)
    )
    along = (a_mm - centre_a) * step_a + (s_mm - centre_s) * step_s
    across = (a_mm - centre_a) * -step_s + (s_mm - centre_s) * step_a
    # segments are deeper above than below
    half_depth = depth / 2 * (1 - 0.18 * (along / height).clamp(-0.5, 0.5))
    disc = (along > -height / 2 - gap) & (along < 0) & (across.abs() < half_depth * 0.92)
    body = _rounded_box(along, across, half_height=height / 2, half_depth=half_depth)
    behind = across * (-1.0 if step_s < 0 else 1.0) - half_depth
    canal = (behind > 0) & (behind < _CANAL_MM) & (along.abs() < height / 2 + gap)
    crest = (behind > _CANAL_MM) & (behind < _CANAL_MM + _CREST_MM) & (along.abs() < height * 0.38)
    end = (start[0] + step_a * (gap + height), start[1] + step_s * (gap + height))
    return _Segment(disc & ~body, body, canal, crest, end)
