"""A drawn sacrum under the lowest labelled vertebra, where a data set annotates none."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue
from spinesynth.kernels.comparisons import is_any_of
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
_NARROWING = 0.18  # segments are deeper above than below; nominal
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
    structure, tissue = structure.clone(), tissue.clone()
    _, rows, columns = structure.shape
    wobble_mm = 1.2 * smooth_noise((rows, columns), (12, 12), generator=generator, channels=2)[0]
    a_mm = torch.arange(rows)[:, None] * spacing_mm[0] + wobble_mm[0]
    s_mm = torch.arange(columns)[None] * spacing_mm[1] + wobble_mm[1]
    free = is_any_of(structure, (Structure.BACKGROUND,))
    direction = math.atan2(landmarks.sacral_axis[1], landmarks.sacral_axis[0])
    height = uniform(*_S1_HEIGHT_MM, generator=generator)
    depth = max(landmarks.sacral_depth_mm, 24.0) * uniform(0.85, 1.05, generator=generator)
    gap_tissue = choose(_GAP_TISSUES, generator=generator)
    start, furthest_mm = landmarks.sacral_top_mm, float(wobble_mm.abs().max())
    for number in range(choose([3, 4, 5], generator=generator)):
        gap = 0.0 if number == 0 else uniform(*_GAP_MM, generator=generator)
        place = _Place(start, direction, gap, height, depth)
        window = place.window(spacing_mm, margin_mm=furthest_mm)
        segment = _segment(a_mm[window], s_mm[window], place)
        here = (slice(None), *window)
        tissue[here] = _put_tissues(tissue[here], free[here], segment, gap_tissue)
        bone = free[here] & (segment.body | segment.crest)
        structure[here] = put(structure[here], bone, Structure.SACRUM)
        start = place.along(gap + height)
        # concave in front: each segment turns forward
        direction += math.radians(uniform(*_TURN_DEG, generator=generator))
        height *= uniform(*_TAPER, generator=generator)
        depth *= uniform(*_TAPER, generator=generator)
    return structure, tissue


class _Place(NamedTuple):
    """Where a segment begins and runs to, and its size, in mm."""

    start: tuple[float, float]
    direction: float
    gap: float
    height: float
    depth: float

    def along(self, distance: float) -> tuple[float, float]:
        """Return the point (a, s) at a distance from the start."""
        a, s = self.start
        return a + math.cos(self.direction) * distance, s + math.sin(self.direction) * distance

    def window(self, spacing_mm: tuple[float, float], *, margin_mm: float) -> tuple[slice, slice]:
        """Return the part of a map that can hold the segment, with a margin."""
        along = self.height / 2 + self.gap
        across = self.depth / 2 * (1 + _NARROWING / 2) + _CANAL_MM + _CREST_MM
        step_a, step_s = abs(math.cos(self.direction)), abs(math.sin(self.direction))
        reach = (along * step_a + across * step_s, along * step_s + across * step_a)
        a, s = (
            slice(
                max(0, math.floor((middle - far - margin_mm) / step)),
                max(0, math.ceil((middle + far + margin_mm) / step) + 1),
            )
            for middle, far, step in zip(self.along(along), reach, spacing_mm, strict=True)
        )
        return a, s


class _Segment(NamedTuple):
    """Masks of one sacral segment."""

    disc: Tensor
    body: Tensor
    canal: Tensor
    crest: Tensor


def _segment(a_mm: Tensor, s_mm: Tensor, place: _Place) -> _Segment:
    """Return the parts of a segment at its place, among points (a, s)."""
    gap, height = place.gap, place.height
    step_a, step_s = math.cos(place.direction), math.sin(place.direction)
    centre_a, centre_s = place.along(gap + height / 2)
    along = (a_mm - centre_a) * step_a + (s_mm - centre_s) * step_s
    across = (a_mm - centre_a) * -step_s + (s_mm - centre_s) * step_a
    half_depth = place.depth / 2 * (1 - _NARROWING * (along / height).clamp(-0.5, 0.5))
    disc = (along > -height / 2 - gap) & (along < 0) & (across.abs() < half_depth * 0.92)
    body = _rounded_box(along, across, half_height=height / 2, half_depth=half_depth)
    behind = across * (-1.0 if step_s < 0 else 1.0) - half_depth
    canal = (behind > 0) & (behind < _CANAL_MM) & (along.abs() < height / 2 + gap)
    crest = (behind > _CANAL_MM) & (behind < _CANAL_MM + _CREST_MM) & (along.abs() < height * 0.38)
    return _Segment(disc & ~body, body, canal, crest)


def _put_tissues(tissue: Tensor, free: Tensor, segment: _Segment, gap_tissue: int) -> Tensor:
    """Return a tissue map with a segment where it is free."""
    for mask, paint in (
        (segment.disc, gap_tissue),
        (segment.body, Tissue.MARROW_SACRUM),
        (segment.canal, Tissue.FAT_EPIDURAL),
        (segment.crest, Tissue.MARROW_SACRUM),
    ):
        tissue = put(tissue, free & mask, paint)
    return tissue
