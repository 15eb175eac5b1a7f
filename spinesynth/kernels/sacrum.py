"""A drawn sacrum under the lowest labelled vertebra, where a data set annotates none."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue
from spinesynth.kernels.draws import choose, happens, uniform
from spinesynth.kernels.landmarks import SpineLandmarks
from spinesynth.kernels.smooth_noise import smooth_noise

# Nominal sizes in mm, in the order of Cheng and Song 2003 (doi 10.3171/foc.2003.15.2.3):
# S1 body height about 30, each segment lower and shallower than the one above
_S1_HEIGHT_MM = (24.0, 34.0)
_TAPER = (0.72, 0.85)
_TURN_DEG = (8.0, 26.0)
_GAP_MM = (1.0, 4.5)


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
    structure, tissue = structure.clone(), tissue.clone()
    a, s = landmarks.sacral_top_mm
    direction = math.atan2(landmarks.sacral_axis[1], landmarks.sacral_axis[0])
    height = uniform(*_S1_HEIGHT_MM, generator=generator)
    depth = max(landmarks.sacral_depth_mm, 24.0) * uniform(0.85, 1.05, generator=generator)
    gap_tissue = choose(
        [Tissue.LIGAMENT, Tissue.ANNULUS, Tissue.NUCLEUS, Tissue.MARROW_SACRUM], generator=generator
    )
    for segment in range(choose([3, 4, 5], generator=generator)):
        gap = 0.0 if segment == 0 else uniform(*_GAP_MM, generator=generator)
        step_a, step_s = math.cos(direction), math.sin(direction)
        centre_a, centre_s = a + step_a * (gap + height / 2), s + step_s * (gap + height / 2)
        along = (a_mm - centre_a) * step_a + (s_mm - centre_s) * step_s
        across = (a_mm - centre_a) * -step_s + (s_mm - centre_s) * step_a
        # segments are deeper above than below
        half_depth = depth / 2 * (1 - 0.18 * (along / height).clamp(-0.5, 0.5))
        body = _rounded_box(along, across, half_height=height / 2, half_depth=half_depth)
        link = (along > -height / 2 - gap) & (along < 0) & (across.abs() < half_depth * 0.92)
        posterior = -1.0 if step_s < 0 else 1.0
        behind = across * posterior
        canal = (behind > half_depth) & (behind < half_depth + 9) & (along.abs() < height / 2 + gap)
        crest = (behind > half_depth + 9) & (behind < half_depth + 19)
        crest = crest & (along.abs() < height * 0.38)
        tissue = _put(tissue, free & link & ~body, int(gap_tissue))
        tissue = _put(tissue, free & body, int(Tissue.MARROW_SACRUM))
        filling = Tissue.FAT_EPIDURAL if happens(0.6, generator=generator) else Tissue.CSF
        tissue = _put(tissue, free & canal, int(filling))
        tissue = _put(tissue, free & crest, int(Tissue.MARROW_SACRUM))
        structure = _put(structure, free & (body | crest), int(Structure.SACRUM))
        a, s = a + step_a * (gap + height), s + step_s * (gap + height)
        # concave in front: each segment turns forward
        direction += math.radians(uniform(*_TURN_DEG, generator=generator))
        height *= uniform(*_TAPER, generator=generator)
        depth *= uniform(*_TAPER, generator=generator)
    return structure, tissue


def _put(target: Tensor, mask: Tensor, value: int) -> Tensor:
    return torch.where(mask, torch.full_like(target, value), target)
