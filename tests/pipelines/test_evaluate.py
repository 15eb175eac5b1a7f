"""Evaluation scores what is annotated, on the source's grid, and survives a bad case."""

from __future__ import annotations

import math

import pandas as pd
import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.errors import InputError
from spinesynth.io.case import Case
from spinesynth.io.load_case import LoadedCase
from spinesynth.metrics import HEADLINE_METRICS, METRICS
from spinesynth.pipelines.evaluate import (
    FAILURE_COLUMNS,
    LONG_COLUMNS,
    CaseResult,
    Evaluation,
    Predictor,
    evaluate_cases,
)
from tests.pipelines.fabricated import make_case, make_loaded, read_codes, read_codes_shifted


def _evaluate(
    predictor: Predictor, *cases: Case, condition: str = "standard", severity: float = 1.0
) -> Evaluation:
    return evaluate_cases(
        predictor, cases, run="test", model="A", condition=condition, severity=severity,
        loader=make_loaded,
    )  # fmt: skip


def _scores(table: pd.DataFrame, metric: str) -> dict[str, float]:
    rows = table[table["metric"] == metric]
    return dict(zip(rows["structure"], rows["value"], strict=True))


def test_a_perfect_predictor_scores_perfectly() -> None:
    table, failures = _evaluate(read_codes, make_case("a"))
    groups = ("vertebra", "body", "posterior", "disc", "canal")
    assert _scores(table, "dice") == dict.fromkeys(groups, 1.0)
    assert _scores(table, "hd95") == dict.fromkeys(groups, 0.0)
    assert failures.empty


def test_a_shifted_predictor_scores_as_calculated_by_hand() -> None:
    table, _ = _evaluate(read_codes_shifted, make_case("a"))
    # each box is 4 voxels wide along J and shifts by 1: 3 of 4 in common, Dice 2 x 3 / 8
    assert _scores(table, "dice") == pytest.approx(
        {"vertebra": 0.75, "body": 0.75, "posterior": 0.75, "disc": 0.75, "canal": 0.75}
    )
    # ends of the boxes lie one voxel of 1 mm apart, and no other axis comes closer
    assert _scores(table, "hd95") == pytest.approx(
        {"vertebra": 1.0, "body": 1.0, "posterior": 1.0, "disc": 1.0, "canal": 1.0}
    )


def test_every_metric_is_measured_and_the_headlines_come_first() -> None:
    table, _ = _evaluate(read_codes, make_case("a", annotated=frozenset({"canal"})))
    assert table["metric"].tolist() == list(METRICS)
    assert tuple(table["metric"][: len(HEADLINE_METRICS)]) == HEADLINE_METRICS
    assert table["unit"].tolist() == [metric.unit for metric in METRICS.values()]


@pytest.mark.parametrize(("axis", "step_mm"), [(0, 4.0), (1, 1.0), (2, 2.0)])
def test_distances_follow_the_spacing_of_each_axis(axis: int, step_mm: float) -> None:
    def shift(image: MetaTensor) -> Tensor:
        return torch.roll(read_codes(image), 1, dims=axis)

    table, _ = _evaluate(shift, make_case("a", annotated=frozenset({"canal"})))
    # the canal's box has sides of 4, 4 and 16 voxels: its end face is more than 5 % of its surface
    assert _scores(table, "hd95") == pytest.approx({"canal": step_mm})


def test_the_long_table_has_its_columns_and_labels() -> None:
    case = make_case("a1", patient_id="p", source="s", contrast="T2_SPACE")
    table, _ = _evaluate(read_codes, case, condition="blur", severity=3.0)
    assert tuple(table.columns) == LONG_COLUMNS
    first = table.iloc[0].to_dict()
    assert first == {
        "run": "test", "model": "A", "case_id": "a1", "patient_id": "p", "source": "s",
        "contrast": "T2_SPACE", "condition": "blur", "severity": 3.0, "structure": "vertebra",
        "metric": "dice", "value": 1.0, "unit": "1",
    }  # fmt: skip
    assert set(table.loc[table["metric"] == "hd95", "unit"]) == {"mm"}


@pytest.mark.parametrize(
    ("annotated", "scored"),
    [({"body"}, ["body"]), ({"disc"}, ["disc"]), ({"vertebra", "canal"}, ["vertebra", "canal"])],
)
def test_only_what_a_source_annotates_is_scored(annotated: set[str], scored: list[str]) -> None:
    table, _ = _evaluate(read_codes, make_case("a", annotated=frozenset(annotated)))
    assert list(table["structure"].unique()) == scored


def test_split_predictions_are_united_for_whole_vertebrae() -> None:
    table, _ = _evaluate(read_codes, make_case("a", annotated=frozenset({"vertebra"})))
    assert _scores(table, "dice") == {"vertebra": 1.0}


def test_what_nobody_drew_is_undefined_and_what_is_missed_costs() -> None:
    def nothing(image: MetaTensor) -> Tensor:
        return torch.zeros_like(read_codes(image))

    table, _ = _evaluate(nothing, make_case("a", annotated=frozenset({"disc", "sacrum"})))
    dice = _scores(table, "dice")
    assert math.isnan(dice["sacrum"])
    assert dice["disc"] == 0.0
    # 8 x 4 mm, 16 x 1 mm, 24 x 2 mm
    assert _scores(table, "hd95")["disc"] == pytest.approx(math.hypot(32, 16, 48))


def test_one_bad_case_is_reported_and_does_not_stop_the_others() -> None:
    def loader(case: Case) -> LoadedCase:
        if case.case_id == "torn":
            raise InputError("torn.mha: cut short; copy it again", code="E-FMT-002")
        return make_loaded(case)

    cases = [make_case(name) for name in ("a", "torn", "b")]
    table, failures = evaluate_cases(read_codes, cases, run="test", model="A", loader=loader)
    assert list(table["case_id"].unique()) == ["a", "b"]
    assert tuple(failures.columns) == FAILURE_COLUMNS
    assert failures[["case_id", "code", "message"]].to_numpy().tolist() == [
        ["torn", "E-FMT-002", "torn.mha: cut short; copy it again"]
    ]


def _nan(image: MetaTensor) -> Tensor:
    return torch.full_like(image.as_tensor()[0], float("nan"))


def _floats(image: MetaTensor) -> Tensor:
    return image.as_tensor()[0]


def _other_grid(image: MetaTensor) -> Tensor:
    return read_codes(image)[:, 1:]


def _unknown_code(image: MetaTensor) -> Tensor:
    return read_codes(image).int() + 100


@pytest.mark.parametrize(
    ("predictor", "message"),
    [
        (_nan, "integer Structure codes, got NaN"),
        (_floats, "integer Structure codes, got torch.float32"),
        (_other_grid, "shape of the image (8, 16, 24), got (8, 15, 24)"),
        (_unknown_code, "must hold Structure codes, got [100, 101"),
    ],
)
def test_an_impossible_prediction_has_no_score(predictor: Predictor, message: str) -> None:
    table, failures = _evaluate(predictor, make_case("a"))
    assert table.empty
    assert message in failures["message"].item()
    assert failures["code"].item() == "E-EVAL-001"


def test_an_error_in_the_code_is_not_taken_for_a_bad_case() -> None:
    def broken(image: MetaTensor) -> Tensor:
        return image.no_such_method()  # type: ignore[attr-defined, no-any-return]

    with pytest.raises(AttributeError, match="no_such_method"):
        _evaluate(broken, make_case("a"))


@pytest.mark.parametrize("missing", ["image", "structure"])
def test_a_case_without_image_or_label_map_is_a_failure(missing: str) -> None:
    def loader(case: Case) -> LoadedCase:
        full = make_loaded(case)
        kept = {"image": full.image, "structure": full.structure, missing: None}
        return LoadedCase(case, kept["image"], kept["structure"], None)

    table, failures = evaluate_cases(
        read_codes, [make_case("a")], run="test", model="A", loader=loader
    )
    assert table.empty
    assert "case a needs an image and a label map" in failures["message"].item()


def test_a_case_given_twice_is_refused() -> None:
    with pytest.raises(InputError, match="case_id must be unique, got a more than once"):
        _evaluate(read_codes, make_case("a"), make_case("b"), make_case("a"))


def test_no_case_gives_tables_with_columns_and_no_rows() -> None:
    table, failures = _evaluate(read_codes)
    assert (tuple(table.columns), len(table)) == (LONG_COLUMNS, 0)
    assert (tuple(failures.columns), len(failures)) == (FAILURE_COLUMNS, 0)


def test_the_image_is_prepared_and_each_result_handed_on() -> None:
    seen: list[CaseResult] = []

    def erase(image: MetaTensor) -> MetaTensor:
        return MetaTensor(torch.zeros_like(image.as_tensor()), affine=image.affine)

    evaluate_cases(
        read_codes, [make_case("a")], run="test", model="A", prepare=erase, on_case=seen.append,
        loader=make_loaded,
    )  # fmt: skip
    (result,) = seen
    assert int(result.prediction.max()) == 0
    assert int(result.reference.max()) == 4
    assert result.spacing_mm == (4.0, 1.0, 2.0)
    assert result.table["case_id"].unique().tolist() == ["a"]


def test_prediction_order_follows_the_cases() -> None:
    names = ["c", "a", "b"]
    table, _ = _evaluate(read_codes, *(make_case(name) for name in names))
    assert list(table["case_id"].unique()) == names


class _Limited:
    """Predict perfectly, with classes for some report groups only."""

    def __init__(self, *groups: str) -> None:
        self.groups = frozenset(groups)

    def __call__(self, image: MetaTensor, /) -> Tensor:
        return read_codes(image)


def test_a_structure_without_a_class_is_not_scored() -> None:
    table, failures = _evaluate(_Limited("vertebra", "disc"), make_case("a"))
    assert _scores(table, "dice") == {"vertebra": 1.0, "disc": 1.0}
    assert failures.empty


def test_a_case_without_any_structure_in_common_is_a_failure() -> None:
    bodies = make_case("b", annotated=frozenset({"body"}))
    table, failures = _evaluate(_Limited("vertebra", "disc"), bodies, make_case("a"))
    assert list(table["case_id"].unique()) == ["a"]
    assert failures[["case_id", "code"]].to_numpy().tolist() == [["b", "E-EVAL-002"]]
    assert "annotates only body" in failures["message"].item()
