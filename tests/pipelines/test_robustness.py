"""Robustness degrades the right axes, scores on the original grid, and keeps books."""

from __future__ import annotations

import math
from functools import partial

import pandas as pd
import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.errors import InputError
from spinesynth.io.case import Case
from spinesynth.io.load_case import LoadedCase
from spinesynth.pipelines.evaluate import LONG_COLUMNS, spacing_of
from spinesynth.pipelines.robustness import (
    IN_PLANE,
    THROUGH_PLANE,
    evaluate_robustness,
    robustness_summary,
    slice_axis,
)
from tests.pipelines.fabricated import make_case, make_loaded, read_codes


def _threshold(image: MetaTensor) -> Tensor:
    """Predict a disc wherever the image is bright: blurs with the image."""
    return (image.as_tensor()[0] > 2).to(torch.uint8) * 3


@pytest.mark.parametrize(
    ("shape", "spacing", "axis"),
    [
        ((15, 300, 300), (4.0, 0.6, 0.6), 0),  # sagittal
        ((256, 256, 12), (0.9, 0.9, 4.0), 2),  # axial
        ((16, 320, 320), (0.9, 0.94, 0.94), 0),  # nearly isotropic: read as sagittal
        ((200, 1, 200), (1.0, 1.0, 1.0), 1),  # one coronal slice
        ((1, 200, 200), (1.0, 0.5, 3.0), 0),
    ],
)
def test_slices_are_recognised(
    shape: tuple[int, ...], spacing: tuple[float, ...], axis: int
) -> None:
    assert slice_axis(shape, spacing) == axis


def test_each_condition_degrades_its_own_axes() -> None:
    seen: dict[tuple[str, float], Tensor] = {}
    originals: list[Tensor] = []

    def record(image: MetaTensor) -> Tensor:
        assert spacing_of(image) == (4.0, 1.0, 2.0)
        originals.append(image.as_tensor().clone())
        return read_codes(image)

    table, failures = evaluate_robustness(
        record, [make_case("a")], run="t", model="A", factors=(1, 2), loader=make_loaded
    )
    assert failures.empty
    assert len(originals) == 3  # the original once, then each condition
    seen = dict(zip([("o", 1.0), (IN_PLANE, 2.0), (THROUGH_PLANE, 2.0)], originals, strict=True))
    original = seen["o", 1.0]
    in_plane, through = seen[IN_PLANE, 2.0], seen[THROUGH_PLANE, 2.0]
    # an axis that is not degraded keeps what is constant along it: outside the boxes' slices
    assert torch.equal(in_plane[:, :2], original[:, :2])
    assert not torch.equal(through[:, :2], original[:, :2])
    assert torch.equal(through[:, :, 14:], original[:, :, 14:])
    assert not torch.equal(in_plane[:, :, 12:15], original[:, :, 12:15])
    assert tuple(table.columns) == LONG_COLUMNS


def test_the_table_has_every_condition_and_the_resolution_reached() -> None:
    case = make_case("a", annotated=frozenset({"disc"}))
    table, _ = evaluate_robustness(_threshold, [case], run="t", model="A", loader=make_loaded)
    reached = table[table["metric"] == "resolution"]
    assert set(reached["structure"]) == {"image"}
    assert set(reached["unit"]) == {"mm"}
    # spacing 4 x 1 x 2 mm: slices of 4 mm along I, pixels of (1 + 2) / 2 mm; 8 slices / 4 = 2
    assert reached[["condition", "severity", "value"]].to_numpy().tolist() == [
        *([IN_PLANE, factor, 1.5 * factor] for factor in (1.0, 2.0, 3.0, 4.0)),
        *([THROUGH_PLANE, factor, 4.0 * factor] for factor in (1.0, 2.0, 3.0, 4.0)),
    ]
    dice = table[table["metric"] == "dice"]
    assert len(dice) == 8


def test_the_original_counts_in_both_conditions() -> None:
    table, _ = evaluate_robustness(
        read_codes, [make_case("a")], run="t", model="A", factors=(2,), loader=make_loaded
    )
    original = table[(table["severity"] == 1.0) & (table["metric"] == "dice")]
    assert original.groupby("condition")["value"].mean().to_dict() == {
        IN_PLANE: 1.0, THROUGH_PLANE: 1.0,
    }  # fmt: skip


def test_a_single_slice_has_no_through_plane_resolution_to_lose() -> None:
    loader = partial(make_loaded, shape=(1, 16, 24))
    table, failures = evaluate_robustness(
        read_codes, [make_case("a")], run="t", model="A", loader=loader
    )
    assert set(table["condition"]) == {IN_PLANE}
    assert failures.empty


def test_a_factor_that_leaves_one_slice_is_left_out() -> None:
    loader = partial(make_loaded, shape=(5, 16, 24))  # 5 slices / 4 round to 1
    table, _ = evaluate_robustness(read_codes, [make_case("a")], run="t", model="A", loader=loader)
    through = table[table["condition"] == THROUGH_PLANE]
    assert sorted(through["severity"].unique()) == [1.0, 2.0, 3.0]


def test_each_case_is_read_once_and_a_bad_one_is_reported_once() -> None:
    read: list[str] = []

    def loader(case: Case) -> LoadedCase:
        read.append(case.case_id)
        if case.case_id == "bad":
            raise InputError("bad.mha: cut short; copy it again", code="E-FMT-002")
        return make_loaded(case)

    cases = [make_case("bad"), make_case("good")]
    table, failures = evaluate_robustness(read_codes, cases, run="t", model="A", loader=loader)
    assert read == ["bad", "good"]
    assert failures["case_id"].tolist() == ["bad"]
    assert set(table["case_id"]) == {"good"}


def test_loss_of_resolution_costs_dice() -> None:
    case = make_case("a", annotated=frozenset({"disc"}))
    table, _ = evaluate_robustness(_threshold, [case], run="t", model="A", loader=make_loaded)
    summary = robustness_summary(table)
    worst = summary[summary["severity"] == 4.0]
    assert (worst["robustness_score"] < 1).all()
    assert (worst["absolute_drop"] > 0).all()


@pytest.mark.parametrize("factor", [0.5, float("nan"), float("inf")])
def test_impossible_factors_are_refused(factor: float) -> None:
    with pytest.raises(ValueError, match="factors must be finite and >= 1"):
        evaluate_robustness(read_codes, [], run="t", model="A", factors=(1, factor))


def _table(values: dict[tuple[str, str, float], float]) -> pd.DataFrame:
    """Return a long table from (patient, condition, severity) -> Dice."""
    rows = [
        {
            "run": "t", "model": "A", "case_id": patient, "patient_id": patient, "source": "s",
            "contrast": "T2", "condition": condition, "severity": severity, "structure": structure,
            "metric": metric, "value": number, "unit": unit,
        }
        for (patient, condition, severity), value in values.items()
        for structure, metric, number, unit in (
            ("disc", "dice", value, "1"),
            ("image", "resolution", 0.5 * severity, "mm"),
        )
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(LONG_COLUMNS))


def test_summary_relates_degraded_to_original_as_calculated_by_hand() -> None:
    table = _table(
        {("p", IN_PLANE, 1.0): 0.8, ("q", IN_PLANE, 1.0): 1.0,
         ("p", IN_PLANE, 4.0): 0.4, ("q", IN_PLANE, 4.0): 0.8}
    )  # fmt: skip
    summary = robustness_summary(table)
    assert summary["severity"].tolist() == [1.0, 4.0]
    assert summary["dice"].tolist() == pytest.approx([0.9, 0.6])
    assert summary["robustness_score"].tolist() == pytest.approx([1.0, 2 / 3])
    assert summary["absolute_drop"].tolist() == pytest.approx([0.0, 0.3])
    assert summary["resolution_mm"].tolist() == [0.5, 2.0]
    assert summary["n_patients"].tolist() == [2, 2]


def test_summary_compares_the_same_patients() -> None:
    table = _table(
        {("p", IN_PLANE, 1.0): 0.8, ("q", IN_PLANE, 1.0): 0.2, ("r", IN_PLANE, 1.0): math.nan,
         ("p", IN_PLANE, 2.0): 0.6, ("r", IN_PLANE, 2.0): 0.0}
    )  # fmt: skip
    summary = robustness_summary(table)
    # q was never scored at 2, r is undefined at 1: only p counts at 2, 0.6 / 0.8
    assert summary["robustness_score"].tolist() == pytest.approx([1.0, 0.75])
    assert summary["n_patients"].tolist() == [2, 1]


def test_score_is_undefined_where_the_original_is_zero() -> None:
    table = _table({("p", IN_PLANE, 1.0): 0.0, ("p", IN_PLANE, 2.0): 0.0})
    summary = robustness_summary(table)
    assert summary["robustness_score"].isna().all()
    assert summary["absolute_drop"].tolist() == [0.0, 0.0]


def test_undefined_scores_do_not_enter_the_summary() -> None:
    table = _table({("p", IN_PLANE, 1.0): math.nan, ("q", IN_PLANE, 1.0): 0.5})
    summary = robustness_summary(table)
    assert summary[["dice", "n_patients"]].to_numpy().tolist() == [[0.5, 1]]
