"""Whether a model is as good as another one, but for a margin that was stated before."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t as student_t

from spinesynth.metrics.signed_ranks import LEAST_PATIENTS
from spinesynth.metrics.statistics import COMPARISON_KEYS, by_scope, pair_models

#: Loss of Dice that counts as none; nominal. Published systems on SPIDER differ by more: in mean
#: Dice by 0.013 of vertebrae, 0.038 of discs and 0.015 of the canal, 0.022 on average.
DEFAULT_MARGIN = 0.02
#: The pair that the reality gap is about, where nobody names another.
DEFAULT_PAIR = ("A", "B")
NON_INFERIOR, INCONCLUSIVE, INFERIOR = "non-inferior", "inconclusive", "inferior"
_CONFIDENCE = 0.95
#: Mean Dice below which the reference model does not work, so that being as good as it says
#: nothing (assay sensitivity, ICH E10 1.5); nominal.
_LEAST_REFERENCE = 0.5
_FAILS = f"the reference scores below {_LEAST_REFERENCE}: as good as it says nothing"
_TOO_FEW = f"fewer than {LEAST_PATIENTS} patients: no verdict"


class NonInferiority(NamedTuple):
    """Hold a mean difference over ``n`` patients, its interval, and the verdict on it."""

    mean: float
    low: float
    high: float
    n: int
    verdict: str


def judge_non_inferiority(differences: npt.ArrayLike, *, margin: float) -> NonInferiority:
    """Judge whether a model loses less than a margin against another one.

    The interval is Student's, two-sided 95 % (one-sided 2.5 %): of few patients
    it is wider than percentiles of a bootstrap, which are then too narrow.

    Args:
        differences: model minus reference for each patient, of a score where higher
            is better; NaN is left out.
        margin: loss that counts as none, > 0, in the unit of the score.

    Returns:
        Non-inferior where the whole interval lies above ``-margin``, inferior where it
        lies below, else inconclusive; so with fewer than 6 patients, whose
        distribution nobody can check.

    Raises:
        ValueError: if the margin is not positive.

    Source: Piaggio et al. 2012, JAMA 308:2594, doi 10.1001/jama.2012.87802.

    Example:
        >>> judge_non_inferiority([0.01, 0.0, 0.01, 0.0, 0.02, -0.01], margin=0.02).verdict
        'non-inferior'
    """
    if not 0 < margin < math.inf:
        raise ValueError(f"margin must be positive, got {margin}")
    numbers = np.asarray(differences, dtype=np.float64)
    numbers = numbers[~np.isnan(numbers)]
    count = len(numbers)
    mean = float(numbers.mean()) if count else math.nan
    if count < 2:
        return NonInferiority(mean, math.nan, math.nan, count, INCONCLUSIVE)
    error = float(numbers.std(ddof=1)) / math.sqrt(count)
    half = float(student_t.ppf(0.5 + _CONFIDENCE / 2, count - 1)) * error
    low, high = mean - half, mean + half
    return NonInferiority(mean, low, high, count, _verdict(low, high, count, margin))


def _verdict(low: float, high: float, patients: int, margin: float) -> str:
    if patients < LEAST_PATIENTS:
        return INCONCLUSIVE
    if low > -margin:
        return NON_INFERIOR
    return INFERIOR if high < -margin else INCONCLUSIVE


def measure_gap(
    table: pd.DataFrame, model: str, reference: str, *, margin: float = DEFAULT_MARGIN
) -> pd.DataFrame:
    """Return the reality gap: Dice of a model minus that of one trained on real images.

    Args:
        table: long table, one value for each model, case and group.
        model: name of the model, as ``A``.
        reference: name of the one to be as good as, as ``B``.
        margin: loss of Dice that counts as none.

    Returns:
        One row for each scope, group and structure, paired by patient: ``scope, source,
        contrast, condition, severity, structure, metric, model, reference, mean_model,
        mean_reference, gap, low, high, n_patients, margin, verdict, note``; ``gap`` is
        model - reference, so negative where the model is worse. The note says where
        there are too few patients for a verdict, or where the reference itself fails,
        so that the verdict is inconclusive.
    """
    names = [*COMPARISON_KEYS, "model", "reference", "mean_model", "mean_reference"]
    columns = ["scope", *names, "gap", "low", "high", "n_patients", "margin", "verdict", "note"]
    rows = []
    for scope, scoped in by_scope(table[table["metric"] == "dice"]):
        pairs = pair_models(scoped, model, reference)
        for keys, group in pairs.groupby(list(COMPARISON_KEYS), sort=True):
            judged = judge_non_inferiority(group["value"].to_numpy(), margin=margin)
            means = (group["first"].mean(), group["second"].mean())
            told = _told(judged, means[1])
            rows.append((scope, *keys, model, reference, *means, *judged[:4], margin, *told))
    return pd.DataFrame(rows, columns=columns)


def _told(judged: NonInferiority, mean_reference: float) -> tuple[str, str]:
    """Return the verdict on a gap, and why there is none."""
    if judged.n < LEAST_PATIENTS:
        return judged.verdict, _TOO_FEW
    if judged.verdict == NON_INFERIOR and mean_reference < _LEAST_REFERENCE:
        return INCONCLUSIVE, _FAILS
    return judged.verdict, ""
