"""Mixtures of intensities are found again, in one order, and tell how they were found."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spinesynth.pipelines.intensity_clusters import Mixture, choose_mixture, fit_mixture


def two_gaussians(count: int, seed: int = 0) -> np.ndarray:
    """Draw a third around 0.25 and the rest around 0.75, 12 spreads apart, shuffled."""
    draw = np.random.default_rng(seed)
    low = draw.normal(0.25, 0.04, count // 3)
    high = draw.normal(0.75, 0.03, count - count // 3)
    return draw.permutation(np.concatenate([high, low]))


def test_two_gaussians_are_found_again() -> None:
    count = 9000
    found = fit_mixture(two_gaussians(count), 2, seed=1)
    # Five standard errors: s / sqrt(n) of a mean, s / sqrt(2 n) of a spread, sqrt(p q / n) of a
    # share (drawn here without an error of its own). Parts 12 spreads apart do not overlap.
    for mean, spread, weight, wanted in zip(
        found.means, found.spreads, found.weights, ((0.25, 0.04, 1 / 3), (0.75, 0.03, 2 / 3)),
        strict=True,
    ):  # fmt: skip
        members = count * wanted[2]
        assert abs(mean - wanted[0]) < 5 * wanted[1] / math.sqrt(members)
        assert abs(spread - wanted[1]) < 5 * wanted[1] / math.sqrt(2 * members)
        assert abs(weight - wanted[2]) < 5 / math.sqrt(count) / 2
    assert found.converged
    assert found.fitted == count


@pytest.mark.parametrize(("parts", "wanted"), [(2, 2), (3, 3)])
def test_number_of_parts_is_chosen_by_bic(parts: int, wanted: int) -> None:
    draw = np.random.default_rng(3)
    centres = np.linspace(0.1, 0.9, parts)
    values = draw.choice(centres, 3000) + draw.normal(0, 0.03, 3000)
    assert len(choose_mixture(values, (2, 3), seed=0).means) == wanted


def test_a_value_goes_to_the_gaussian_that_weighs_most_there() -> None:
    unequal = Mixture((0.2, 0.8), (0.1, 0.1), (0.9, 0.1), 0.0, 10, True)
    # ln 9 = 0.6 (x - 0.5) / 0.01 puts the border at 0.5 + 0.01 ln 9 / 0.6 = 0.5366
    assert unequal.assign(np.array([[0.53, 0.54], [0.2, 0.8]])).tolist() == [[0, 1], [0, 1]]


def test_clusters_rise_with_intensity_whatever_the_seed() -> None:
    values = two_gaussians(2000)
    for seed in range(4):
        found = fit_mixture(values, 3, seed=seed)
        assert list(found.means) == sorted(found.means)
        assigned = found.assign(np.sort(values))
        assert assigned[0] == 0
        assert assigned[-1] == 2


def test_many_voxels_are_fitted_on_a_seeded_subset() -> None:
    values = two_gaussians(50_000)
    one, again, other = (fit_mixture(values, 2, seed=seed) for seed in (5, 5, 6))
    assert one == again
    assert one != other
    assert one.fitted == 20_000


@pytest.mark.parametrize("values", [[0.4], [0.4] * 100, [0.4, 0.6], [0.0] * 50 + [1.0]])
def test_few_distinct_values_give_few_clusters(values: list[float]) -> None:
    found = fit_mixture(np.array(values), 10, seed=0)
    assert len(found.means) == len(set(values))
    assert found.means == pytest.approx(sorted(set(values)), abs=1e-6)
    assert all(math.isfinite(number) for number in (*found.spreads, *found.weights, found.bic))


def test_nothing_cannot_be_fitted() -> None:
    with pytest.raises(ValueError, match=r"values must not be empty.* got 0 values and 2 cl"):
        fit_mixture(np.array([]), 2, seed=0)
