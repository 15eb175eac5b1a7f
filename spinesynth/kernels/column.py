"""The rest of a column of which a source annotates the bodies alone, or the discs alone.

What is drawn is surroundings, never a target: without it the gaps between annotated
bodies, and what lies behind them, would look like nothing in a real scan.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

from spinesynth.anatomy.structures import Structure
from spinesynth.kernels.comparisons import is_any_of
from spinesynth.kernels.draws import happens, uniform
from spinesynth.kernels.morphology import bounding_box, put
from spinesynth.kernels.smooth_noise import smooth_noise
from spinesynth.kernels.spine_course import SpineCourse, find_course

_BODY = (Structure.VERTEBRAL_BODY, Structure.VERTEBRA, Structure.ENDPLATE)
_POSTERIOR = (Structure.POSTERIOR_ELEMENTS, Structure.VERTEBRA)
_CANAL = (Structure.CANAL, Structure.CORD)

# Nominal sizes in mm, in the order of Zhou et al. 2000 (European Spine Journal 9:242) and
# Panjabi et al. 1992 (Spine 17:299)
_HIGHEST_DISC_MM, _HIGHEST_BODY_MM = 22.0, 45.0  # more is a gap in the annotation
_LOWEST_DISC_MM, _BULGE_MM = (5.0, 12.0), (-1.0, 1.5)
_ENDPLATE_DISH_MM = 4.0  # how far a disc reaches into the bodies' ends at most
_CANAL_GAP_MM, _CANAL_DEPTH_MM, _CANAL_HALF_WIDTH_MM = (0.5, 3.0), (11.0, 18.0), (8.0, 12.0)
_BODY_HALF_WIDTH_MM = (20.0, 26.0)
_SPINOUS_HALF_WIDTH_MM = 4.5
_FURTHEST_BACK_MM, _FURTHEST_FRONT_MM = 60.0, 5.0  # nothing is drawn beyond, from the walls
_SLICE_OFFSET_MM = 5.0  # of a single slice from the midline
_WIDE_MM = 12.0  # stacks that tell where the midline lies


def complete_column(
    structure: Tensor, *, spacing_mm: tuple[float, float, float], generator: torch.Generator
) -> Tensor:
    """Draw discs between bodies, or bodies between discs, and canal and processes behind them.

    A map that shows bodies and discs was annotated in full, and what it does not show
    does not lie in it; it is returned as it is, without a draw. The same holds for maps
    without two bodies or discs.

    Args:
        structure: ``(I, J, K)`` Structure codes, canonical axes.
        spacing_mm: voxel size along I, J and K.
        generator: CPU generator.

    Returns:
        Map of the same shape, in which only background has changed.
    """
    body, disc = is_any_of(structure, _BODY), is_any_of(structure, (Structure.DISC,))
    if bool(body.any()) == bool(disc.any()):
        return structure
    course = find_course(body | disc, spacing_mm[1:])
    if course is None:
        return structure
    rows, course = _near(course)
    lateral = _lateral_mm(structure, body | disc, spacing_mm[0], generator)
    has_discs = bool(disc.any())
    parts = [
        (_between(course, lateral, is_body=has_discs, generator=generator),
         Structure.VERTEBRAL_BODY if has_discs else Structure.DISC)
    ]  # fmt: skip
    gap = uniform(*_CANAL_GAP_MM, generator=generator)
    depth = uniform(*_CANAL_DEPTH_MM, generator=generator)
    if not bool(is_any_of(structure, _CANAL).any()):
        canal = _canal(course, lateral, gap, depth, generator)
        parts.append((canal, Structure.CANAL))
    if not bool(is_any_of(structure, _POSTERIOR).any()):
        roof = gap + depth
        parts.append((_processes(course, lateral, roof, has_discs, generator), _POSTERIOR[0]))
    complete = structure[:, rows]
    for mask, code in parts:
        complete = put(complete, mask & is_any_of(complete, (Structure.BACKGROUND,)), code)
    structure = structure.clone()
    structure[:, rows] = complete
    return structure


def _near(course: SpineCourse) -> tuple[slice, SpineCourse]:
    """Return the rows in which something may be drawn, and the course in them."""
    behind, ahead = course.rear - course.t, course.t - course.front
    near = (behind < _FURTHEST_BACK_MM) & (ahead < _FURTHEST_FRONT_MM)
    rows = bounding_box(near)[0]
    fields = {name: getattr(course, name)[rows] for name in ("s", "t", "rear", "front")}
    return rows, course._replace(**fields)


def _lateral_mm(
    structure: Tensor, column: Tensor, spacing_mm: float, generator: torch.Generator
) -> Tensor:
    """Return how far each slice lies from the midline, ``(I, 1, 1)``."""
    slices = structure.shape[0]
    if slices * spacing_mm < _WIDE_MM:  # one slice, or the layers of one: it may lie beside it
        offset = uniform(-_SLICE_OFFSET_MM, _SLICE_OFFSET_MM, generator=generator)
        return (offset + (torch.arange(slices) - (slices - 1) / 2) * spacing_mm)[:, None, None]
    share = column.sum((1, 2)).float()
    index = torch.arange(slices)
    middle = (share * index).sum() / share.sum()
    return ((index - middle) * spacing_mm)[:, None, None]


def _round(lateral: Tensor, half_width_mm: float) -> Tensor:
    """Return the share of its depth that an elliptic section has beside the midline."""
    return (1 - (lateral / half_width_mm).square()).clamp(min=0).sqrt()


def _between(
    course: SpineCourse, lateral: Tensor, *, is_body: bool, generator: torch.Generator
) -> Tensor:
    """Return what lies between each two neighbours: discs that bulge, bodies with a waist."""
    share = _round(lateral, uniform(*_BODY_HALF_WIDTH_MM, generator=generator))
    gaps = [(low[1], high[0]) for low, high in pairwise(course.extents)]
    if not is_body:  # the lumbosacral disc, if the lowest body is L5
        end = course.extents[0][0]
        gaps.insert(0, (end - uniform(*_LOWEST_DISC_MM, generator=generator), end))
    highest, bulges = (_HIGHEST_BODY_MM, (-3.0, -0.5)) if is_body else (_HIGHEST_DISC_MM, _BULGE_MM)
    gaps = [gap for gap in gaps if 0 < gap[1] - gap[0] < highest]
    if not gaps:
        return torch.zeros((len(share), *course.t.shape), dtype=torch.bool)
    below, above = torch.tensor(gaps).T
    bulge = torch.tensor([uniform(*bulges, generator=generator) for _ in gaps])
    nearest, offset = _nearest(course.s, (below + above) / 2)
    half_height: Tensor = ((above - below) / 2)[nearest]
    middle, half = (course.front + course.rear) / 2, (course.front - course.rear) / 2
    place = offset / half_height  # -1 to 1 in the gap
    curve = (1 - place.square()).clamp(min=0)
    reach = torch.where(place.abs() <= 1, half + bulge[nearest] * curve, half - 2.0)
    inside = offset.abs() < half_height + _ENDPLATE_DISH_MM
    return torch.logical_and(inside, (course.t - middle).abs() < reach * share)


def _nearest(values: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    """Return which of the rising centres is nearest to each value, and how far above it is."""
    nearest = torch.bucketize(values, (centres[1:] + centres[:-1]) / 2)
    return nearest, values - centres[nearest]


def _canal(
    course: SpineCourse, lateral: Tensor, gap: float, depth: float, generator: torch.Generator
) -> Tensor:
    """Return a band behind the posterior wall, on from the sac's end below the column."""
    share = _round(lateral, uniform(*_CANAL_HALF_WIDTH_MM, generator=generator))
    wave = smooth_noise(
        (course.t.shape[-1],), (30.0 / course.step_mm,), generator=generator, channels=2
    )[0].clamp(-2, 2)
    behind = course.rear - course.t - gap - 0.4 * wave[0]
    width = depth + 0.8 * wave[1]
    end = course.extents[0][0] - uniform(10.0, 60.0, generator=generator)
    taper = ((course.s - end) / 30.0).clamp(0, 1)
    centre = width * taper / 2
    return ((behind - centre).abs() < centre * share) & (course.s > end)


def _processes(
    course: SpineCourse, lateral: Tensor, roof: float, has_discs: bool, generator: torch.Generator
) -> Tensor:
    """Return spinous processes in the midline, and pedicles and facets beside the canal."""
    if happens(0.1, generator=generator):  # a laminectomy, or a slice beside them
        return torch.zeros((len(lateral), *course.t.shape), dtype=torch.bool)
    behind, side = course.rear - course.t, lateral.abs()
    middles = torch.tensor([(low + high) / 2 for low, high in course.extents])
    pitch = float(middles[-1] - middles[0]) / (len(middles) - 1)
    bodies = middles + (pitch / 2 if has_discs else 0.0)
    slant = math.tan(math.radians(uniform(0, 30, generator=generator)))
    reach = uniform(18, 32, generator=generator)
    height = uniform(0.3, 0.55, generator=generator) * pitch
    drops = [uniform(0.25, 0.5, generator=generator) * pitch for _ in bodies]
    _, up = _nearest(course.s + slant * (behind - roof), bodies - torch.tensor(drops))
    along = (behind - roof - 2 - reach / 2) / (reach / 2)
    plate = along.square().square() + (2 * up / height).square().square() < 1
    _, up = _nearest(course.s, bodies + 0.15 * pitch)
    pedicle = (behind > 0) & (behind < 12) & (up.abs() < 7)
    _, up = _nearest(course.s, bodies - 0.3 * pitch)
    facets = torch.hypot((behind - 0.75 * roof) / 7, up / (0.42 * pitch)) < 1
    beside = (pedicle & (side > 10) & (side < 17)) | (facets & (side > 9) & (side < 20))
    return beside | (plate & (side < _SPINOUS_HALF_WIDTH_MM))
