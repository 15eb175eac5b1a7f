"""The signed-rank test says how large a difference is, and when it can say nothing."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from spinesynth.metrics import rank_biserial, wilcoxon_p
from spinesynth.metrics.signed_ranks import (
    MOST_EXACT,
    TOO_FEW,
    count_differing,
    word_verdict,
)

Differences = st.lists(st.integers(-20, 20), min_size=1, max_size=10)


def _p_by_enumeration(differences: list[float]) -> float:
    """Return the share of all sign patterns whose rank sum is as far from the middle."""
    moved = np.array([d for d in differences if d])
    ranks = rankdata(np.abs(moved))
    sums = [
        float(np.array(signs) @ ranks) for signs in itertools.product((0, 1), repeat=len(moved))
    ]
    middle, own = ranks.sum() / 2, ranks[moved > 0].sum()
    return float(np.mean([abs(s - middle) >= abs(own - middle) - 1e-9 for s in sums]))


@pytest.mark.parametrize(
    "differences",
    [
        [0.1, 0.2, 0.3, -0.4, 0.5, 0.6, 0.7, -0.05],
        [0.1, 0.1, 0.1, -0.1, 0.2, 0.2, 0.3],  # ties
        [0.1, -0.1] * 3 + [0.2] * 8 + [-0.3],  # 15 with ties, more than scipy counts
        [0.0] * 20 + [0.1, 0.2, 0.3, 0.4, 0.5],  # zeros
        [0.0] * 14 + [0.1, 0.1, -0.2, 0.1, 0.4, 0.4, 0.2],  # zeros and ties
    ],
)
def test_p_counts_the_sign_patterns(differences: list[float]) -> None:
    assert wilcoxon_p(differences) == pytest.approx(_p_by_enumeration(differences))


@given(Differences)
def test_zeros_change_nothing(values: list[int]) -> None:
    moved = [value for value in values if value]
    if len(moved) >= 2:
        assert wilcoxon_p([*values, *[0] * 20]) == wilcoxon_p(moved)
    assert count_differing([*values, 0]) == len(moved)


def test_twenty_equal_patients_lend_five_no_significance() -> None:
    assert wilcoxon_p([0.0] * 20 + [0.1, 0.2, 0.3, 0.4, 0.5]) == 2 / 2**5


@pytest.mark.parametrize("shift", [0.0, 0.15, 0.3])
def test_many_patients_are_approximated_closely(shift: float) -> None:
    drawn = np.random.default_rng(3).normal(shift, 1.0, MOST_EXACT)
    # one more by the normal approximation, in the middle of the others: it moves p little, and
    # the approximation itself is off by less than 0.002
    one_more = wilcoxon_p([*drawn, 1e-9])
    assert one_more == pytest.approx(wilcoxon_p(drawn), abs=0.01)


def test_least_p_of_five_patients_is_not_significant_but_of_six() -> None:
    assert wilcoxon_p([1, 2, 3, 4, 5]) == pytest.approx(2 / 2**5)
    assert wilcoxon_p([1, 2, 3, 4, 5, 6]) == pytest.approx(2 / 2**6)


def test_no_test_is_made_of_one_patient_and_none_differ_where_all_are_equal() -> None:
    assert math.isnan(wilcoxon_p([0.3]))
    assert wilcoxon_p([0.0, 0.0, 0.0]) == 1.0


def test_effect_size_by_hand() -> None:
    # sizes 1 2 3 5 with ranks 1 2 3 4; positive ranks 1 + 4, negative 2 + 3; the zero has none
    assert rank_biserial([1, -2, -3, 5, 0]) == 0.0
    # ties share a rank: sizes 1 1 2 with ranks 1.5 1.5 3; (1.5 + 3 - 1.5) / 6
    assert rank_biserial([1, -1, 2]) == pytest.approx(0.5)


def test_effect_size_is_positive_where_the_first_is_larger() -> None:
    assert rank_biserial([0.1, 0.2]) == 1.0
    assert rank_biserial([-0.1, -0.2]) == -1.0
    assert rank_biserial([0.0, 0.0]) == 0.0
    assert math.isnan(rank_biserial([]))


@given(Differences)
def test_effect_size_turns_with_the_pair_and_stays_in_its_range(values: list[int]) -> None:
    effect = rank_biserial(values)
    assert -1 <= effect <= 1
    assert rank_biserial([-v for v in values]) == pytest.approx(-effect)
    assert rank_biserial([3 * v for v in values]) == pytest.approx(effect)


def test_verdict_of_few_patients_never_speaks_of_a_difference() -> None:
    assert word_verdict(5, 0.001) == TOO_FEW
    assert word_verdict(6, 0.031) == "different"
    assert word_verdict(6, 0.05) == "no difference shown"
