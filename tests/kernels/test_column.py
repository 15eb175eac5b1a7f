"""Bodies alone, or discs alone, get the rest of a column as surroundings."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue
from spinesynth.kernels.column import complete_column
from spinesynth.kernels.context import fill_context
from spinesynth.kernels.spine_course import find_course
from tests.kernels.spine_map import SPACING_MM, make_spine

BODY, DISC, CANAL = (int(Structure[n]) for n in ("VERTEBRAL_BODY", "DISC", "CANAL"))
POSTERIOR = int(Structure.POSTERIOR_ELEMENTS)
seeds = pytest.mark.parametrize("seed", range(8))
either = pytest.mark.parametrize("slices", [0, 4], ids=["2D", "3D"])


def _only(code: int, *, slices: int = 0) -> Tensor:
    spine = make_spine(slices=slices)
    return spine * (spine == code)


def _complete(structure: Tensor, seed: int) -> Tensor:
    volume = structure if structure.ndim == 3 else structure[None]
    generator = torch.Generator().manual_seed(seed)
    return complete_column(volume, spacing_mm=(4.0, *SPACING_MM), generator=generator)


def _fill(structure: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    spacing_mm = (4.0, *SPACING_MM)[-structure.ndim :]
    generator = torch.Generator().manual_seed(seed)
    return fill_context(structure, spacing_mm=spacing_mm, generator=generator)


@seeds
def test_discs_lie_between_consecutive_bodies(seed: int) -> None:
    bodies, spine = _only(BODY), make_spine()
    # the slab of the true disc in the middle of the depth: rows 50 to 73 are the bodies'
    gaps = (spine == DISC)[62]
    gaps[:55] = False  # the lowest disc lies below all bodies

    drawn = _complete(bodies, seed)[0]

    assert gaps.any()
    assert bool((drawn[62][gaps] == DISC).all())


@seeds
def test_a_disc_lies_below_the_lowest_body(seed: int) -> None:
    bodies = _only(BODY)
    lowest = int(torch.argwhere(bodies[62])[:, 0].min())

    drawn = _complete(bodies, seed)[0]

    # the thinnest such disc is 5 mm high
    assert bool((drawn[62, lowest - 2 : lowest] == DISC).all())


@seeds
@pytest.mark.parametrize("code", [BODY, DISC])
def test_canal_is_unbroken_behind_the_column_and_holds_fluid_or_cord(seed: int, code: int) -> None:
    mask = _only(code)
    column = torch.argwhere(mask > 0)
    low, high = column[:, 1].min(), column[:, 1].max() + 1
    _, tissue = _fill(mask, seed)

    inside = (tissue == Tissue.CSF) | (tissue == Tissue.CORD) | (tissue == Tissue.FAT_EPIDURAL)
    complete = _complete(mask, seed)[0]
    canal = complete == CANAL

    assert bool(canal[:, low:high].any(0).all())
    assert bool(inside[canal].all())
    fluid = (tissue == Tissue.CSF) | (tissue == Tissue.CORD)
    assert bool((fluid & canal)[:, low:high].any(0).all())
    # in every row of the column all of it lies behind the most posterior bone or disc
    for place in range(int(low), int(high)):
        labelled = torch.argwhere(mask[:, place] > 0)
        if len(labelled):
            assert torch.argwhere(canal[:, place]).max() < labelled.min()


@seeds
def test_bodies_lie_between_consecutive_discs(seed: int) -> None:
    discs, spine = _only(DISC), make_spine()
    bone = (spine == BODY)[62]
    bone[torch.argwhere(discs[62])[:, 0].max() :] = False  # above the highest disc nothing is known

    drawn = _complete(discs, seed)[0]

    assert bool((drawn[62][bone] == BODY).all())


@seeds
@either
@pytest.mark.parametrize("code", [BODY, DISC])
def test_what_is_drawn_is_no_target_but_for_a_sacrum(seed: int, slices: int, code: int) -> None:
    mask = _only(code, slices=slices)

    structure, tissue = _fill(mask, seed)

    assert torch.equal(structure, mask)
    drawn = (mask == 0) & torch.isin(tissue, torch.tensor([Tissue.CSF, Tissue.CORD]))
    assert bool(drawn.any())


@either
@pytest.mark.parametrize("code", [BODY, DISC])
def test_only_background_is_drawn_over(code: int, slices: int) -> None:
    mask = _only(code, slices=slices)

    drawn = _complete(mask, 0).reshape(mask.shape)

    assert torch.equal(drawn[mask > 0], mask[mask > 0])
    other = DISC if code == BODY else BODY
    # processes are left out of one draw in ten
    assert set(drawn.flatten().tolist()) - {POSTERIOR} == {0, code, other, CANAL}


def test_processes_lie_behind_the_canal() -> None:
    drawn = _complete(_only(BODY), 0)[0]

    rows = {code: torch.argwhere(drawn == code)[:, 0].float() for code in (CANAL, POSTERIOR)}

    assert float(rows[POSTERIOR].mean()) < float(rows[CANAL].mean())


def test_canal_and_processes_are_narrower_than_the_bodies() -> None:
    # slices of 4 mm, 14 of them: the outermost lie 26 mm from the midline
    drawn = _complete(_only(BODY, slices=14), 0)

    shown = {c: (drawn == c).any((1, 2)).nonzero()[:, 0].tolist() for c in (CANAL, POSTERIOR)}

    # half widths are at most 12 mm (canal) and 20 mm (facets) around slice 6.5
    assert min(shown[CANAL]) >= 4
    assert max(shown[CANAL]) <= 9
    assert min(shown[POSTERIOR]) >= 2
    assert max(shown[POSTERIOR]) <= 11


def test_map_with_bodies_and_discs_is_left_alone_without_a_draw() -> None:
    spine = _only(BODY)
    gap = torch.argwhere((make_spine()[62] == DISC) & (torch.arange(110) > 60))[:, 0].float()
    spine[60:64, int(gap[gap < gap.mean()].mean())] = DISC  # apart from the bodies
    generator = torch.Generator().manual_seed(1)
    before = generator.get_state()

    drawn = complete_column(spine[None], spacing_mm=(4.0, *SPACING_MM), generator=generator)

    assert torch.equal(drawn[0], spine)
    assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize("pieces", [0, 1])
def test_less_than_two_pieces_have_no_course(pieces: int) -> None:
    mask = torch.zeros(1, 20, 30, dtype=torch.uint8)
    mask[:, 5:15, 10:20] = pieces

    assert torch.equal(_complete(mask, 0), mask)


def test_whole_vertebrae_keep_their_processes_alone() -> None:
    spine = make_spine()
    whole = ((spine == BODY) | (spine == POSTERIOR)).to(torch.uint8) * int(Structure.VERTEBRA)

    drawn = _complete(whole, 0)[0]

    assert not (drawn == POSTERIOR).any()
    assert {DISC, CANAL} <= set(drawn.flatten().tolist())


def test_each_draw_differs() -> None:
    first, second = (_complete(_only(BODY), seed) for seed in (0, 1))

    assert not torch.equal(first, second)


def test_course_of_a_straight_column_has_the_grid_s_coordinates() -> None:
    mask = torch.zeros(1, 60, 100, dtype=torch.bool)
    mask[:, 20:41, 20:40] = True
    mask[:, 20:41, 50:70] = True

    course = find_course(mask, (1.0, 1.0))

    assert course is not None
    # middle at row 30; the smoothed, resampled coordinates of a line are exact
    torch.testing.assert_close(course.t[:, 45], torch.arange(60) - 30.0, atol=1e-3, rtol=0)
    torch.testing.assert_close(course.s[5].diff(), torch.ones(99), atol=1e-3, rtol=0)
    # 4 % of 21 rows are cut off at either wall, so less than one row
    torch.testing.assert_close(course.rear[0], torch.full((100,), -10.0), atol=1.0, rtol=0)
    torch.testing.assert_close(course.front[0], torch.full((100,), 10.0), atol=1.0, rtol=0)


def test_piece_beside_a_larger_one_is_no_part_of_the_course() -> None:
    mask = torch.zeros(1, 80, 100, dtype=torch.bool)
    mask[:, 40:70, 20:40] = mask[:, 40:70, 50:70] = True
    alone = find_course(mask, (1.0, 1.0))
    mask[:, 5:25, 22:38] = True  # a process, half as large as a body

    beside = find_course(mask, (1.0, 1.0))

    assert alone is not None
    assert beside is not None
    assert beside.extents == alone.extents


@either
def test_a_source_that_annotates_bodies_and_discs_is_not_completed_beside_its_column(
    slices: int,
) -> None:
    """A slice through the facets shows neither disc nor canal, which others of its case do."""
    bodies = _only(BODY, slices=slices)
    generator = torch.Generator().manual_seed(0)
    labels, tissue = fill_context(
        bodies,
        spacing_mm=(4.0, *SPACING_MM)[-bodies.ndim :],
        generator=generator,
        annotated=frozenset({"vertebra", "disc", "canal"}),
    )
    drawn = {int(Tissue[name]) for name in ("CSF", "NUCLEUS", "NUCLEUS_DRY")}
    assert drawn & set(_fill(bodies, 0)[1].flatten().tolist())  # told nothing, it draws them
    assert not drawn & set(tissue.flatten().tolist())
    assert bool((labels[bodies != 0] == BODY).all())
