"""Gradient echoes: the Ernst angle, the limits of a short and a long TR, by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from spinesynth.kernels.signal_equations import (
    balanced_ssfp,
    ernst_angle_deg,
    spoiled_gradient_echo,
)

ONE = torch.ones(1, dtype=torch.float64)


def _ms(value: float) -> Tensor:
    return torch.tensor([value], dtype=torch.float64)


def test_spoiled_echo_by_hand() -> None:
    # E1 = 1/2 and cos(60) = 1/2: sin(60) (1/2) / (3/4), and one half of it is left
    signal = spoiled_gradient_echo(
        ONE,
        _ms(100),
        _ms(20),
        tr_ms=100 * math.log(2),
        te_ms=20 * math.log(2),
        flip_deg=60,
    )
    assert signal.item() == pytest.approx(math.sqrt(3) / 2 * (2 / 3) / 2)


def test_right_angle_is_a_saturation_recovery() -> None:
    signal = spoiled_gradient_echo(ONE, _ms(700), _ms(30), tr_ms=350, te_ms=15, flip_deg=90)
    assert signal.item() == pytest.approx((1 - math.exp(-0.5)) * math.exp(-0.5))


def test_long_tr_leaves_the_sine_of_the_angle() -> None:
    signal = spoiled_gradient_echo(ONE, _ms(700), _ms(30), tr_ms=1e6, te_ms=1e-9, flip_deg=30)
    assert signal.item() == pytest.approx(0.5)


@pytest.mark.parametrize(("t1_ms", "tr_ms"), [(300, 7), (1000, 10), (4300, 30), (500, 600)])
def test_ernst_angle_gives_the_largest_signal(t1_ms: float, tr_ms: float) -> None:
    grid_deg = torch.linspace(0.01, 180, 18000, dtype=torch.float64)
    signals = spoiled_gradient_echo(
        ONE, _ms(t1_ms), _ms(30), tr_ms=tr_ms, te_ms=2, flip_deg=grid_deg
    )

    best_deg = grid_deg[signals.argmax()].item()

    # one step of the grid
    assert ernst_angle_deg(_ms(t1_ms), tr_ms=tr_ms).item() == pytest.approx(best_deg, abs=0.01)


def test_ernst_angle_by_hand() -> None:
    # exp(-TR / T1) = 1/2 is the cosine of 60 degrees; no T1 recovers whatever the angle, 90 is best
    angles = ernst_angle_deg(torch.tensor([1000.0, 0.0]), tr_ms=1000 * math.log(2))
    assert angles.tolist() == pytest.approx([60, 90], rel=1e-6)


def test_spoiled_signal_grows_with_tr_and_falls_with_te_and_t1() -> None:
    tr_ms, te_ms, t1_ms = (torch.tensor(x) for x in ([5.0, 9, 60], [2.0, 5, 9], [200.0, 700, 4000]))
    fixed = {
        "tr_ms": torch.tensor(10.0),
        "te_ms": torch.tensor(4.0),
        "flip_deg": torch.tensor(20.0),
    }
    over_tr = spoiled_gradient_echo(ONE, _ms(500), _ms(20), **(fixed | {"tr_ms": tr_ms}))
    over_te = spoiled_gradient_echo(ONE, _ms(500), _ms(20), **(fixed | {"te_ms": te_ms}))
    over_t1 = spoiled_gradient_echo(ONE, t1_ms, _ms(20), **fixed)
    over_t2_star = spoiled_gradient_echo(ONE, _ms(500), t1_ms, **fixed)
    assert torch.all(over_tr.diff() > 0)
    assert torch.all(over_te.diff() < 0)
    assert torch.all(over_t1.diff() < 0)
    assert torch.all(over_t2_star.diff() > 0)


@pytest.mark.parametrize("flip_deg", [10, 45, 90, 150])
@pytest.mark.parametrize(("t1_ms", "t2_ms"), [(4300, 1800), (900, 30), (300, 300)])
def test_balanced_echo_of_a_short_tr_depends_on_t1_over_t2(
    flip_deg: float, t1_ms: float, t2_ms: float
) -> None:
    signal = balanced_ssfp(ONE, _ms(t1_ms), _ms(t2_ms), tr_ms=1e-6, flip_deg=flip_deg)

    cosine, sine = math.cos(math.radians(flip_deg)), math.sin(math.radians(flip_deg))
    wanted = sine / (1 + cosine + (1 - cosine) * t1_ms / t2_ms)
    # the first order in TR / T2 is left out: 1e-6 / 30
    assert signal.item() == pytest.approx(wanted, rel=1e-6)


def test_balanced_echo_of_equal_times_and_its_best_angle_is_one_half() -> None:
    signal = balanced_ssfp(ONE, _ms(300), _ms(300), tr_ms=1e-6, flip_deg=90)
    assert signal.item() == pytest.approx(0.5, rel=1e-6)


def test_balanced_echo_of_a_long_tr_is_a_spin_echo_at_half_of_it() -> None:
    # E1 and E2 are gone: sin(a) exp(-TR / 2 T2)
    signal = balanced_ssfp(ONE, _ms(100), _ms(1000), tr_ms=9000, flip_deg=30)
    wanted = 0.5 * math.exp(-4.5)
    # E2 = exp(-9) is not quite gone: at most 1 part in 1000
    assert signal.item() == pytest.approx(wanted, rel=1e-3)


def test_air_gives_zero_and_not_nan() -> None:
    zero = torch.zeros(1)
    assert spoiled_gradient_echo(zero, zero, zero, tr_ms=7, te_ms=2, flip_deg=8).item() == 0
    assert balanced_ssfp(zero, zero, zero, tr_ms=5, flip_deg=40).item() == 0
    assert balanced_ssfp(torch.ones(1), zero, zero, tr_ms=5, flip_deg=40).item() == 0


@pytest.mark.parametrize("flip_deg", [0, -5, 180.5, math.nan])
def test_impossible_flip_angle_is_refused(flip_deg: float) -> None:
    with pytest.raises(ValueError, match=rf"flip_deg must be in \(0, 180\], got {flip_deg}"):
        spoiled_gradient_echo(ONE, ONE, ONE, tr_ms=7, te_ms=2, flip_deg=flip_deg)
    with pytest.raises(ValueError, match="flip_deg must be in"):
        balanced_ssfp(ONE, ONE, ONE, tr_ms=7, flip_deg=torch.tensor([30.0, flip_deg]))


def test_impossible_times_are_refused() -> None:
    with pytest.raises(ValueError, match="tr_ms must be finite and > 0, got inf"):
        balanced_ssfp(ONE, ONE, ONE, tr_ms=math.inf, flip_deg=30)
    with pytest.raises(ValueError, match="te_ms must be less than tr_ms, got 8 and 7"):
        spoiled_gradient_echo(ONE, ONE, ONE, tr_ms=7, te_ms=8, flip_deg=30)
    with pytest.raises(ValueError, match="t2_star_ms must be finite and >= 0, got nan"):
        spoiled_gradient_echo(ONE, ONE, ONE * math.nan, tr_ms=7, te_ms=2, flip_deg=30)
    with pytest.raises(ValueError, match="t2_ms must be finite and >= 0, got -1"):
        balanced_ssfp(ONE, ONE, -ONE, tr_ms=7, flip_deg=30)
    with pytest.raises(ValueError, match="t1_ms must be finite and >= 0, got inf"):
        ernst_angle_deg(ONE * math.inf, tr_ms=7)
