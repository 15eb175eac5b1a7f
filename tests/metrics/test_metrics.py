"""Metric values against hand calculation, MONAI, and the properties every metric has."""

from __future__ import annotations

import math
import warnings

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from monai.metrics.hausdorff_distance import compute_hausdorff_distance
from monai.metrics.meandice import compute_dice

from spinesynth.metrics import (
    METRICS,
    MaskPair,
    Metric,
    dice,
    get_metric,
    hd95,
    measure_surface_distances,
)

Mask = npt.NDArray[np.bool_]
masks = arrays(np.bool_, (4, 5, 6))
steps = st.tuples(*[st.floats(0.3, 5.0)] * 3)


def _voxels(shape: tuple[int, ...], *places: tuple[int, ...]) -> Mask:
    mask = np.zeros(shape, dtype=np.bool_)
    for place in places:
        mask[place] = True
    return mask


def _ball(centre: tuple[float, ...], radius: float) -> Mask:
    grid = np.indices((12, 20, 20), dtype=float)
    offsets = grid - np.reshape(centre, (3, 1, 1, 1))
    return np.asarray((offsets**2).sum(0) <= radius**2)


@pytest.mark.parametrize(
    ("place", "spacing", "distance"),
    [
        ((0, 0, 2), (1.0, 1.0, 1.0), 2.0),
        ((0, 0, 2), (4.0, 0.5, 0.7), 1.4),
        ((1, 0, 0), (4.0, 0.5, 0.7), 4.0),
        ((1, 3, 0), (4.0, 1.0, 0.7), 5.0),
        ((0, 0, 0), (4.0, 1.0, 0.7), 0.0),
    ],
)
def test_hd95_of_two_voxels_is_their_distance_in_mm(
    place: tuple[int, int, int], spacing: tuple[float, float, float], distance: float
) -> None:
    shape = (3, 4, 5)  # the first voxel touches three edges of the image
    pair = MaskPair(_voxels(shape, (0, 0, 0)), _voxels(shape, place), spacing_mm=spacing)
    assert hd95(pair) == pytest.approx(distance)


def test_hd95_takes_the_percentile_of_each_direction_and_then_the_larger() -> None:
    # prediction: the reference and one voxel 3 mm off. To the reference its distances are (0, 3):
    # 95 % of the way from 0 to 3 is 2.85; back, the reference's only distance is 0.
    shape = (1, 1, 8)
    alone, with_outlier = _voxels(shape, (0, 0, 0)), _voxels(shape, (0, 0, 0), (0, 0, 3))
    assert hd95(MaskPair(with_outlier, alone, spacing_mm=(1.0, 1.0, 1.0))) == pytest.approx(2.85)
    assert hd95(MaskPair(alone, with_outlier, spacing_mm=(1.0, 1.0, 1.0))) == pytest.approx(2.85)


def test_dice_counts_common_voxels() -> None:
    # 3 and 2 voxels, 1 in common: 2 x 1 / 5
    prediction, reference = np.array([1, 1, 1, 0]), np.array([0, 0, 1, 1])
    assert dice(MaskPair(prediction, reference, spacing_mm=(1.0,))) == pytest.approx(0.4)


def test_undefined_where_both_masks_are_empty() -> None:
    empty = np.zeros((2, 3, 4), dtype=np.bool_)
    for metric in METRICS.values():
        assert math.isnan(metric.function(MaskPair(empty, empty, spacing_mm=(1.0, 1.0, 1.0))))


@pytest.mark.parametrize("missed", [True, False])
def test_one_empty_mask_costs_all_overlap_and_the_image_diagonal(missed: bool) -> None:
    empty, full = np.zeros((1, 3, 2), dtype=np.bool_), _voxels((1, 3, 2), (0, 1, 1))
    both = (empty, full) if missed else (full, empty)
    pair = MaskPair(*both, spacing_mm=(12.0, 1.0, 2.0))  # 12, 3 and 4 mm: diagonal 13 mm
    assert dice(pair) == 0.0
    assert hd95(pair) == pytest.approx(13.0)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
@settings(max_examples=40, deadline=None)
@given(first=masks, second=masks, spacing=steps)
def test_every_metric_is_symmetric_and_bounded(
    metric: Metric, first: Mask, second: Mask, spacing: tuple[float, float, float]
) -> None:
    function = metric.function
    pair = MaskPair(first, second, spacing_mm=spacing)
    value, mirrored = function(pair), function(MaskPair(second, first, spacing_mm=spacing))
    assert value == pytest.approx(mirrored, nan_ok=True)
    if pair.both_empty:
        assert math.isnan(value)
    else:
        assert 0 <= value <= (1 if metric.unit == "1" else pair.diagonal_mm)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
@settings(max_examples=20, deadline=None)
@given(mask=masks.filter(np.any), spacing=steps)
def test_every_metric_is_perfect_on_equal_masks(
    metric: Metric, mask: Mask, spacing: tuple[float, float, float]
) -> None:
    best = {"higher": 1.0, "lower": 0.0}[metric.better]
    assert metric.function(MaskPair(mask, mask, spacing_mm=spacing)) == best


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
@settings(max_examples=20, deadline=None)
@given(first=masks, second=masks, spacing=steps, factor=st.floats(0.5, 4.0))
def test_only_distances_scale_with_the_spacing(
    metric: Metric, first: Mask, second: Mask, spacing: tuple[float, float, float], factor: float
) -> None:
    function = metric.function
    scaled = tuple(step * factor for step in spacing)
    value = function(MaskPair(first, second, spacing_mm=spacing))
    expected = value * (factor if metric.unit == "mm" else 1)
    assert function(MaskPair(first, second, spacing_mm=scaled)) == pytest.approx(
        expected, nan_ok=True
    )


@settings(max_examples=40, deadline=None)
@given(
    first=masks.filter(np.any),
    second=masks.filter(np.any),
    spacing=steps,
    axes=st.permutations([0, 1, 2]),
    flips=st.sets(st.sampled_from([0, 1, 2])),
)
def test_orientation_of_storage_does_not_change_a_score(
    first: Mask,
    second: Mask,
    spacing: tuple[float, float, float],
    axes: list[int],
    flips: set[int],
) -> None:
    turned = [np.flip(mask.transpose(axes), tuple(flips)) for mask in (first, second)]
    pair = MaskPair(first, second, spacing_mm=spacing)
    other = MaskPair(*turned, spacing_mm=tuple(spacing[axis] for axis in axes))
    assert dice(other) == dice(pair)
    assert hd95(other) == pytest.approx(hd95(pair))


@settings(max_examples=60, deadline=None)
@given(first=masks.filter(np.any), second=masks.filter(np.any), spacing=steps)
def test_equals_monai_on_random_masks(
    first: Mask, second: Mask, spacing: tuple[float, float, float]
) -> None:
    _assert_equals_monai(first, second, spacing)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (4.4, 0.6, 0.7), (0.9, 0.94, 0.94)])
def test_equals_monai_on_solid_shapes(spacing: tuple[float, float, float]) -> None:
    _assert_equals_monai(_ball((6, 9, 10), 5), _ball((5, 11, 10), 4.5), spacing)


def _assert_equals_monai(first: Mask, second: Mask, spacing: tuple[float, float, float]) -> None:
    pair = MaskPair(first, second, spacing_mm=spacing)
    batches = [torch.from_numpy(mask)[None, None].float() for mask in (first, second)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MONAI's own deprecations are not under test
        distance = compute_hausdorff_distance(
            batches[0], batches[1], include_background=True, percentile=95, spacing=spacing
        )
        overlap = compute_dice(batches[0], batches[1], include_background=True)
    # MONAI computes in float32
    assert hd95(pair) == pytest.approx(distance.item(), rel=1e-5, abs=1e-5)
    assert dice(pair) == pytest.approx(overlap.item(), rel=1e-6)


def test_surface_leaves_out_the_inside_and_counts_the_image_edge() -> None:
    cube = np.ones(
        (5, 5, 5), dtype=np.bool_
    )  # fills the image: 125 - 27 voxels have a face outside
    distances = measure_surface_distances(cube, cube, spacing_mm=(1.0, 1.0, 1.0))
    assert [len(directed) for directed in distances] == [98, 98]


def test_surface_distance_refuses_an_empty_mask() -> None:
    empty, full = np.zeros((2, 2), dtype=np.bool_), np.ones((2, 2), dtype=np.bool_)
    with pytest.raises(ValueError, match="reference must have at least one voxel"):
        measure_surface_distances(full, empty, spacing_mm=(1.0, 1.0))


def test_unknown_metric_lists_the_valid_names() -> None:
    with pytest.raises(ValueError, match="must be one of dice, hd95, got 'dicee'"):
        get_metric("dicee")
