"""Wilcoxon's signed-rank test of patients: its p value, its effect size, and what it can say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata, wilcoxon

SIGNIFICANCE = 0.05
#: With n patients of one sign the two-sided exact p is 2 / 2**n: 0.0625 with 5, 0.031 with 6.
LEAST_PATIENTS = 6
TOO_FEW = f"too few patients: no p can be below {SIGNIFICANCE}"
DIFFERENT, NOT_SHOWN = "different", "no difference shown"


def wilcoxon_p(differences: npt.ArrayLike) -> float:
    """Return the two-sided p value of Wilcoxon's signed-rank test.

    Args:
        differences: one number for each patient, none of them NaN.

    Returns:
        In (0, 1]; 1 where all are zero, NaN below 2 patients.

    Source: Wilcoxon 1945, Biometrics Bulletin 1:80, doi 10.2307/3001968.
    """
    numbers = np.asarray(differences, dtype=np.float64)
    if len(numbers) < 2:
        return float("nan")
    if not numbers.any():
        return 1.0  # scipy divides by zero where every patient is tied
    return float(wilcoxon(numbers).pvalue)


def rank_biserial(differences: npt.ArrayLike) -> float:
    """Return the matched-pairs rank-biserial correlation, the effect size of the test.

    The sum of the ranks of positive differences minus that of negative ones, over
    both; zeros are left out, as in the test.

    Args:
        differences: one number for each patient, first minus second, none NaN.

    Returns:
        In [-1, 1]. 1: the first is the larger in every patient, -1: the second,
        0: both alike, also where all differences are zero. Larger, not better:
        of a distance, a positive one is worse. NaN without patients.

    Source: Kerby 2014, Comprehensive Psychology 3:1, doi 10.2466/11.IT.3.1.

    Example:
        >>> rank_biserial([0.3, 0.2, -0.1])  # ranks 3 and 2 against 1
        0.6666666666666666
    """
    numbers = np.asarray(differences, dtype=np.float64)
    if len(numbers) == 0:
        return float("nan")
    moved = numbers[numbers != 0]
    if len(moved) == 0:
        return 0.0
    ranks = rankdata(np.abs(moved))
    return float((ranks * np.sign(moved)).sum() / ranks.sum())


def word_verdict(patients: int, adjusted_p: float) -> str:
    """Return what a test says in words, and that it can say nothing of few patients.

    Args:
        patients: number of pairs.
        adjusted_p: after correction for the family of tests.

    Example:
        >>> word_verdict(5, 0.0625)
        'too few patients: no p can be below 0.05'
        >>> word_verdict(9, 0.004)
        'different'
    """
    if patients < LEAST_PATIENTS:
        return TOO_FEW
    return DIFFERENT if adjusted_p < SIGNIFICANCE else NOT_SHOWN
