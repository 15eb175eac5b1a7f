"""The two ways in which the field pools scores of instances, under their names.

=================== ============================================================
name                what is averaged
=================== ============================================================
``mean_over_cases`` instances of a case, then cases of a patient, then patients:
                    every patient weighs the same
``pooled_instances`` all instances of all cases at once, as SPIDER's baseline
                    code does: a case with more vertebrae weighs more
=================== ============================================================

They differ wherever cases have different numbers of instances, so a number says
which of the two it is. The intervals of both come from drawing patients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from spinesynth.metrics.statistics import Interval, bootstrap_interval

_RESAMPLES = 10_000
FloatArray = npt.NDArray[np.float64]


def _mean_over_cases(table: pd.DataFrame, seed: int) -> Interval:
    """Average instances, then cases, then patients."""
    cases = table.groupby(["patient_id", "case_id"], sort=True)["value"].mean()
    patients = cases.groupby(level="patient_id", sort=True).mean()
    return bootstrap_interval(patients.to_numpy(dtype=np.float64), seed=seed)


def _pooled_instances(table: pd.DataFrame, seed: int) -> Interval:
    """Average all instances; the interval draws patients with all of their instances."""
    patients = table.groupby("patient_id", sort=True)["value"].agg(["sum", "count"])
    sums, counts = (patients[name].to_numpy(dtype=np.float64) for name in ("sum", "count"))
    number = len(counts)
    if number == 0:
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    mean = float(sums.sum() / counts.sum())
    if number == 1:
        return Interval(mean, float("nan"), float("nan"), 1)
    drawn = np.random.default_rng(seed).integers(number, size=(_RESAMPLES, number))
    means: FloatArray = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return Interval(mean, float(low), float(high), number)


#: Name of a way of pooling -> mean and 95 % interval over patients of a table of instances,
#: all of whose values are defined.
POOLINGS: dict[str, Callable[[pd.DataFrame, int], Interval]] = {
    "mean_over_cases": _mean_over_cases,
    "pooled_instances": _pooled_instances,
}


def pool_instances(table: pd.DataFrame, by: Sequence[str], *, seed: int = 0) -> pd.DataFrame:
    """Return means of instances in both ways of pooling for each group.

    Args:
        table: one row for each instance with ``patient_id``, ``case_id``,
            ``value`` and the columns of ``by``; an undefined value (NaN) is left
            out and counted.
        by: columns that keep rows apart, such as model, structure and metric.
        seed: of the bootstrap.

    Returns:
        Two rows for each group, sorted: ``*by, pooling, mean, low, high,
        n_patients, n_cases, n_instances, n_excluded``; interval as in
        :func:`~spinesynth.metrics.statistics.bootstrap_interval`.

    Example:
        >>> rows = [("p", "p1", 1.0), ("p", "p1", 1.0), ("p", "p1", 1.0), ("q", "q1", 0.0)]
        >>> table = pd.DataFrame(rows, columns=["patient_id", "case_id", "value"])
        >>> pool_instances(table.assign(metric="dice"), ["metric"])["mean"].tolist()
        [0.5, 0.75]
    """
    columns = [*by, "pooling", "mean", "low", "high"]
    counted = ["n_patients", "n_cases", "n_instances", "n_excluded"]
    rows = []
    for keys, group in table.groupby(list(by), sort=True, dropna=False):
        defined = group.dropna(subset=["value"])
        cases = len(defined[["patient_id", "case_id"]].drop_duplicates())
        counts = (cases, len(defined), len(group) - len(defined))
        for name, pool in POOLINGS.items():
            rows.append((*keys, name, *pool(defined, seed), *counts))
    return pd.DataFrame(rows, columns=[*columns, *counted])
