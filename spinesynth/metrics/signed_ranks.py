"""Wilcoxon's signed-rank test of patients: its p value, its effect size, and what it can say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata, wilcoxon

SIGNIFICANCE = 0.05
#: With n differences of one sign the two-sided exact p is 2 / 2**n: 0.0625 with 5, 0.031 with 6.
LEAST_PATIENTS = 6
#: Up to so many differences p is counted; of more, the normal approximation is off by < 0.002.
MOST_EXACT = 100
TOO_FEW = f"too few patients differ: no p can be below {SIGNIFICANCE}"
DIFFERENT, NOT_SHOWN = "different", "no difference shown"


def count_differing(differences: npt.ArrayLike) -> int:
    """Return how many differences are not zero: the patients that the test knows.

    Example:
        >>> count_differing([0.0, 0.2, -0.1])
        2
    """
    return int(np.count_nonzero(np.asarray(differences, dtype=np.float64)))


def wilcoxon_p(differences: npt.ArrayLike) -> float:
    """Return the two-sided p value of Wilcoxon's signed-rank test.

    Zeros are dropped first. The p value is exact, with ties too, up to
    :data:`MOST_EXACT` differences; of more, the normal approximation with the
    corrections for ties and continuity.

    Args:
        differences: one number for each patient, none of them NaN.

    Returns:
        In (0, 1]; 1 where all are zero, NaN below 2 patients.

    Source: Wilcoxon 1945, Biometrics Bulletin 1:80, doi 10.2307/3001968.

    Example:
        >>> wilcoxon_p([0.0] * 20 + [0.1, 0.2, 0.3, 0.4, 0.5])  # 2 / 2**5
        0.0625
    """
    numbers = np.asarray(differences, dtype=np.float64)
    if len(numbers) < 2:
        return float("nan")
    moved = numbers[numbers != 0]
    if len(moved) == 0:
        return 1.0
    if len(moved) > MOST_EXACT:
        return float(wilcoxon(moved, correction=True, method="approx").pvalue)
    return _exact_p(moved)


def _exact_p(moved: npt.NDArray[np.float64]) -> float:
    """Return the share of sign patterns whose rank sum lies as far from the middle or farther."""
    doubled = np.rint(2 * rankdata(np.abs(moved))).astype(np.int64)  # ranks of ties are halves
    total = int(doubled.sum())
    chance = np.zeros(total + 1)  # of each doubled sum of the positive ranks
    chance[0] = 1.0
    for rank in doubled:
        shifted = np.zeros_like(chance)
        shifted[rank:] = chance[:-rank]
        chance = (chance + shifted) / 2
    off = abs(2 * int(doubled[moved > 0].sum()) - total)
    far = np.abs(2 * np.arange(total + 1) - total) >= off
    return min(float(chance[far].sum()), 1.0)


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


def word_verdict(differing: int, adjusted_p: float) -> str:
    """Return what a test says in words, and that it can say nothing of few differences.

    Args:
        differing: number of pairs whose difference is not zero.
        adjusted_p: after correction for the family of tests.

    Example:
        >>> word_verdict(5, 0.0625)
        'too few patients differ: no p can be below 0.05'
        >>> word_verdict(9, 0.004)
        'different'
    """
    if differing < LEAST_PATIENTS:
        return TOO_FEW
    return DIFFERENT if adjusted_p < SIGNIFICANCE else NOT_SHOWN
