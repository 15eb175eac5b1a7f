"""Metric values against hand calculation, and the properties that every metric has."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spinesynth.metrics import (
    METRICS,
    MaskPair,
    Metric,
    SurfaceDistances,
    assd,
    dice,
    dice_in_extent,
    get_metric,
    hd95,
    iou,
    measure_surface_distances,
    relative_volume_error,
    surface_dice,
    volume_error,
)

#: Metrics that the reference alone gives a meaning, and those that need to know which way is up.
ONE_SIDED = SUPERIOR_IS_LAST = {"dice_in_extent"}

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
    sign = -1 if missed else 1
    expected = {
        "dice": 0.0, "iou": 0.0, "dice_in_extent": 0.0, "nsd_1mm": 0.0, "nsd_2mm": 0.0,
        "hd95": 13.0, "assd": 13.0, "volume_error": sign * 0.024,
        "relative_volume_error": sign * 2.0, "one_empty": 1.0,
    }  # fmt: skip
    scores = {name: metric.function(pair) for name, metric in METRICS.items()}
    assert scores == pytest.approx(expected)


def _largest(metric: Metric, pair: MaskPair) -> float:
    """Return the bound of a metric's absolute value."""
    image_ml = math.prod(pair.image_shape) * math.prod(pair.spacing_mm) / 1000
    ratio = 2.0 if metric.better == "zero" else 1.0
    return {"1": ratio, "mm": pair.diagonal_mm, "ml": image_ml}[metric.unit]


@pytest.mark.parametrize("name", METRICS)
@settings(max_examples=30, deadline=None)
@given(first=masks, second=masks, spacing=steps)
def test_every_metric_is_symmetric_and_bounded(
    name: str, first: Mask, second: Mask, spacing: tuple[float, float, float]
) -> None:
    metric = METRICS[name]
    pair = MaskPair(first, second, spacing_mm=spacing)
    value = metric.function(pair)
    if pair.both_empty:
        assert math.isnan(value)
        return
    # a sum of many rounded steps may pass the bound by their rounding
    largest = _largest(metric, pair) * (1 + 1e-12)
    assert (-largest if metric.better == "zero" else 0) <= value <= largest
    if name not in ONE_SIDED:
        sign = -1 if metric.better == "zero" else 1
        mirrored = metric.function(MaskPair(second, first, spacing_mm=spacing))
        assert sign * mirrored == pytest.approx(value)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
@settings(max_examples=10, deadline=None)
@given(mask=masks.filter(np.any), spacing=steps)
def test_every_metric_is_perfect_on_equal_masks(
    metric: Metric, mask: Mask, spacing: tuple[float, float, float]
) -> None:
    best = {"higher": 1.0, "lower": 0.0, "zero": 0.0}[metric.better]
    assert metric.function(MaskPair(mask, mask, spacing_mm=spacing)) == best


@pytest.mark.parametrize("name", sorted(set(METRICS) - {"nsd_1mm", "nsd_2mm"}))
@settings(max_examples=10, deadline=None)
@given(first=masks, second=masks, spacing=steps, factor=st.floats(0.5, 4.0))
def test_distances_and_volumes_scale_with_the_spacing_and_ratios_do_not(
    name: str, first: Mask, second: Mask, spacing: tuple[float, float, float], factor: float
) -> None:
    metric = METRICS[name]
    scaled = tuple(step * factor for step in spacing)
    value = metric.function(MaskPair(first, second, spacing_mm=spacing))
    expected = value * {"1": 1, "mm": factor, "ml": factor**3}[metric.unit]
    assert metric.function(MaskPair(first, second, spacing_mm=scaled)) == pytest.approx(
        expected, nan_ok=True
    )


@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
@settings(max_examples=8, deadline=None)
@given(first=masks.filter(np.any), second=masks.filter(np.any), spacing=steps)
def test_none_of_the_48_orientations_changes_a_score(
    axes: tuple[int, ...], first: Mask, second: Mask, spacing: tuple[float, float, float]
) -> None:
    pair = MaskPair(first, second, spacing_mm=spacing)
    scores = {name: metric.function(pair) for name, metric in METRICS.items()}
    turned_mm = tuple(spacing[axis] for axis in axes)
    for count in range(4):
        for flips in itertools.combinations(range(3), count):
            turned = [np.flip(mask.transpose(axes), flips) for mask in (first, second)]
            other = MaskPair(*turned, spacing_mm=turned_mm)
            for name, metric in METRICS.items():
                if name not in SUPERIOR_IS_LAST or axes[-1] == 2:
                    assert metric.function(other) == pytest.approx(scores[name]), name


def test_superior_axis_matters_to_dice_in_extent() -> None:
    # a column of 4 predicted, 2 of them labelled: all right within the labelled levels;
    # lying on its side there is one level, and nothing is left out
    prediction, reference = np.ones((1, 1, 4), dtype=bool), _voxels((1, 1, 4), (0, 0, 1), (0, 0, 2))
    assert dice_in_extent(MaskPair(prediction, reference, spacing_mm=(1.0, 1.0, 1.0))) == 1.0
    lying = MaskPair(prediction.T, reference.T, spacing_mm=(1.0, 1.0, 1.0))
    assert dice_in_extent(lying) == dice(lying) == pytest.approx(4 / 6)


@settings(max_examples=30, deadline=None)
@given(first=masks, second=masks)
def test_dice_in_extent_is_at_least_dice(first: Mask, second: Mask) -> None:
    pair = MaskPair(first, second, spacing_mm=(1.0, 1.0, 1.0))
    assert pair.both_empty or dice_in_extent(pair) >= dice(pair)


def test_dice_in_extent_does_not_forgive_beside_the_reference() -> None:
    # 3 voxels at the labelled level, 1 right: 2 x 1 / (3 + 1); the level above is left out
    prediction = _voxels((3, 1, 3), (0, 0, 1), (1, 0, 1), (2, 0, 1), (0, 0, 2))
    reference = _voxels((3, 1, 3), (0, 0, 1))
    assert dice_in_extent(MaskPair(prediction, reference, spacing_mm=(4.0, 1.0, 1.0))) == 0.5


def test_iou_counts_common_voxels() -> None:
    # 2 and 2 voxels, 1 in common: 1 / 3
    assert iou(MaskPair([0, 0, 1, 1], [0, 1, 1, 0], spacing_mm=(1.0,))) == pytest.approx(1 / 3)


def test_assd_is_the_mean_over_both_surfaces() -> None:
    # distances 0 and 3 steps of 1.5 mm there, 0 back: 4.5 mm over three voxels
    shape = (1, 1, 8)
    alone, with_outlier = _voxels(shape, (0, 0, 0)), _voxels(shape, (0, 0, 0), (0, 0, 3))
    for pair in (
        MaskPair(with_outlier, alone, spacing_mm=(4.0, 1.0, 1.5)),
        MaskPair(alone, with_outlier, spacing_mm=(4.0, 1.0, 1.5)),
    ):
        assert assd(pair) == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("step_mm", "tolerance_mm", "share"),
    [
        (1.0, 1.0, 1.0),  # a distance equal to the tolerance is within it
        (0.1 + 0.2, 0.3, 1.0),  # 0.30000000000000004: rounding is no deviation
        (1.01, 1.0, 0.0),
        (0.0101, 0.01, 0.0),
    ],
)
def test_surface_dice_counts_what_lies_within_the_tolerance(
    step_mm: float, tolerance_mm: float, share: float
) -> None:
    pair = MaskPair([1, 0], [0, 1], spacing_mm=(step_mm,))
    assert surface_dice(pair, tolerance_mm=tolerance_mm) == share


def test_surface_dice_at_1_and_2_mm_are_what_their_names_say() -> None:
    # 0 and 3 voxels of 0.5 mm there, 0 back: two of three within 1 mm, all within 2 mm
    shape = (1, 1, 5)
    pair = MaskPair(
        _voxels(shape, (0, 0, 0), (0, 0, 3)), _voxels(shape, (0, 0, 0)), spacing_mm=(9.0, 9.0, 0.5)
    )
    assert METRICS["nsd_1mm"].function(pair) == pytest.approx(2 / 3)
    assert METRICS["nsd_2mm"].function(pair) == 1.0


@pytest.mark.parametrize("tolerance_mm", [-0.1, math.nan, math.inf])
def test_impossible_tolerance_is_refused(tolerance_mm: float) -> None:
    pair = MaskPair([1, 0], [0, 1], spacing_mm=(1.0,))
    with pytest.raises(ValueError, match="tolerance_mm must be finite and >= 0"):
        surface_dice(pair, tolerance_mm=tolerance_mm)


def test_volume_error_is_signed_and_in_ml() -> None:
    # 3 and 1 voxels of 4 x 5 x 10 = 200 mm3: 0.4 ml too much, 2 of a mean of 2 voxels
    shape = (2, 2, 2)
    large, small = _voxels(shape, (0, 0, 0), (0, 1, 0), (1, 1, 1)), _voxels(shape, (1, 0, 1))
    pair = MaskPair(large, small, spacing_mm=(4.0, 5.0, 10.0))
    assert volume_error(pair) == pytest.approx(0.4)
    assert relative_volume_error(pair) == 1.0
    turned = MaskPair(small, large, spacing_mm=(4.0, 5.0, 10.0))
    assert volume_error(turned) == pytest.approx(-0.4)


def test_crop_of_an_image_scores_as_the_image() -> None:
    first, second = _ball((6, 9, 10), 5), _ball((5, 11, 10), 4.5)
    spacing = (4.4, 0.6, 0.7)
    whole = MaskPair(first, second, spacing_mm=spacing)
    box = np.s_[1:12, 4:17, 5:16]
    cropped = MaskPair(first[box], second[box], spacing_mm=spacing, image_shape=first.shape)
    for metric in METRICS.values():
        assert metric.function(cropped) == metric.function(whole)
    empty = MaskPair(first[box], 0 * second[box], spacing_mm=spacing, image_shape=first.shape)
    assert hd95(empty) == whole.diagonal_mm


@pytest.mark.parametrize("image_shape", [(2, 3), (1, 3, 3), (5, 5, 5, 5)])
def test_image_smaller_than_its_crop_is_refused(image_shape: tuple[int, ...]) -> None:
    mask = np.ones((2, 3, 3), dtype=bool)
    with pytest.raises(ValueError, match="image_shape must be at least the shape of the masks"):
        MaskPair(mask, mask, spacing_mm=(1.0, 1.0, 1.0), image_shape=image_shape)


def test_surface_distances_are_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []

    def measure(*masks: Mask, spacing_mm: tuple[float, ...]) -> SurfaceDistances:
        calls.append(masks)
        return measure_surface_distances(*masks, spacing_mm=spacing_mm)

    monkeypatch.setattr("spinesynth.metrics.mask_pair.measure_surface_distances", measure)
    pair = MaskPair([0, 1, 1, 0], [1, 1, 0, 0], spacing_mm=(1.0,))
    for metric in METRICS.values():
        metric.function(pair)
    assert len(calls) == 1


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
    with pytest.raises(ValueError, match=f"one of {', '.join(METRICS)}, got 'dicee'"):
        get_metric("dicee")
