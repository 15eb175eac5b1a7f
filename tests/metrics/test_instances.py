"""Instances are matched, counted and scored as worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spinesynth.metrics import (
    INSTANCE_METRICS,
    METRICS,
    InstanceMatch,
    MaskPair,
    identification_rate,
    match_instances,
    pair_instances,
    score_instances,
)

Map = npt.NDArray[np.int64]
maps = arrays(np.int64, (3, 4, 5), elements=st.integers(0, 4))


def _column(*runs: tuple[int, int]) -> Map:
    """Return a row of instances from (number, voxels)."""
    return np.concatenate([np.full(length, number) for number, length in runs])


def test_matches_misses_and_inventions_by_hand() -> None:
    # 7 shares 4 of 6 voxels with 1 (IoU 2/3), 8 is not found, 3 is found nowhere
    reference = _column((7, 5), (0, 1), (8, 3), (0, 3))
    prediction = _column((0, 1), (1, 5), (0, 3), (3, 3))
    matching = match_instances(prediction, reference)
    assert matching.matches == (InstanceMatch(7, 1, 4 / 6),)
    assert (matching.missed, matching.invented) == ((8,), (3,))
    assert matching.detection_rate == 0.5


@pytest.mark.parametrize(("min_iou", "found"), [(0.5, 1), (0.51, 0)])
def test_least_overlap_counts_as_a_match(min_iou: float, found: int) -> None:
    # 2 common of 4: IoU 1/2
    matching = match_instances(_column((1, 3), (0, 1)), _column((0, 1), (1, 3)), min_iou=min_iou)
    assert len(matching.matches) == found


def test_one_prediction_is_one_instance_at_most_unless_the_largest_overlap_decides() -> None:
    # one prediction over two vertebrae, as where they were fused: IoU 4/7 and 3/7
    reference, prediction = _column((1, 4), (2, 3)), _column((5, 7))
    fair = match_instances(prediction, reference, min_iou=0.1)
    assert [(m.reference, m.prediction) for m in fair.matches] == [(1, 5)]
    assert fair.missed == (2,)
    spider = match_instances(prediction, reference, rule="largest_overlap")
    assert [(m.reference, m.prediction) for m in spider.matches] == [(1, 5), (2, 5)]
    assert spider.missed == spider.invented == ()


def test_largest_overlap_takes_the_most_voxels_and_the_lower_number_on_a_tie() -> None:
    reference = _column((1, 4), (2, 5))
    prediction = _column((8, 2), (6, 2), (6, 1), (7, 3), (0, 1))
    matching = match_instances(prediction, reference, rule="largest_overlap")
    assert [(m.reference, m.prediction) for m in matching.matches] == [(1, 6), (2, 7)]
    assert matching.invented == (8,)


def test_assignment_makes_the_sum_of_overlaps_largest() -> None:
    # 1 overlaps 5 most, but then 2 were left over: 1-6 and 2-5 together overlap more
    reference = _column((1, 8), (2, 4))
    prediction = _column((6, 4), (5, 4), (5, 4))
    matching = match_instances(prediction, reference, min_iou=0.1)
    assert [(m.reference, m.prediction) for m in matching.matches] == [(1, 6), (2, 5)]


@pytest.mark.parametrize("rule", ["one_to_one", "largest_overlap"])
def test_empty_maps_have_nothing_to_find(rule: str) -> None:
    nothing, something = np.zeros(4, dtype=np.int64), _column((2, 4))
    both = match_instances(nothing, nothing, rule=rule)  # type: ignore[arg-type]  # of Literal
    assert (both.matches, both.missed, both.invented) == ((), (), ())
    assert math.isnan(both.detection_rate)
    missed = match_instances(nothing, something, rule=rule)  # type: ignore[arg-type]  # of Literal
    assert (missed.missed, missed.invented, missed.detection_rate) == ((2,), (), 0.0)
    invented = match_instances(something, nothing, rule=rule)  # type: ignore[arg-type]  # of Literal
    assert (invented.missed, invented.invented) == ((), (2,))
    assert math.isnan(invented.detection_rate)


@settings(max_examples=40, deadline=None)
@given(prediction=maps, reference=maps, min_iou=st.floats(0.05, 1.0))
def test_exchanging_the_maps_exchanges_misses_and_inventions(
    prediction: Map, reference: Map, min_iou: float
) -> None:
    there = match_instances(prediction, reference, min_iou=min_iou)
    back = match_instances(reference, prediction, min_iou=min_iou)
    assert len(there.missed) == len(back.invented)
    assert sum(m.iou for m in there.matches) == pytest.approx(sum(m.iou for m in back.matches))
    assert all(min_iou <= m.iou <= 1 for m in there.matches)
    if min_iou > 0.5:  # then no instance has two candidates
        pairs = {(m.reference, m.prediction) for m in there.matches}
        assert pairs == {(m.prediction, m.reference) for m in back.matches}


@settings(max_examples=30, deadline=None)
@given(prediction=maps, reference=maps, flips=st.sets(st.sampled_from([0, 1, 2])))
def test_neither_numbers_nor_orientation_decide(
    prediction: Map, reference: Map, flips: set[int]
) -> None:
    plain = match_instances(prediction, reference, min_iou=0.51)
    renamed = np.array([0, 40, 30, 20, 10])[prediction]  # the highest number becomes the lowest
    turned = [np.flip(values.T, tuple(flips)) for values in (renamed, reference)]
    other = match_instances(*turned, min_iou=0.51)
    assert [(m.reference, m.prediction, m.iou) for m in other.matches] == [
        (m.reference, 50 - 10 * m.prediction, m.iou) for m in plain.matches
    ]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0.0, math.nan], "must hold whole numbers >= 0, got NaN"),
        ([0.0, 1.5], "must hold whole numbers >= 0, got values from 0.0 to 1.5"),
        ([0, -1], "must hold whole numbers >= 0, got values from -1 to 0"),
        ([0, 1, 2], r"must have the shape of reference \(2,\), got \(3,\)"),
    ],
)
def test_maps_that_hold_no_instances_are_refused(values: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        match_instances(values, [0, 1])
    with pytest.raises(TypeError, match="reference must be numeric"):
        match_instances([0, 1], ["a", "b"])


def test_impossible_rules_are_refused() -> None:
    with pytest.raises(ValueError, match=r"min_iou must be in \(0, 1\], got 0"):
        match_instances([1], [1], min_iou=0)
    with pytest.raises(ValueError, match="rule must be one_to_one or largest_overlap, got 'best'"):
        match_instances([1], [1], rule="best")  # type: ignore[arg-type]  # is refused


def test_level_is_identified_where_the_found_instance_has_its_name() -> None:
    matching = match_instances(
        _column((1, 3), (2, 3), (0, 3), (4, 3)), _column((1, 3), (2, 3), (3, 3), (0, 3))
    )
    names = {1: "L5", 2: "L4", 3: "L3"}
    # of three, one has the right name, one a wrong one, and one was missed
    rate = identification_rate(
        matching, prediction_levels={1: "L5", 2: "L3", 4: "L2"}, reference_levels=names
    )
    assert rate == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match=r"prediction_levels must name every instance.*\[2, 4\]"):
        identification_rate(matching, prediction_levels={1: "L5"}, reference_levels=names)
    with pytest.raises(ValueError, match=r"reference_levels must name every instance.*\[3\]"):
        identification_rate(
            matching, prediction_levels=dict.fromkeys((1, 2, 4), "L5"),
            reference_levels={1: "L5", 2: "L4"},
        )  # fmt: skip


def test_every_reference_instance_is_scored_in_the_whole_image() -> None:
    reference, prediction = np.zeros((2, 3, 4, 8), dtype=np.int64)
    reference[1, 1, :3], reference[1, 1, 5:7] = 2, 9
    prediction[1, 1, :2] = 1
    matching = match_instances(prediction, reference)
    found, missed = score_instances(
        prediction, reference, matching, spacing_mm=(4.0, 1.0, 1.5),
        metrics=("dice", "hd95", "assd", "one_empty", "centre_error"),
    )  # fmt: skip
    assert (found.reference, found.prediction) == (2, 1)
    # 2 of 3 voxels; the third lies one step beyond: 1.5 mm in one of 5 distances
    assert found.values["dice"] == pytest.approx(4 / 5)
    assert found.values["assd"] == pytest.approx(1.5 / 5)
    assert found.values["centre_error"] == pytest.approx(0.75)
    assert (missed.reference, missed.prediction) == (9, None)
    # 3 x 4 mm, 4 x 1 mm, 8 x 1.5 mm
    assert missed.values["hd95"] == pytest.approx(math.sqrt(144 + 16 + 144))
    assert (missed.values["dice"], missed.values["one_empty"]) == (0.0, 1.0)
    assert math.isnan(missed.values["centre_error"])


@settings(max_examples=15, deadline=None)
@given(prediction=maps, reference=maps)
def test_boxes_of_instances_score_as_whole_masks(prediction: Map, reference: Map) -> None:
    matching = match_instances(prediction, reference, rule="largest_overlap")
    spacing_mm = (4.4, 0.6, 0.7)
    pairs = pair_instances(prediction, reference, matching, spacing_mm=spacing_mm)
    for number, partner, pair in pairs:
        whole = MaskPair(
            prediction == (-1 if partner is None else partner), reference == number,
            spacing_mm=spacing_mm,
        )  # fmt: skip
        for metric in METRICS.values():
            assert metric.function(pair) == metric.function(whole)


def test_unknown_metric_of_instances_lists_the_valid_names() -> None:
    with pytest.raises(ValueError, match=f"metrics must be among {', '.join(INSTANCE_METRICS)}"):
        score_instances([1], [1], match_instances([1], [1]), spacing_mm=(1.0,), metrics=("dise",))
