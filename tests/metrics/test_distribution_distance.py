"""Distances between sets of vectors: by hand, unbiased, and blind to repeats of a patient."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spinesynth.metrics.distribution_distance import (
    frechet_distance,
    kernel_distance,
    standardise,
)


def test_kernel_distance_by_hand() -> None:
    # k(x, y) = (xy + 1)^3 in one dimension: within {0, 1} 1, within {1, 2} 27, between the
    # patients 1, 1, 8 and 27
    found = kernel_distance([[0.0], [1.0]], [[1.0], [2.0]], ["a", "b"], ["c", "d"])
    assert found.value == pytest.approx(1 + 27 - 2 * (1 + 1 + 8 + 27) / 4)
    assert math.isnan(found.low)  # two patients


def test_pairs_of_one_patient_count_nowhere() -> None:
    x, y = [[0.0], [1.0], [5.0]], [[1.0], [2.0]]
    # b is in both sets: only a-c, a-b and b-c are left between them
    found = kernel_distance(x[:2], y, ["a", "b"], ["b", "c"])
    assert found.value == pytest.approx(1 + 27 - 2 * (1 + 1 + 27) / 3)
    alone = kernel_distance(x, y, ["a", "a", "a"], ["b", "c"])
    assert math.isnan(alone.value)  # one patient has no pair within the set


def test_repeating_every_image_of_a_patient_changes_nothing() -> None:
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(5, 3)), generator.normal(1, 1, (4, 3))
    a, b = list("abcde"), list("fghi")
    once = kernel_distance(x, y, a, b)
    twice = kernel_distance(np.repeat(x, 2, axis=0), y, np.repeat(a, 2), b)
    # the same sums in another order
    assert twice.value == pytest.approx(once.value, rel=1e-9)


def test_distance_of_one_distribution_is_zero_on_average() -> None:
    generator = np.random.default_rng(1)
    names = [list("abcdef"), list("ghijkl")]
    found = []
    for _ in range(300):
        x, y = generator.normal(size=(2, 6, 4))
        value = kernel_distance(x[:2], y[:2], names[0][:2], names[1][:2]).value
        found.append(value)
    error = np.std(found) / math.sqrt(len(found))
    assert abs(np.mean(found)) < 4 * error  # four standard errors of the mean


def test_shift_is_seen_and_lies_outside_the_interval_of_no_distance() -> None:
    generator = np.random.default_rng(2)
    x, y = generator.normal(size=(2, 20, 4))
    names = [f"a{n}" for n in range(20)], [f"b{n}" for n in range(20)]
    near, far = (kernel_distance(x, y + shift, *names) for shift in (0.0, 2.0))
    assert near.low < far.value
    assert far.low > 0
    assert far.value > near.value


def test_kernel_distance_refuses_other_features() -> None:
    with pytest.raises(ValueError, match=r"equal d, got \(1, 2\) and \(1, 3\)"):
        kernel_distance([[0.0, 1.0]], [[0.0, 1.0, 2.0]], ["a"], ["b"])


def test_frechet_distance_of_known_normal_distributions() -> None:
    generator = np.random.default_rng(3)
    x = generator.normal(0, 1, (20_000, 2))
    y = generator.normal(0, 1, (20_000, 2)) * [2.0, 1.0] + [3.0, 0.0]
    # |m|^2 = 9, and (2 - 1)^2 of the one deviation that differs; sampling errors of the mean are
    # 6 x 0.016 and less of the deviations
    assert frechet_distance(x, y) == pytest.approx(10.0, abs=0.4)
    # twice the same set: rounding of the square roots of covariances near 1
    assert frechet_distance(x, x) == pytest.approx(0.0, abs=1e-9)
    assert math.isnan(frechet_distance(x, y[:1]))


def test_frechet_distance_of_fewer_vectors_than_features_is_finite() -> None:
    generator = np.random.default_rng(4)
    found = frechet_distance(generator.normal(size=(5, 40)), generator.normal(size=(4, 40)))
    assert found > 0
    assert math.isfinite(found)


def test_standardised_reference_has_mean_zero_and_deviation_one() -> None:
    reference = np.array([[1.0, 5.0], [3.0, 5.0]])
    assert standardise(reference, reference).tolist() == [[-1.0, 0.0], [1.0, 0.0]]
    # the constant feature tells nothing, whatever it is elsewhere
    assert standardise([[2.0, 9.0]], reference).tolist() == [[0.0, 0.0]]
