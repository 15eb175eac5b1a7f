"""Bland-Altman analysis: how far predicted volumes lie from those of the reference."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import linregress
from scipy.stats import t as student_t

from spinesynth.metrics.signed_ranks import SIGNIFICANCE
from spinesynth.metrics.statistics import LEAST_FOR_INTERVAL

#: Share of a normal distribution within the limits: 95 %.
_LIMIT = 1.96
_GROUP = ["model", "source", "contrast", "structure"]


class Agreement(NamedTuple):
    """Hold bias and limits of agreement over ``n`` patients, in the unit of the values.

    Attributes:
        bias: mean difference, prediction minus reference.
        bias_low: lower end of its 95 % interval.
        bias_high: upper end.
        lower: limit of agreement, bias - 1.96 standard deviations.
        upper: the other one, bias + 1.96 standard deviations.
        limit_half_width: half the approximate 95 % interval of either limit.
        slope: of differences on means: how much the difference grows with size.
        slope_p: of no slope.
        n: patients.
    """

    bias: float
    bias_low: float
    bias_high: float
    lower: float
    upper: float
    limit_half_width: float
    slope: float
    slope_p: float
    n: int


def bland_altman(differences: npt.ArrayLike, means: npt.ArrayLike) -> Agreement:
    """Return bias, limits of agreement and proportional bias of two measurements.

    Args:
        differences: prediction minus reference, one for each patient, none NaN.
        means: of both, in the same unit; NaN where unknown, which only the slope
            leaves out.

    Returns:
        All but the bias NaN below 3 patients, the slope NaN too where the means are
        equal or fewer than 3 are known.

    Source:
        Bland and Altman 1986, Lancet 327:307, doi 10.1016/S0140-6736(86)90837-8;
        1999, Stat Methods Med Res 8:135, doi 10.1177/096228029900800204.

    Example:
        >>> found = bland_altman([1.0, 2.0, 3.0], [10.0, 20.0, 30.0])
        >>> found.bias, round(found.lower, 2), round(found.upper, 2), round(found.slope, 6)
        (2.0, 0.04, 3.96, 0.1)
    """
    apart, middle = (np.asarray(x, dtype=np.float64) for x in (differences, means))
    count, nan = len(apart), math.nan
    bias = float(apart.mean()) if count else nan
    if count < LEAST_FOR_INTERVAL:
        return Agreement(bias, nan, nan, nan, nan, nan, nan, nan, count)
    spread = float(apart.std(ddof=1))
    quantile = float(student_t.ppf(0.975, count - 1))
    half = quantile * spread / math.sqrt(count)
    # variance of a limit: s^2 / n of the bias and 1.96^2 s^2 / 2 (n - 1) of the deviation
    of_limit = quantile * spread * math.sqrt(1 / count + _LIMIT**2 / (2 * (count - 1)))
    slope, slope_p = _slope(apart, middle)
    reach = _LIMIT * spread
    return Agreement(
        bias, bias - half, bias + half, bias - reach, bias + reach, of_limit, slope, slope_p, count
    )


def _slope(apart: npt.NDArray[np.float64], middle: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return the slope of differences on means and its p value."""
    known = ~np.isnan(middle)
    if known.sum() < LEAST_FOR_INTERVAL or np.ptp(middle[known]) == 0:
        return math.nan, math.nan
    fit = linregress(middle[known], apart[known])
    return float(fit.slope), float(fit.pvalue)


def pair_volumes(table: pd.DataFrame) -> pd.DataFrame:
    """Return difference and mean of predicted and true volume for each patient.

    The mean of both follows from the metrics: it is the error over the relative error.
    Where a prediction hits the volume exactly it is not known (NaN). Scans of one
    patient are averaged.

    Args:
        table: long table with the metrics ``volume_error`` and ``relative_volume_error``.

    Returns:
        One row for each model, source, contrast, structure and patient: ``difference_ml``
        (prediction minus reference) and ``mean_ml``.
    """
    keys = [*_GROUP, "patient_id"]
    wanted = table[table["metric"].isin(["volume_error", "relative_volume_error"])]
    wide = wanted.pivot(index=[*keys, "case_id"], columns="metric", values="value")
    wide = wide.reindex(columns=["volume_error", "relative_volume_error"])
    wide = wide.dropna(subset=["volume_error"])
    exact = wide["relative_volume_error"] == 0
    means = wide["volume_error"] / wide["relative_volume_error"].mask(exact)
    pairs = pd.DataFrame({"difference_ml": wide["volume_error"], "mean_ml": means}).reset_index()
    return pairs.groupby(keys, sort=True)[["difference_ml", "mean_ml"]].mean().reset_index()


def agree_volumes(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return Bland-Altman's numbers for each model, source, contrast and structure.

    Args:
        pairs: of :func:`pair_volumes`.

    Returns:
        One row a group: its keys, ``bias_ml, bias_low_ml, bias_high_ml, lower_ml,
        upper_ml, limit_half_width_ml, slope, slope_p, n_patients, note``; the note says
        whether the difference changes with size, or that there are too few patients.
    """
    lengths = [f"{name}_ml" for name in Agreement._fields[:6]]
    rows = []
    for keys, group in pairs.groupby(_GROUP, sort=True):
        found = bland_altman(group["difference_ml"].to_numpy(), group["mean_ml"].to_numpy())
        rows.append((*keys, *found, _note(found)))
    return pd.DataFrame(rows, columns=[*_GROUP, *lengths, "slope", "slope_p", "n_patients", "note"])


def _note(found: Agreement) -> str:
    if found.n < LEAST_FOR_INTERVAL:
        return "too few patients for limits"
    if math.isnan(found.slope):
        return "proportional bias not known"
    if found.slope_p >= SIGNIFICANCE:
        return "no proportional bias shown"
    return f"difference {'grows' if found.slope > 0 else 'falls'} with size"
