"""Landmarks of hand-drawn spines."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from spinesynth.anatomy.structures import Structure
from spinesynth.kernels.landmarks import SpineLandmarks, find_landmarks
from tests.kernels.spine_map import SPACING_MM, make_spine


def _column() -> Tensor:
    """Draw a body (rows 20-39) over a disc, and a canal (rows 10-17), all straight."""
    codes = torch.zeros(60, 80, dtype=torch.uint8)
    codes[20:40, 40:60] = int(Structure.VERTEBRAL_BODY)
    codes[20:40, 30:38] = int(Structure.DISC)
    codes[10:18, 20:70] = int(Structure.CANAL)
    return codes


def _find(codes: Tensor, spacing_mm: tuple[float, float] = (1.0, 1.0)) -> SpineLandmarks:
    landmarks = find_landmarks(codes, spacing_mm)
    assert landmarks is not None
    return landmarks


def test_straight_column_has_a_straight_front_and_back_over_the_whole_map() -> None:
    landmarks = _find(_column())

    assert landmarks.front.tolist() == pytest.approx([39] * 80)
    assert landmarks.back.tolist() == pytest.approx([10] * 80)


def test_oblique_column_goes_on_by_its_slope_beyond_the_labels() -> None:
    codes = torch.zeros(200, 160, dtype=torch.uint8)
    for k in range(40, 120):
        codes[60 + k // 2 : 90 + k // 2, k] = int(Structure.VERTEBRAL_BODY)

    front = _find(codes).front

    # the smoothing that steadies the edge flattens its ends a little
    wanted = torch.arange(160) / 2 + 89
    torch.testing.assert_close(front[50:110], wanted[50:110], rtol=0, atol=1.0)
    torch.testing.assert_close(front, wanted, rtol=0, atol=12.0)
    assert float(front[0]) < float(front[40]) < float(front[119]) < float(front[159])


def test_slope_beyond_the_labels_is_limited() -> None:
    codes = torch.zeros(200, 160, dtype=torch.uint8)
    for k in range(70, 90):
        codes[2 * k : 2 * k + 10, k] = int(Structure.VERTEBRAL_BODY)

    front = _find(codes).front

    assert float(front.diff()[:60].abs().max()) <= 0.7 + 1e-4
    assert float(front.diff()[100:].abs().max()) <= 0.7 + 1e-4


def test_missing_canal_is_put_behind_the_front_by_depth_of_body_and_canal() -> None:
    codes = _column()
    codes[codes == int(Structure.CANAL)] = 0

    landmarks = _find(codes, (2.0, 1.0))

    assert (landmarks.front - landmarks.back).tolist() == pytest.approx([25] * 80)


def test_missing_column_is_put_before_the_canal() -> None:
    codes = torch.zeros(90, 40, dtype=torch.uint8)
    codes[10:18] = int(Structure.CANAL)

    landmarks = _find(codes)

    assert landmarks.back.tolist() == pytest.approx([10] * 40)
    assert landmarks.front.tolist() == pytest.approx([60] * 40)
    assert landmarks.sacral_top_mm is None


@pytest.mark.parametrize("code", [Structure.BACKGROUND, Structure.SACRUM])
def test_map_without_body_disc_and_canal_has_no_landmarks(code: Structure) -> None:
    assert find_landmarks(torch.full((9, 9), int(code), dtype=torch.uint8), (1.0, 1.0)) is None


def test_sacrum_begins_under_the_lowest_disc() -> None:
    landmarks = _find(_column())

    # 8 evenly filled columns have a variance of (64 - 1) / 12, of samples 160 / 159 of it;
    # the disc's thickness is taken as four standard deviations
    half = 2 * math.sqrt(63 / 12 * 160 / 159)
    assert landmarks.sacral_top_mm == pytest.approx((29.5, 33.5 - half))
    assert landmarks.sacral_axis == pytest.approx((0, -1))
    assert landmarks.sacral_depth_mm == pytest.approx(4 * math.sqrt(399 / 12 * 160 / 159))


def test_sacral_end_is_in_millimetres() -> None:
    landmarks = _find(_column(), (0.5, 0.8))

    assert landmarks.sacral_top_mm is not None
    assert landmarks.sacral_top_mm[0] == pytest.approx(29.5 * 0.5)
    assert landmarks.sacral_depth_mm == pytest.approx(2 * math.sqrt(399 / 12 * 160 / 159))


def test_sacral_axis_is_the_normal_of_an_oblique_disc() -> None:
    landmarks = _find(make_spine(tilt=0.5), SPACING_MM)

    down_and_back = np.array([-0.5, -1]) / math.hypot(0.5, 1)
    # the slope fades upwards, so the disc is a little less oblique than its lower edge
    assert landmarks.sacral_axis == pytest.approx(tuple(down_and_back), abs=0.06)


def test_small_pieces_below_are_not_the_lowest_disc() -> None:
    codes = _column()
    codes[50:53, 5:8] = int(Structure.DISC)  # 9 mm2, far below and in front

    assert _find(codes).sacral_top_mm == _find(_column()).sacral_top_mm


@pytest.mark.parametrize("missing", [Structure.DISC, Structure.VERTEBRAL_BODY])
def test_without_body_or_disc_the_sacral_end_is_unknown(missing: Structure) -> None:
    codes = _column()
    codes[codes == int(missing)] = 0

    assert _find(codes).sacral_top_mm is None


def test_body_without_a_disc_below_it_has_no_known_sacral_end() -> None:
    assert _find(_column().flip(1)).sacral_top_mm is None


def test_disc_of_one_voxel_has_no_direction() -> None:
    codes = _column()
    codes[codes == int(Structure.DISC)] = 0
    codes[30, 34] = int(Structure.DISC)

    assert _find(codes).sacral_top_mm is None


def test_volume_takes_edges_over_all_slices_and_the_end_where_most_is_seen() -> None:
    middle, side = _column(), torch.zeros(60, 80, dtype=torch.uint8)
    side[44:50, 40:60] = int(Structure.VERTEBRAL_BODY)

    landmarks = _find(torch.stack([side, middle, side]))

    assert float(landmarks.front.max()) > 44
    assert landmarks.sacral_top_mm == _find(middle).sacral_top_mm
    # the smoothing reaches from the wide part into its neighbourhood only
    assert float(landmarks.back[0]) == pytest.approx(10)


@pytest.mark.parametrize("code", [Structure.VERTEBRAL_BODY, Structure.DISC, Structure.CANAL])
def test_map_of_one_structure_gives_finite_landmarks(code: Structure) -> None:
    landmarks = _find(torch.full((24, 28), int(code), dtype=torch.uint8))

    assert bool(torch.isfinite(landmarks.front).all())
    assert bool(torch.isfinite(landmarks.back).all())
