"""As good as the model trained on real images: a margin, an interval, three verdicts."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from spinesynth.metrics import judge_non_inferiority, measure_gap


def test_interval_by_hand() -> None:
    # mean 0.02; deviations -2 -1 -1 0 1 3 hundredths: squares sum to 16; sd = sqrt(16/5) hundredths
    found = judge_non_inferiority([0.0, 0.01, 0.01, 0.02, 0.03, 0.05], margin=0.02)
    assert found.mean == pytest.approx(0.02)
    assert found.n == 6
    # Student's quantile of 5 degrees of freedom is 2.5706 in any table
    half = 2.5706 * 0.01 * math.sqrt(16 / 5) / math.sqrt(6)
    # the table has four decimals
    assert found.low == pytest.approx(0.02 - half, abs=1e-6)
    assert found.high == pytest.approx(0.02 + half, abs=1e-6)


@pytest.mark.parametrize(
    ("shift", "verdict"),
    [(0.0, "non-inferior"), (-0.02, "inconclusive"), (-0.04, "inferior"), (0.3, "non-inferior")],
)
def test_verdict_follows_the_interval(shift: float, verdict: str) -> None:
    # mean 0, half width of the 95 % interval about 0.009
    spread = np.array([-0.01, 0.01, -0.005, 0.005, 0.012, -0.012, 0.0])
    assert judge_non_inferiority(spread + shift, margin=0.02).verdict == verdict


def test_few_patients_have_no_verdict() -> None:
    found = judge_non_inferiority([0.3, 0.31, 0.3, 0.32, float("nan")], margin=0.02)
    assert (found.n, found.verdict) == (4, "inconclusive")
    alone = judge_non_inferiority([0.3], margin=0.02)
    assert (alone.mean, alone.verdict) == (0.3, "inconclusive")
    assert math.isnan(alone.low)


@pytest.mark.parametrize("margin", [0.0, -0.1, float("nan"), float("inf")])
def test_margin_must_be_positive(margin: float) -> None:
    with pytest.raises(ValueError, match="margin must be positive, got"):
        judge_non_inferiority([0.1, 0.2], margin=margin)


def test_model_that_loses_the_margin_is_seldom_called_non_inferior() -> None:
    generator = np.random.default_rng(5)
    called = sum(
        judge_non_inferiority(generator.normal(-0.02, 0.03, 8), margin=0.02).verdict
        == "non-inferior"
        for _ in range(400)
    )
    # expected 2.5 % of 400 = 10, standard deviation 3.1: 20 is more than three away
    assert called <= 20


def _long(values: dict[tuple[str, str, str, str], float]) -> pd.DataFrame:
    """Return a long table from (model, patient, case, contrast) -> Dice of discs."""
    rows = [
        {
            "model": model, "patient_id": patient, "case_id": case, "source": "phantom",
            "contrast": contrast, "condition": "standard", "severity": 1.0, "structure": "disc",
            "metric": "dice", "value": value,
        }
        for (model, patient, case, contrast), value in values.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_gap_averages_the_scans_of_a_patient_and_pools_contrasts() -> None:
    table = _long(
        {
            ("A", "p", "p1", "T1"): 0.6, ("B", "p", "p1", "T1"): 0.8,
            ("A", "p", "p2", "T2"): 0.7, ("B", "p", "p2", "T2"): 0.7,
            ("A", "q", "q2", "T2"): 0.9, ("B", "q", "q2", "T2"): 0.8,
            ("A", "r", "r2", "T2"): 0.9,  # B has no score: left out of both
        }
    )  # fmt: skip
    gap = measure_gap(table, "A", "B").set_index(["scope", "contrast"])
    (overall,) = gap.loc[[("overall", "all")]].to_dict("records")
    # p: 0.65 - 0.75, q: 0.9 - 0.8
    assert overall["gap"] == pytest.approx(0.0)
    assert overall["mean_model"] == pytest.approx(0.775)
    assert overall["mean_reference"] == pytest.approx(0.775)
    assert overall["n_patients"] == 2
    assert gap.loc[("contrast", "T1"), "gap"] == pytest.approx(-0.2)
    assert gap.loc[("contrast", "T2"), "gap"] == pytest.approx(0.05)
    assert set(gap["verdict"]) == {"inconclusive"}
    assert set(gap["note"]) == {"fewer than 6 patients: no verdict"}


def test_gap_is_of_dice_alone() -> None:
    table = _long({(m, "p", "p1", "T1"): 0.5 for m in "AB"})
    both = pd.concat([table, table.assign(metric="hd95", value=3.0)])
    assert set(measure_gap(both, "A", "B")["metric"]) == {"dice"}


@pytest.mark.parametrize(
    ("level", "verdict", "note"),
    [(0.8, "non-inferior", ""), (0.1, "inconclusive", "the reference scores below 0.5")],
)
def test_as_good_as_a_model_that_fails_is_no_verdict(level: float, verdict: str, note: str) -> None:
    values = {(model, patient, patient, "T1"): level for model in "AB" for patient in "pqrstu"}
    gap = measure_gap(_long(values), "A", "B")
    assert set(gap["verdict"]) == {verdict}
    assert gap["note"].str.startswith(note).all()
    assert bool((gap["note"] == "").all()) == (verdict == "non-inferior")
