"""Spin echo, its train and inversion recovery: limits, nulls and monotony, by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from spinesynth.kernels.signal_equations import (
    inversion_recovery,
    null_inversion_time_ms,
    spin_echo,
    turbo_spin_echo,
)

#: Rounding of float64 through a handful of operations.
CLOSE = 1e-12
LN2 = math.log(2)


def _double(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _signal(equation: Any, *tissue: float, **sequence: Any) -> float:  # noqa: ANN401  # equations
    signal: float = equation(*(_double(value) for value in tissue), **sequence).item()
    return signal


def test_spin_echo_by_hand() -> None:
    # TR = T1 ln 2 recovers one half, TE = T2 ln 2 leaves one half
    assert _signal(spin_echo, 8, 1000, 80, tr_ms=1000 * LN2, te_ms=80 * LN2) == pytest.approx(2)


def test_long_tr_and_short_te_give_the_proton_density() -> None:
    assert _signal(spin_echo, 0.7, 800, 60, tr_ms=1e6, te_ms=1e-9) == pytest.approx(0.7)


def test_long_tr_leaves_decay_and_short_te_leaves_recovery() -> None:
    assert _signal(spin_echo, 1, 800, 60, tr_ms=1e6, te_ms=90) == pytest.approx(math.exp(-1.5))
    recovered = 1 - math.exp(-0.5)
    assert _signal(spin_echo, 1, 800, 60, tr_ms=400, te_ms=1e-9) == pytest.approx(recovered)


def _echo(equation: Any, sequence: dict[str, float], changes: dict[str, float]) -> float:  # noqa: ANN401
    """Return the signal of one tissue in one sequence, some of whose properties are changed."""
    parameters = {"pd": 1, "t1_ms": 700, "t2_ms": 90} | sequence | changes
    tissue = [parameters.pop(name) for name in ("pd", "t1_ms", "t2_ms")]
    return _signal(equation, *tissue, **parameters)


PLAIN = {"tr_ms": 600.0, "te_ms": 40.0}
TRAIN = PLAIN | {"echo_train_length": 8, "echo_spacing_ms": 10.0}


def _tse(**changes: float) -> float:
    return _echo(turbo_spin_echo, TRAIN, changes)


def test_train_of_one_echo_counts_the_inversion_by_its_pulse() -> None:
    # Mz(TR) = 1 - 2 exp(-(TR - TE / 2) / T1) + exp(-TR / T1), with quarters and halves by hand
    signal = _signal(
        turbo_spin_echo,
        *(1, 100, 50),
        tr_ms=200 * LN2,
        te_ms=100 * LN2,
        echo_train_length=1,
        echo_spacing_ms=100 * LN2,
    )
    assert signal == pytest.approx((1 - 2 * 2**-1.5 + 0.25) * 0.25)


def test_recovery_starts_after_the_train() -> None:
    # the remainder is below (spacing / 2 T1)^2 = 5.1e-5 of the equilibrium
    recovered = 1 - math.exp(-(600 - 80) / 700)
    assert _tse() == pytest.approx(recovered * math.exp(-40 / 90), rel=1e-4)


def test_short_spacing_tends_to_a_plain_spin_echo_with_what_is_left_of_tr() -> None:
    fine = _tse(te_ms=80, echo_train_length=8000, echo_spacing_ms=0.01)
    assert fine == pytest.approx(_signal(spin_echo, 1, 700, 90, tr_ms=520, te_ms=80), rel=1e-8)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("tr_ms", (100, 300, 1000, 5000)),
        ("t2_ms", (1, 20, 80, 2000)),
        ("te_ms", (80, 40, 20, 10)),
        ("t1_ms", (4500, 900, 300, 200)),
        ("pd", (0.1, 0.5, 1, 3)),
    ],
)
@pytest.mark.parametrize(("equation", "sequence"), [(spin_echo, PLAIN), (turbo_spin_echo, TRAIN)])
def test_signal_grows_with_tr_t2_and_pd_and_falls_with_te_and_t1(
    equation: Any,  # noqa: ANN401  # equations
    sequence: dict[str, float],
    name: str,
    values: tuple[float, ...],
) -> None:
    signals = [_echo(equation, sequence, {name: value}) for value in values]
    assert signals == sorted(set(signals))


def test_null_of_a_long_tr_is_t1_times_the_logarithm_of_two() -> None:
    fat_csf = _double(300, 4300)
    null_ms = null_inversion_time_ms(fat_csf, tr_ms=1e7)
    assert null_ms.tolist() == pytest.approx([300 * LN2, 4300 * LN2], rel=CLOSE)


def test_null_of_a_finite_tr_by_hand() -> None:
    # exp(-TR / T1) = 1/3, so TI = T1 ln(2 / (4/3)) = T1 ln(1.5)
    null_ms = null_inversion_time_ms(_double(900), tr_ms=900 * math.log(3))
    assert null_ms.item() == pytest.approx(900 * math.log(1.5), rel=CLOSE)


@pytest.mark.parametrize(("t1_ms", "t2_ms", "tr_ms"), [(300, 80, 4000), (4300, 1800, 9000)])
@pytest.mark.parametrize("train", [{}, {"echo_train_length": 16, "echo_spacing_ms": 10.0}])
def test_fat_and_csf_vanish_at_their_null_and_nowhere_else(
    t1_ms: float, t2_ms: float, tr_ms: float, train: dict[str, Any]
) -> None:
    ti_ms = null_inversion_time_ms(_double(t1_ms), tr_ms=tr_ms, **train).item()

    def at(factor: float) -> float:
        return _signal(
            inversion_recovery,
            *(1, t1_ms, t2_ms),
            tr_ms=tr_ms,
            te_ms=60,
            ti_ms=factor * ti_ms,
            magnitude=False,
            **train,
        )

    assert at(1) == pytest.approx(0, abs=CLOSE)
    assert at(0.99) < 0 < at(1.01)


def test_train_delays_recovery_and_brings_the_null_forward() -> None:
    csf = _double(4300)
    plain = null_inversion_time_ms(csf, tr_ms=9000)
    train = null_inversion_time_ms(csf, tr_ms=9000, echo_train_length=20, echo_spacing_ms=10)
    # as if TR were shorter by the train of 200 ms, up to (10 / 8600)^2
    shorter = null_inversion_time_ms(csf, tr_ms=8800)
    assert train.item() == pytest.approx(shorter.item(), rel=1e-5)
    assert train < plain


def test_inversion_recovery_by_hand() -> None:
    # exp(-TI / T1) = 3/4, exp(-TR / T1) = 1/4: |1 - 3/2 + 1/4| / 2
    sequence: dict[str, Any] = {
        "tr_ms": 500 * math.log(4),
        "te_ms": 50 * LN2,
        "ti_ms": 500 * math.log(4 / 3),
    }
    assert _signal(inversion_recovery, 1, 500, 50, **sequence) == pytest.approx(0.125)
    signed = _signal(inversion_recovery, 1, 500, 50, **sequence, magnitude=False)
    assert signed == pytest.approx(-0.125)


def test_long_inversion_time_is_a_spin_echo_of_long_tr() -> None:
    late = _signal(inversion_recovery, 1, 500, 50, tr_ms=1e6, te_ms=20, ti_ms=5e5)
    assert late == pytest.approx(math.exp(-20 / 50), rel=CLOSE)


def test_short_inversion_time_inverts_what_has_recovered() -> None:
    early = _signal(
        inversion_recovery, 1, 500, 50, tr_ms=800, te_ms=20, ti_ms=1e-9, magnitude=False
    )
    plain = _signal(spin_echo, 1, 500, 50, tr_ms=800, te_ms=20)
    assert early == pytest.approx(-plain)


def test_air_without_relaxation_times_gives_zero_and_not_nan() -> None:
    zero = _double(0)
    train: dict[str, Any] = {"echo_train_length": 4, "echo_spacing_ms": 10.0}
    signals = [
        spin_echo(zero, zero, zero, tr_ms=500, te_ms=10),
        turbo_spin_echo(zero, zero, zero, tr_ms=500, te_ms=10, **train),
        inversion_recovery(zero, zero, zero, tr_ms=500, te_ms=10, ti_ms=100, **train),
    ]
    assert [signal.item() for signal in signals] == [0, 0, 0]


def test_no_t1_recovers_at_once_and_no_t2_leaves_nothing() -> None:
    assert _signal(spin_echo, 2, 0, 50, tr_ms=9, te_ms=1e-9) == pytest.approx(2)
    assert _tse(t1_ms=0, t2_ms=1e12) == pytest.approx(1)
    assert _tse(t2_ms=0) == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"te_ms": 90},
            r"te_ms must be at most echo_train_length \* echo_spacing_ms, got 90 and 80.0",
        ),
        (
            {"tr_ms": 80},
            r"echo_train_length \* echo_spacing_ms must be less than tr_ms, got 80.0 and 80",
        ),
        ({"echo_train_length": 0}, "echo_train_length must be a whole number >= 1, got 0"),
        ({"echo_train_length": 4.5}, "echo_train_length must be a whole number >= 1, got 4.5"),
        ({"echo_spacing_ms": 0}, "echo_spacing_ms must be finite and > 0, got 0"),
        ({"tr_ms": 40}, "te_ms must be less than tr_ms, got 40.0 and 40"),
        ({"t1_ms": -3.0}, "t1_ms must be finite and >= 0, got -3"),
    ],
)
def test_impossible_train_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _tse(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ti_ms": 0}, "ti_ms must be finite and > 0, got 0"),
        ({"ti_ms": 1450}, r"ti_ms \+ te_ms must be less than tr_ms, got 1510 and 1500"),
        (
            {"ti_ms": 1400, "echo_train_length": 10, "echo_spacing_ms": 10},
            r"ti_ms \+ echo_train_length \* echo_spacing_ms must be less than tr_ms, got 1500",
        ),
        ({"echo_train_length": 10}, "echo_train_length and echo_spacing_ms must be given together"),
        ({"echo_spacing_ms": 10}, "must be given together, got None and 10"),
    ],
)
def test_impossible_inversion_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _signal(
            inversion_recovery, 1, 500, 50, **({"tr_ms": 1500, "te_ms": 60, "ti_ms": 150} | changes)
        )


def test_null_of_a_train_longer_than_tr_is_refused() -> None:
    with pytest.raises(ValueError, match=r"echo_train_length \* echo_spacing_ms must be less than"):
        null_inversion_time_ms(_double(300), tr_ms=100, echo_train_length=10, echo_spacing_ms=10)
