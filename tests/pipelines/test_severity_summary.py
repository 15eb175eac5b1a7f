"""What is kept as severity rises is told of the same scans and structures, for all models."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from spinesynth.pipelines.evaluate import LONG_COLUMNS
from spinesynth.pipelines.severity_summary import (
    model_differences,
    severity_areas,
    severity_summary,
    spread_original,
    worst_conditions,
)

NAN = math.nan
#: Dice of a scan, which is a patient's only one, at severities 0, 1, ...; None: no row.
Curve = tuple[float | None, ...]


def _table(curves: dict[tuple[str, str, str, str], Curve]) -> pd.DataFrame:
    """Return a table from (model, structure, condition, patient) -> Dice at each severity."""
    rows = [
        {
            "run": "t", "model": model, "case_id": patient, "patient_id": patient,
            "source": "s", "contrast": "T2", "condition": condition, "severity": float(severity),
            "structure": structure, "metric": "dice", "value": value, "unit": "1",
        }
        for (model, structure, condition, patient), curve in curves.items()
        for severity, value in enumerate(curve)
        if value is not None
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(LONG_COLUMNS))


def _summary(table: pd.DataFrame, *, mean: bool = False) -> pd.DataFrame:
    return severity_summary(table, original=0.0, record="level", mean=mean)


def test_curve_area_and_worst_case_as_calculated_by_hand() -> None:
    table = _table(
        {("A", "disc", "noise", "p"): (0.8, 0.8, 0.4),
         ("A", "canal", "noise", "p"): (0.4, 0.2, 0.3)}
    )  # fmt: skip
    summary = _summary(table, mean=True)
    curves = summary.set_index(["structure", "severity"])
    assert curves["dice"].xs("mean").tolist() == pytest.approx([0.6, 0.5, 0.35])
    assert curves["robustness_score"].xs("disc").tolist() == pytest.approx([1, 1, 0.5])
    areas = severity_areas(table, mean=True).set_index("structure")
    # trapezia over severities 0, 1, 2: (0.8 + 0.6) / 2, and (1 + 0.75) / 2 of the score
    assert areas.loc["disc", "area_dice"] == pytest.approx(0.7)
    assert areas.loc["disc", "area_score"] == pytest.approx(0.875)
    assert areas.loc["disc", "severities"] == "0 1 2"
    worst = worst_conditions(summary).set_index("structure")
    assert worst["severity"].to_dict() == {"canal": 1.0, "disc": 2.0, "mean": 2.0}


def test_scans_that_a_severity_leaves_out_count_on_neither_side() -> None:
    table = _table(
        {("A", "disc", "noise", "p"): (0.8, 0.4, 0.4), ("A", "disc", "noise", "q"): (0.2, 0.2)}
    )
    summary = _summary(table)
    assert summary["n_patients"].tolist() == [2, 2, 1]
    assert summary["n_dropped"].tolist() == [0, 0, 1]
    assert summary["robustness_score"].tolist() == pytest.approx([1.0, 0.6, 0.5])


def test_the_worst_condition_is_the_largest_drop_of_its_own_scans() -> None:
    # only the hard scan can take thicker slices: 0.3 is the lowest Dice, and a loss of 0.1 alone
    table = _table(
        {("A", "disc", "noise", "easy"): (0.9, 0.5), ("A", "disc", "noise", "hard"): (0.4, 0.4),
         ("A", "disc", "through_plane_resolution", "hard"): (0.4, 0.3)}
    )  # fmt: skip
    worst = worst_conditions(_summary(table)).iloc[0]
    assert worst["condition"] == "noise"
    assert worst["absolute_drop"] == pytest.approx(0.2)  # (0.4 + 0) / 2


def test_a_model_does_not_win_by_failing() -> None:
    # B fails on the hard scan, and is worse on the other: of that alone both are told
    table = _table(
        {("A", "disc", "noise", "easy"): (0.9, 0.8), ("A", "disc", "noise", "hard"): (0.5, 0.2),
         ("B", "disc", "noise", "easy"): (0.9, 0.7), ("B", "disc", "noise", "hard"): (0.5, None)}
    )  # fmt: skip
    points = _summary(table).set_index(["model", "severity"])
    assert points["dice"].to_dict() == pytest.approx(
        {("A", 0.0): 0.7, ("A", 1.0): 0.8, ("B", 0.0): 0.7, ("B", 1.0): 0.7}
    )
    assert points["n_dropped"].tolist() == [0, 1, 0, 1]
    areas = severity_areas(table).set_index("model")["area_dice"]
    assert areas.to_dict() == pytest.approx({"A": 0.85, "B": 0.8})  # of the easy scan


def test_a_model_that_fails_on_all_has_no_point_and_takes_none_away() -> None:
    table = _table(
        {("A", "disc", "noise", "p"): (0.9, 0.8), ("B", "disc", "noise", "p"): (0.9, None)}
    )
    assert _summary(table)[["model", "severity"]].to_numpy().tolist() == [
        ["A", 0.0], ["A", 1.0], ["B", 0.0],
    ]  # fmt: skip
    assert severity_areas(table)["model"].tolist() == ["A"]


def test_areas_are_of_scans_that_took_every_severity() -> None:
    # the poor scan ends at severity 1; with it, the curve would rise from 0.5 to 0.8
    table = _table(
        {("A", "disc", "noise", "good"): (0.8, 0.8, 0.8),
         ("A", "disc", "noise", "poor"): (0.2, 0.2)}
    )  # fmt: skip
    area = severity_areas(table).iloc[0]
    assert (area["area_dice"], area["n_patients"]) == (pytest.approx(0.8), 1)
    nobody = _table(
        {("A", "disc", "noise", "p"): (0.8, 0.8), ("A", "disc", "noise", "q"): (0.8, None, 0.8)}
    )
    assert severity_areas(nobody).empty


def test_a_crop_that_takes_the_hard_structure_away_raises_no_mean() -> None:
    table = _table(
        {("A", "disc", "field_of_view", "p"): (0.4, NAN),
         ("A", "canal", "field_of_view", "p"): (0.8, 0.7)}
    )  # fmt: skip
    points = _summary(table, mean=True).set_index(["structure", "severity"])
    assert points.loc[("mean", 0.0), "dice"] == pytest.approx(0.6)
    # of the canal alone, before and after: 0.7 after 0.8, not after 0.6
    assert points.loc[("mean", 1.0), "dice"] == pytest.approx(0.7)
    assert points.loc[("mean", 1.0), "absolute_drop"] == pytest.approx(0.1)
    area = severity_areas(table, mean=True).set_index("structure").loc["mean"]
    assert area["area_dice"] == pytest.approx(0.75)  # between 0.8 and 0.7 of the canal


def test_models_share_the_structures_of_their_mean() -> None:
    # B has no class for the canal: the mean is of discs for both, the canal of A stands alone
    table = _table(
        {("A", "disc", "noise", "p"): (0.5, 0.4), ("A", "canal", "noise", "p"): (0.9, 0.8),
         ("B", "disc", "noise", "p"): (0.6, 0.5)}
    )  # fmt: skip
    points = _summary(table, mean=True).set_index(["structure", "model", "severity"])["dice"]
    assert points["mean"].to_dict() == pytest.approx(
        {("A", 0.0): 0.5, ("A", 1.0): 0.4, ("B", 0.0): 0.6, ("B", 1.0): 0.5}
    )
    assert points["canal"].to_dict() == {("A", 0.0): 0.9, ("A", 1.0): 0.8}


def test_scans_of_a_patient_are_averaged_first() -> None:
    table = _table(
        {("A", "disc", "noise", "p"): (0.8, 0.4), ("A", "disc", "noise", "p2"): (0.8, 0.6),
         ("A", "disc", "noise", "q"): (0.8, 0.1)}
    ).replace({"patient_id": {"p2": "p"}})  # fmt: skip
    point = _summary(table).set_index("severity").loc[1.0]
    assert point["dice"] == pytest.approx(0.3)  # (0.5 + 0.1) / 2
    assert point["n_patients"] == 2


def test_scores_and_differences_have_intervals_of_patients() -> None:
    table = _table(
        {("A", "disc", "noise", "p"): (0.8, 0.4), ("A", "disc", "noise", "q"): (0.4, 0.2),
         ("B", "disc", "noise", "p"): (0.8, 0.3), ("B", "disc", "noise", "q"): (0.8, 0.0)}
    )  # fmt: skip
    points = _summary(table).query("severity == 1").set_index("model")
    shown = ["robustness_score", "score_low", "score_high"]
    # each patient keeps half with A; with B one keeps 3/8 and one nothing
    assert [points[name]["A"] for name in shown] == pytest.approx([0.5, 0.5, 0.5])
    assert [points[name]["B"] for name in shown] == pytest.approx([0.1875, 0, 0.375])
    gap = model_differences(table).query("severity == 1").iloc[0]
    assert (gap["model"], gap["other"], gap["n_patients"]) == ("A", "B", 2)
    # of p 0.1, of q 0.2; a quarter of the resamples holds one of them twice
    assert [gap[name] for name in ("difference", "low", "high")] == pytest.approx([0.15, 0.1, 0.2])


def test_the_untouched_scans_are_those_of_each_condition() -> None:
    table = _table(
        {("A", "disc", "original", "p"): (0.8,), ("A", "disc", "original", "q"): (0.6,),
         ("A", "disc", "noise", "p"): (None, 0.4)}
    )  # fmt: skip
    spread = spread_original(table, name="original", order=["rotation", "noise"])
    assert spread[["condition", "case_id", "severity"]].to_numpy().tolist() == [
        ["noise", "p", 0.0], ["noise", "p", 1.0],
    ]  # fmt: skip
