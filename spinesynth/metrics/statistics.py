"""Statistics by patient: scans and slices of one patient are not independent.

Every number here comes from patient means: the scans of one patient are averaged
first, then patients are compared. Undefined scores (NaN, both masks empty) are
left out and counted.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from spinesynth.metrics.signed_ranks import (
    LEAST_PATIENTS,
    count_differing,
    rank_biserial,
    wilcoxon_p,
    word_verdict,
)

#: Of fewer patients a mean is shown without an interval; nominal.
LEAST_FOR_INTERVAL = 3
_RESAMPLES = 10_000
#: Rows with equal values in these columns are tested together.
COMPARISON_KEYS = ("source", "contrast", "condition", "severity", "structure", "metric")
#: In place of the name of a source or contrast: several together.
POOLED = "all"
#: What is taken together: each contrast of each source, each contrast, everything.
SCOPES: dict[str, tuple[str, ...]] = {
    "source and contrast": (),
    "contrast": ("source",),
    "overall": ("source", "contrast"),
}


class Interval(NamedTuple):
    """Hold a mean with its bootstrap interval over ``n`` patients (NaN: undefined)."""

    mean: float
    low: float
    high: float
    n: int


def bootstrap_interval(
    values: npt.ArrayLike, *, seed: int = 0, confidence: float = 0.95
) -> Interval:
    """Return the mean of patients and its percentile bootstrap interval.

    Args:
        values: one number for each patient; NaN is left out.
        seed: of the resampling; the interval depends on it and the values alone.
        confidence: share of resampled means that the interval holds, in (0, 1).

    Returns:
        Mean and interval in the unit of ``values``; with one patient there is a
        mean but no interval, with none there is neither.

    Raises:
        ValueError: if ``confidence`` is out of range.

    Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, ch. 13.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be in (0, 1), got {confidence}")
    numbers = np.asarray(values, dtype=np.float64)
    numbers = numbers[~np.isnan(numbers)]
    count = len(numbers)
    if count == 0:
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    if count == 1:
        return Interval(float(numbers[0]), float("nan"), float("nan"), 1)
    drawn = np.random.default_rng(seed).integers(count, size=(_RESAMPLES, count))
    tail = 50 * (1 - confidence)
    low, high = np.percentile(numbers[drawn].mean(axis=1), (tail, 100 - tail))
    return Interval(float(numbers.mean()), float(low), float(high), count)


def bootstrap_ratio(
    values: npt.ArrayLike, bases: npt.ArrayLike, *, seed: int = 0, confidence: float = 0.95
) -> Interval:
    """Return the ratio of two means of the same patients and its percentile bootstrap interval.

    Args:
        values: one defined number for each patient.
        bases: one defined number >= 0 for each of the same patients.
        seed: of the resampling, which draws patients with both of their numbers.
        confidence: share of resampled ratios that the interval holds, in (0, 1).

    Returns:
        Ratio of the means, NaN if that of ``bases`` is 0, and its interval; none with one
        patient, or where resampled ``bases`` may be 0.

    Raises:
        ValueError: if there are not as many values as bases, or ``confidence`` is out of range.

    Example:
        >>> bootstrap_ratio([0.5, 0.25], [1.0, 0.5])  # each patient keeps half
        Interval(mean=0.5, low=0.5, high=0.5, n=2)
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be in (0, 1), got {confidence}")
    over = np.asarray(values, dtype=np.float64)
    under = np.asarray(bases, dtype=np.float64)
    if over.shape != under.shape:
        raise ValueError(f"values must be as many as bases {under.shape}, got {over.shape}")
    nothing = float("nan")
    if len(under) == 0 or under.mean() <= 0:
        return Interval(nothing, nothing, nothing, len(under))
    ratio = float(over.mean() / under.mean())
    drawn = np.random.default_rng(seed).integers(len(under), size=(_RESAMPLES, len(under)))
    below = under[drawn].mean(axis=1)
    if len(under) == 1 or below.min() <= 0:
        return Interval(ratio, nothing, nothing, len(under))
    tail = 50 * (1 - confidence)
    low, high = np.percentile(over[drawn].mean(axis=1) / below, (tail, 100 - tail))
    return Interval(ratio, float(low), float(high), len(under))


def patient_means(table: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Average the scans of each patient.

    Args:
        table: long table with ``patient_id``, ``value`` and the columns of ``by``.
        by: columns that keep rows apart, such as model, structure and metric.

    Returns:
        One row for each group and patient, sorted: ``*by, patient_id, value``
        (NaN if no scan has a defined score), ``n_cases`` defined and
        ``n_excluded`` undefined scores.
    """
    groups = table.groupby([*by, "patient_id"], sort=True, dropna=False)["value"]
    means = groups.agg(value="mean", n_cases="count", n_rows="size").reset_index()
    means["n_excluded"] = means["n_rows"] - means["n_cases"]
    return means.drop(columns="n_rows")


def summarise(table: pd.DataFrame, by: Sequence[str], *, seed: int = 0) -> pd.DataFrame:
    """Return mean and 95 % interval over patients for each group.

    Args:
        table: long table with ``patient_id``, ``value`` and the columns of ``by``.
        by: columns that keep rows apart.
        seed: of the bootstrap.

    Returns:
        One row for each group, sorted: ``*by, mean, low, high, n_patients,
        n_cases, n_excluded``.
    """
    columns = [*by, "mean", "low", "high", "n_patients", "n_cases", "n_excluded"]
    rows = []
    means = patient_means(table, by)
    for keys, group in means.groupby(list(by), sort=True, dropna=False):
        interval = bootstrap_interval(group["value"].to_numpy(), seed=seed)
        counts = (int(group["n_cases"].sum()), int(group["n_excluded"].sum()))
        rows.append((*keys, *interval, *counts))
    return pd.DataFrame(rows, columns=columns)


def adjust_holm(p_values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Adjust p values for multiple tests by Holm's step-down procedure.

    Args:
        p_values: one family of tests; NaN (no test) stays NaN and is not counted.

    Returns:
        Adjusted p values in the same order, at most 1.

    Source: Holm 1979, Scandinavian Journal of Statistics 6:65.

    Example:
        >>> adjust_holm([0.01, 0.04, 0.03]).tolist()
        [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * p[order]), 1.0)
    return adjusted


def pair_models(
    table: pd.DataFrame, first: str, second: str, by: Sequence[str] = COMPARISON_KEYS
) -> pd.DataFrame:
    """Average the scans of each patient that two models both have a defined score for.

    Args:
        table: long table, one value for each model, case and group.
        first: name of a model.
        second: name of another.
        by: columns that keep rows apart.

    Returns:
        One row for each group and patient, sorted: ``*by, patient_id, first, second,
        value``; ``value`` is first - second.
    """
    keys = [*by, "patient_id", "case_id"]
    wide = table.pivot(index=keys, columns="model", values="value")
    both = wide.reindex(columns=[first, second]).dropna()
    pairs = pd.DataFrame({"first": both[first], "second": both[second]}).reset_index()
    means = pairs.groupby([*by, "patient_id"], sort=True)[["first", "second"]].mean()
    return means.assign(value=means["first"] - means["second"]).reset_index()


def compare_models(table: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Compare each pair of models by a paired Wilcoxon test over patients.

    Scans that either model has no defined score for are left out of both. Holm's
    correction takes all tests of one metric in the table as one family, but for
    those of fewer than 6 patients whose difference is not zero: no p of theirs can be
    below 0.05, so that leaving them out loses nothing (Tarone 1990, Biometrics 46:515,
    doi 10.2307/2531456).

    Args:
        table: long table, one value for each model, case and group.
        seed: of the bootstrap of the mean difference.

    Returns:
        One row for each pair and group: ``source, contrast, condition, severity,
        structure, metric, model, other, difference, low, high, n_patients,
        n_differing, p_value, p_holm, family, rank_biserial, verdict``; ``difference``
        and the sign of ``rank_biserial`` are model - other, ``n_differing`` the
        patients whose difference is not zero, ``family`` the number of tests that are
        corrected together, 0 where the test is no part of one.
    """
    columns = [*COMPARISON_KEYS, "model", "other", "difference", "low", "high", "n_patients"]
    rows = []
    for first, second in itertools.combinations(sorted(table["model"].unique()), 2):
        differences = pair_models(table, first, second)
        for keys, group in differences.groupby(list(COMPARISON_KEYS), sort=True):
            values = group["value"].to_numpy(dtype=np.float64)
            interval = bootstrap_interval(values, seed=seed)
            tested = (count_differing(values), wilcoxon_p(values), rank_biserial(values))
            rows.append((*keys, first, second, *interval, *tested))
    result = pd.DataFrame(rows, columns=[*columns, "n_differing", "p_value", "rank_biserial"])
    adjusted = pd.Series(np.nan, index=result.index, dtype="float64")
    family = pd.Series(0, index=result.index, dtype="int64")
    for _, tests in result[result["n_differing"] >= LEAST_PATIENTS].groupby("metric", sort=True):
        adjusted[tests.index] = adjust_holm(tests["p_value"].to_numpy())
        family[tests.index] = len(tests)
    verdicts = [word_verdict(n, p) for n, p in zip(result["n_differing"], adjusted, strict=True)]
    effect = result.pop("rank_biserial")
    return result.assign(p_holm=adjusted, family=family, rank_biserial=effect, verdict=verdicts)


def compare_by_scope(table: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Compare each pair of models per source and contrast, per contrast, and overall.

    Args:
        table: long table, one value for each model, case and group.
        seed: of the bootstrap of the mean difference.

    Returns:
        ``scope`` and the columns of :func:`compare_models`, with ``all`` in the columns
        that a scope pools. The tests of one metric in one scope are one family.
    """
    found = [
        compare_models(scoped, seed=seed).assign(scope=name) for name, scoped in by_scope(table)
    ]
    result = pd.concat(found, ignore_index=True)
    return result[["scope", *(name for name in result.columns if name != "scope")]]


def by_scope(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return the table once for each of :data:`SCOPES`, with ``all`` where a scope pools."""
    return [
        (name, table.assign(**dict.fromkeys(pooled, POOLED))) for name, pooled in SCOPES.items()
    ]
