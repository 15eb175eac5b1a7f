"""Scalars from a generator."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spinesynth.kernels.draws import choose, happens, uniform

seeds = st.integers(0, 2**31)
numbers = st.floats(-1e3, 1e3)


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(numbers, numbers, seeds)
def test_uniform_stays_between_its_bounds(one: float, other: float, seed: int) -> None:
    low, high = sorted((one, other))

    assert low <= uniform(low, high, generator=_generator(seed)) <= high


def test_uniform_fills_its_range_evenly() -> None:
    generator = _generator()
    draws = torch.tensor([uniform(2.0, 6.0, generator=generator) for _ in range(4000)])

    # standard errors: 4 / sqrt(12 * 4000) = 0.018 of the mean; bounds are five of them
    assert float(draws.mean()) == pytest.approx(4.0, abs=0.1)
    assert float(draws.std()) == pytest.approx(4 / 12**0.5, abs=0.06)


@pytest.mark.parametrize("probability", [0.0, 0.2, 1.0])
def test_happens_as_often_as_asked(probability: float) -> None:
    generator = _generator()
    share = sum(happens(probability, generator=generator) for _ in range(4000)) / 4000

    # five standard errors of a share of 0.2 in 4000 draws
    assert share == pytest.approx(probability, abs=0.032 if 0 < probability < 1 else 0)


def test_choose_gives_each_option_alike() -> None:
    generator = _generator()
    draws = [choose([3, 5, 9], generator=generator) for _ in range(3000)]

    assert set(draws) == {3, 5, 9}
    # five standard errors of a count of 1000 in 3000 draws
    assert all(abs(draws.count(option) - 1000) < 130 for option in (3, 5, 9))


def test_equal_generators_give_equal_draws() -> None:
    def draws(seed: int) -> tuple[float, bool, int]:
        generator = _generator(seed)
        return (
            uniform(0, 1, generator=generator),
            happens(0.5, generator=generator),
            choose(range(1000), generator=generator),
        )

    assert draws(4) == draws(4)
    assert draws(4) != draws(5)
