"""The drawn sacrum against the place it is given."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue
from spinesynth.kernels.landmarks import SpineLandmarks
from spinesynth.kernels.sacrum import _Place, _segment, paint_sacrum

seeds = pytest.mark.parametrize("seed", range(6))
_SIZE = (1, 120, 120)


def _landmarks(
    top_mm: tuple[float, float] | None, axis: tuple[float, float] = (0.0, -1.0)
) -> SpineLandmarks:
    edge = torch.zeros(_SIZE[2])
    return SpineLandmarks(edge, edge, top_mm, axis, 34.0)


def _paint(
    structure: Tensor,
    landmarks: SpineLandmarks,
    seed: int,
    spacing_mm: tuple[float, float] = (1.0, 1.0),
) -> tuple[Tensor, Tensor]:
    tissue = torch.full_like(structure, int(Tissue.MUSCLE))
    return paint_sacrum(
        structure,
        tissue,
        landmarks=landmarks,
        spacing_mm=spacing_mm,
        generator=torch.Generator().manual_seed(seed),
    )


@seeds
@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0), (0.8, 1.5)])
def test_first_segment_hangs_from_the_given_place(
    seed: int, spacing_mm: tuple[float, float]
) -> None:
    empty = torch.zeros(_SIZE, dtype=torch.uint8)
    place = (70 * spacing_mm[0], 80 * spacing_mm[1])

    structure, tissue = _paint(empty, _landmarks(place), seed, spacing_mm)

    inside = 80 - round(12 / spacing_mm[1])  # half of the least height below the top
    assert int(structure[0, 70, inside]) == int(Structure.SACRUM)
    assert int(tissue[0, 70, inside]) == int(Tissue.MARROW_SACRUM)
    highest = int(torch.argwhere(structure[0])[:, 1].max())
    # the outline wobbles by 1.2 mm times a normal number
    assert abs(highest - 80) * spacing_mm[1] < 6


@seeds
def test_segments_follow_the_given_axis(seed: int) -> None:
    empty = torch.zeros(_SIZE, dtype=torch.uint8)

    structure, _ = _paint(empty, _landmarks((60.0, 60.0), (-1.0, 0.0)), seed)

    rows = torch.argwhere(structure[0])[:, 0].float()
    assert float(rows.mean()) < 50
    assert float(rows.max()) < 66


@seeds
def test_only_background_is_painted_over(seed: int) -> None:
    labelled = torch.zeros(_SIZE, dtype=torch.uint8)
    labelled[:, 55:65, 50:70] = int(Structure.DISC)

    structure, tissue = _paint(labelled, _landmarks((60.0, 80.0)), seed)

    assert torch.equal(structure[labelled != 0], labelled[labelled != 0])
    assert set(tissue[labelled != 0].tolist()) == {int(Tissue.MUSCLE)}
    assert not labelled[:, :55].any()


@seeds
def test_bone_has_its_structure_and_the_canal_has_none(seed: int) -> None:
    empty = torch.zeros(_SIZE, dtype=torch.uint8)

    structure, tissue = _paint(empty, _landmarks((70.0, 100.0)), seed)

    bone = structure == int(Structure.SACRUM)
    assert set(structure.flatten().tolist()) == {0, int(Structure.SACRUM)}
    # 9 mm behind a body of 15 to 18 mm half depth; halfway down the least first segment
    canal = tissue[0, 70 - 18 - 5 : 70 - 15 - 3, 88]
    assert {int(Tissue.FAT_EPIDURAL), int(Tissue.CSF)} & set(canal.tolist())
    assert not bone[0, 70 - 18 - 3, 88]


def test_without_a_place_nothing_is_painted() -> None:
    empty = torch.zeros(_SIZE, dtype=torch.uint8)

    structure, tissue = _paint(empty, _landmarks(None), 0)

    assert torch.equal(structure, empty)
    assert set(tissue.flatten().tolist()) == {int(Tissue.MUSCLE)}


@seeds
def test_sacrum_is_concave_in_front(seed: int) -> None:
    """Below a disc that slopes backward the segments turn down and forward again."""
    empty = torch.zeros((1, 200, 200), dtype=torch.uint8)

    structure, _ = _paint(empty, _landmarks((150.0, 150.0), (-0.64, -0.77)), seed)

    tip = torch.argwhere(structure[0] == Structure.SACRUM).float()
    tip = tip[tip[:, 1] <= tip[:, 1].min() + 3].mean(0)
    straight = 150 - (150 - float(tip[1])) * 0.64 / 0.77
    assert float(tip[0]) > straight


@seeds
def test_sacral_canal_holds_no_fluid_that_the_target_calls_background(seed: int) -> None:
    empty = torch.zeros(_SIZE, dtype=torch.uint8)

    structure, tissue = _paint(empty, _landmarks((70, 80)), seed)

    assert not bool((tissue == int(Tissue.CSF)).any())
    assert bool(((tissue == int(Tissue.FAT_EPIDURAL)) & (structure == 0)).any())


@pytest.mark.parametrize("direction_deg", range(-180, 180, 25))
@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0), (0.7, 1.6)])
def test_window_holds_all_of_a_segment(direction_deg: int, spacing_mm: tuple[float, float]) -> None:
    place = _Place((60.0, 75.0), math.radians(direction_deg), gap=4.0, height=30.0, depth=40.0)
    noise = torch.rand(2, 200, 110, generator=torch.Generator().manual_seed(0)) * 4 - 2
    a_mm = torch.arange(200)[:, None] * spacing_mm[0] + noise[0]
    s_mm = torch.arange(110)[None] * spacing_mm[1] + noise[1]

    window = place.window(spacing_mm, margin_mm=2.0)

    for part in _segment(a_mm, s_mm, place):
        outside = part.clone()
        outside[window] = False
        assert bool(part.any())
        assert not bool(outside.any())


@seeds
def test_sacrum_beyond_the_border_is_cut_there(seed: int) -> None:
    empty = torch.zeros(_SIZE, dtype=torch.uint8)
    for place in ((-30.0, 40.0), (60.0, 5.0), (300.0, 300.0)):
        structure, tissue = _paint(empty, _landmarks(place), seed)

        assert structure.shape == tissue.shape == _SIZE
    assert torch.equal(structure, empty)
