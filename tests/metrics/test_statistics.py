"""Statistics average within patients first, count what they leave out, and are seeded."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap, wilcoxon

from spinesynth.metrics import (
    adjust_holm,
    bootstrap_interval,
    compare_by_scope,
    compare_models,
    patient_means,
    summarise,
)


def _long(values: dict[tuple[str, str, str], float]) -> pd.DataFrame:
    """Return a long table from (model, patient, case) -> value."""
    rows = [
        {
            "model": model, "patient_id": patient, "case_id": case, "source": "phantom",
            "contrast": "T2", "condition": "standard", "severity": 1.0, "structure": "disc",
            "metric": "dice", "value": value,
        }
        for (model, patient, case), value in values.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_scans_of_one_patient_are_averaged_before_patients() -> None:
    table = _long({("A", "p", "1"): 0.2, ("A", "p", "2"): 0.4, ("A", "q", "3"): 0.9})
    summary = summarise(table, ["model"])
    # patients 0.3 and 0.9, not scans 0.2, 0.4, 0.9
    assert summary["mean"].tolist() == pytest.approx([0.6])
    assert summary[["n_patients", "n_cases", "n_excluded"]].to_numpy().tolist() == [[2, 3, 0]]


def test_undefined_scores_are_left_out_and_counted() -> None:
    nan = float("nan")
    table = _long({("A", "p", "1"): nan, ("A", "p", "2"): 0.4, ("A", "q", "3"): nan})
    means = patient_means(table, ["model"])
    assert means["value"].tolist() == pytest.approx([0.4, nan], nan_ok=True)
    assert means["n_excluded"].tolist() == [1, 1]
    summary = summarise(table, ["model"])
    assert summary["mean"].tolist() == pytest.approx([0.4])
    assert summary[["n_patients", "n_cases", "n_excluded"]].to_numpy().tolist() == [[1, 1, 2]]


def test_a_group_without_any_score_has_no_mean() -> None:
    summary = summarise(_long({("A", "p", "1"): float("nan")}), ["model"])
    assert summary["n_patients"].tolist() == [0]
    assert summary[["mean", "low", "high"]].isna().all(axis=None)


def test_interval_agrees_with_scipy() -> None:
    values = np.random.default_rng(3).uniform(0.5, 1.0, 25)
    interval = bootstrap_interval(values, seed=1)
    oracle = bootstrap(
        (values,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(9)
    ).confidence_interval
    # two independent draws of 10 000: the ends of the interval scatter by a few per mille
    assert interval.low == pytest.approx(oracle.low, abs=0.003)
    assert interval.high == pytest.approx(oracle.high, abs=0.003)
    assert interval.mean == pytest.approx(values.mean())


def test_interval_depends_on_the_seed_alone() -> None:
    values = np.random.default_rng(2).uniform(size=20)
    np.random.seed(0)
    first = bootstrap_interval(values, seed=4)
    np.random.seed(1)
    assert bootstrap_interval(values, seed=4) == first
    assert bootstrap_interval(values, seed=5) != first


@given(st.lists(st.floats(0, 1), min_size=2, max_size=12))
def test_interval_holds_the_mean_within_the_range_of_the_values(values: list[float]) -> None:
    interval = bootstrap_interval(values)
    assert min(values) - 1e-12 <= interval.low <= interval.high <= max(values) + 1e-12


def test_one_patient_has_a_mean_but_no_interval() -> None:
    interval = bootstrap_interval([0.7])
    assert (interval.mean, interval.n) == (0.7, 1)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


def test_interval_refuses_an_impossible_confidence() -> None:
    with pytest.raises(ValueError, match=r"confidence must be in \(0, 1\), got 95"):
        bootstrap_interval([0.1, 0.2], confidence=95)


def test_holm_steps_down_and_never_decreases() -> None:
    # sorted 0.005 0.01 0.03 0.04 x 4 3 2 1 = 0.02 0.03 0.06 0.04, then the running maximum
    assert adjust_holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx(
        [0.03, 0.06, 0.06, 0.02]
    )


def test_holm_does_not_count_tests_that_were_not_made() -> None:
    assert adjust_holm([float("nan"), 0.02]).tolist() == pytest.approx(
        [float("nan"), 0.02], nan_ok=True
    )


def test_holm_stays_at_most_one() -> None:
    assert adjust_holm([0.9, 0.8]).tolist() == [1.0, 1.0]


def test_models_are_compared_over_patients_with_scipy_s_test() -> None:
    generator = np.random.default_rng(0)
    base, gain = generator.uniform(0.5, 0.8, 9), generator.uniform(-0.02, 0.1, 9)
    values = {}
    for index in range(9):
        # two scans a patient, placed evenly round the patient's mean
        for case, shift in (("x", -0.1), ("y", 0.1)):
            values["A", f"p{index}", f"{index}{case}"] = base[index] + gain[index] + shift
            values["B", f"p{index}", f"{index}{case}"] = base[index] + shift
    result = compare_models(_long(values))
    assert result[["model", "other"]].to_numpy().tolist() == [["A", "B"]]
    assert result["difference"].tolist() == pytest.approx([gain.mean()])
    assert result["n_patients"].tolist() == [9]
    assert result["p_value"].tolist() == pytest.approx([wilcoxon(gain).pvalue])


def test_a_scan_that_one_model_has_no_score_for_is_left_out_of_both() -> None:
    values = {
        ("A", "p", "1"): 0.9, ("B", "p", "1"): 0.7,
        ("A", "p", "2"): float("nan"), ("B", "p", "2"): 0.0,
        ("A", "q", "3"): 0.8,
    }  # fmt: skip
    result = compare_models(_long(values))
    assert result["difference"].tolist() == pytest.approx([0.2])
    assert result["n_patients"].tolist() == [1]
    assert result["p_value"].isna().tolist() == [True]


def test_equal_models_do_not_differ() -> None:
    values = {(model, str(n), str(n)): 0.5 + n / 10 for model in "AB" for n in range(4)}
    assert compare_models(_long(values))["p_value"].tolist() == [1.0]


def test_holm_takes_all_tests_of_one_metric_as_one_family() -> None:
    values = {
        (model, str(n), str(n)): 0.5 + n / 50 * (model == "A")
        for model in "AB"
        for n in range(1, 9)
    }
    disc = _long(values)
    table = pd.concat(
        [disc, disc.assign(structure="canal"), disc.assign(metric="hd95")], ignore_index=True
    )
    result = compare_models(table)
    # eight patients, all differences of one sign: p = 2 / 2**8
    assert result["p_value"].tolist() == pytest.approx([2 / 256] * 3)
    by_metric = dict(zip(result["metric"], result["p_holm"], strict=True))
    assert by_metric == pytest.approx({"dice": 4 / 256, "hd95": 2 / 256})


def test_one_model_alone_gives_no_comparison() -> None:
    result = compare_models(_long({("A", "p", "1"): 0.9}))
    assert result.empty
    assert "p_holm" in result.columns


def test_interval_covers_the_true_mean_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(17)
    inside = 0
    for _ in range(200):
        interval = bootstrap_interval(generator.normal(0.8, 0.05, 20))
        inside += interval.low <= 0.8 <= interval.high
    # percentiles of 20 values are known to be narrow: about 93 % of the 95; three binomial standard
    # deviations of 200 trials are 5.4 %
    assert 0.875 <= inside / 200 <= 0.985


def _two_models(patients: int, contrast: str, gain: float) -> pd.DataFrame:
    """Return A above B by a little more in each further patient."""
    values = {
        (model, f"{contrast}{n}", f"{contrast}{n}"): 0.5 + (model == "A") * gain * n
        for model in "AB"
        for n in range(1, patients + 1)
    }
    return _long(values).assign(contrast=contrast, source=contrast)


def test_tests_of_few_patients_are_no_part_of_the_family() -> None:
    table = pd.concat([_two_models(7, "T1", 0.01), _two_models(5, "T2", 0.01)])
    many, few = compare_models(table).sort_values("contrast").to_dict("records")
    assert (many["family"], few["family"]) == (1, 0)
    assert many["p_holm"] == pytest.approx(2 / 2**7)
    assert math.isnan(few["p_holm"])
    assert few["p_value"] == pytest.approx(2 / 2**5)
    assert many["verdict"] == "different"
    assert "no p can be below 0.05" in few["verdict"]
    assert many["rank_biserial"] == few["rank_biserial"] == 1.0


def test_patients_who_do_not_differ_make_no_test() -> None:
    same = _two_models(8, "T2", 0.0)
    same.loc[(same["model"] == "A") & same["patient_id"].isin([f"T2{n}" for n in range(1, 6)]),
             "value"] += 0.1  # fmt: skip
    table = pd.concat([_two_models(7, "T1", 0.01), same])
    many, few = compare_models(table).sort_values("contrast").to_dict("records")
    assert (few["n_patients"], few["n_differing"], few["family"]) == (8, 5, 0)
    assert (many["n_patients"], many["n_differing"], many["family"]) == (7, 7, 1)
    assert few["p_value"] == pytest.approx(2 / 2**5)
    assert "no p can be below 0.05" in few["verdict"]


def test_scopes_pool_contrasts_and_are_families_of_their_own() -> None:
    table = pd.concat([_two_models(7, "T1", 0.01), _two_models(6, "T2", -0.02)])
    result = compare_by_scope(table).set_index(["scope", "contrast"])
    (overall,) = result.loc[[("overall", "all")]].to_dict("records")
    # 0.01 (1 + ... + 7) - 0.02 (1 + ... + 6) over 13 patients
    assert overall["difference"] == pytest.approx((0.28 - 0.42) / 13)
    assert (overall["n_patients"], overall["family"]) == (13, 1)
    assert result.loc[("contrast", "T1"), "family"] == 2
    assert result.loc[("contrast", "T2"), "rank_biserial"] == -1.0
    assert result.loc[("contrast", "T2"), "source"] == "all"
