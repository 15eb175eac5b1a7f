"""Bland-Altman's numbers against sums by hand and an independent fit."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from spinesynth.metrics import agree_volumes, bland_altman, pair_volumes


def test_bias_and_limits_by_hand() -> None:
    # mean 3; deviations -2 -1 0 1 2: squares sum to 10, sd = sqrt(10 / 4)
    found = bland_altman([1.0, 2.0, 3.0, 4.0, 5.0], [10.0, 10.0, 10.0, 10.0, 10.0])
    sd = math.sqrt(2.5)
    assert found.bias == 3.0
    assert found.lower == pytest.approx(3 - 1.96 * sd)
    assert found.upper == pytest.approx(3 + 1.96 * sd)
    # Student's quantile of 4 degrees of freedom is 2.7764 in any table
    assert found.bias_high - 3 == pytest.approx(2.7764 * sd / math.sqrt(5), rel=1e-4)
    assert found.limit_half_width == pytest.approx(
        2.7764 * sd * math.sqrt(1 / 5 + 1.96**2 / 8), rel=1e-4
    )
    assert math.isnan(found.slope)  # equal means have no slope


def test_limits_hold_95_percent_of_a_normal_distribution() -> None:
    drawn = np.random.default_rng(0).normal(1.0, 2.0, 4000)
    found = bland_altman(drawn, np.arange(4000.0))
    inside = np.mean((drawn > found.lower) & (drawn < found.upper))
    # binomial standard deviation of 4000 draws: 0.34 %
    assert inside == pytest.approx(0.95, abs=0.0105)
    # standard error of the bias 2 / sqrt(4000) = 0.032
    assert found.bias == pytest.approx(1.0, abs=0.1)


def test_slope_is_that_of_least_squares() -> None:
    generator = np.random.default_rng(1)
    means = generator.uniform(5, 50, 30)
    differences = 0.1 * means + generator.normal(0, 0.5, 30)
    found = bland_altman(differences, means)
    slope, _ = np.polyfit(means, differences, 1)
    assert found.slope == pytest.approx(slope)
    assert found.slope_p < 1e-6


def test_unknown_mean_leaves_only_the_slope_without_a_patient() -> None:
    found = bland_altman([0.0, 1.0, 2.0, 3.0], [float("nan"), 10.0, 20.0, 30.0])
    assert (found.bias, found.n) == (1.5, 4)
    assert found.slope == pytest.approx(0.1)


def test_two_patients_have_a_bias_but_no_limits() -> None:
    found = bland_altman([1.0, 2.0], [10.0, 20.0])
    assert (found.bias, found.n) == (1.5, 2)
    assert math.isnan(found.lower)
    assert math.isnan(bland_altman([], []).bias)


def _volumes(rows: list[tuple[str, str, float, float]]) -> pd.DataFrame:
    """Return a long table from (patient, case, predicted ml, true ml)."""
    long = []
    for patient, case, predicted, true in rows:
        error = predicted - true
        middle = (predicted + true) / 2
        for metric, value in (
            ("volume_error", error), ("relative_volume_error", error / middle), ("dice", 0.5),
        ):  # fmt: skip
            long.append(
                {
                    "model": "A", "source": "s", "contrast": "T2", "structure": "disc",
                    "patient_id": patient, "case_id": case, "metric": metric, "value": value,
                }
            )  # fmt: skip
    return pd.DataFrame(long)


def test_volumes_follow_from_both_errors() -> None:
    pairs = pair_volumes(
        _volumes([("p", "1", 12, 10), ("p", "2", 14, 10), ("q", "3", 0, 8), ("r", "4", 6, 6)])
    )
    # p: differences 2 and 4, means 11 and 12; q: missed; r: exact, so its mean is not known
    assert pairs["difference_ml"].tolist() == pytest.approx([3, -8, 0])
    assert pairs["mean_ml"].tolist() == pytest.approx([11.5, 4, float("nan")], nan_ok=True)


def test_note_names_a_difference_that_grows_with_size() -> None:
    rows = [(str(n), str(n), 1.2 * n + 0.01 * (n % 2), 1.0 * n) for n in range(5, 15)]
    (row,) = agree_volumes(pair_volumes(_volumes(rows))).to_dict("records")
    assert row["note"] == "difference grows with size"
    # 0.2 n over 1.1 n
    assert row["slope"] == pytest.approx(0.2 / 1.1, rel=0.02)
    (few,) = agree_volumes(pair_volumes(_volumes(rows[:2]))).to_dict("records")
    assert few["note"] == "too few patients for limits"


def test_runs_without_volumes_have_no_agreement() -> None:
    table = _volumes([("p", "1", 12, 10)])
    assert agree_volumes(pair_volumes(table[table["metric"] == "dice"])).empty
