"""The signal equations against simulated sequences, over what is sampled.

The equations shall agree within 2 %. Where they are exact they are held to rounding, so that a
wrong factor cannot hide in the 2 %.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from spinesynth.kernels.signal_equations import (
    balanced_ssfp,
    inversion_recovery,
    spin_echo,
    spoiled_gradient_echo,
    turbo_spin_echo,
)
from tests.physics.bloch import (
    Complexes,
    Medium,
    Reals,
    alternating_ssfp,
    equilibrium,
    gradient_echo,
    repeat,
    rotate,
    spin_echoes,
    steady_echo,
)
from tests.physics.epg import train_echoes

SAMPLES = 500
#: Double precision through a few hundred operations, and differences of numbers near 1.
ROUNDING = 1e-8
#: Agreement that is asked for where an equation simplifies.
ASKED = 0.02
#: Frequencies of the isochromats: they dephase within a few ms, as in a gradient.
OFF_HZ = np.linspace(-300, 300, 12)


class Draw:
    """Tissues and parameters over their ranges, the same for every test."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(0)
        self.t1_ms = np.exp(self.uniform(np.log(200), np.log(4500)))
        # T2 from 20 ms to 2000 ms, but never above T1
        longest = np.minimum(2000, self.t1_ms)
        self.t2_ms = 20 * (longest / 20) ** self.uniform(0, 1)

    def uniform(self, low: float, high: float) -> Reals:
        return self.random.uniform(low, high, SAMPLES)

    def medium(self) -> Medium:
        """Return isochromats in the second axis."""
        return Medium(self.t1_ms[:, None], self.t2_ms[:, None], OFF_HZ)

    def on_resonance(self) -> Medium:
        return Medium(self.t1_ms, self.t2_ms, np.zeros(1))

    def tissue(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return torch.ones(SAMPLES), torch.tensor(self.t1_ms), torch.tensor(self.t2_ms)


def _formula(equation: Any, draw: Draw, **parameters: Any) -> Reals:  # noqa: ANN401  # equations
    values = {
        name: torch.tensor(value) if isinstance(value, np.ndarray) else value
        for name, value in parameters.items()
    }
    signal: Reals = equation(*draw.tissue(), **values).numpy()
    return signal


def _spin_echo(draw: Draw, tr_ms: Reals, te_ms: Reals) -> Reals:
    medium = draw.medium()
    echo = steady_echo(spin_echoes(medium, tr_ms[:, None], te_ms[:, None]), equilibrium(medium))
    return _sum(echo)


def _sum(echo: Complexes) -> Reals:
    magnitude: Reals = np.abs(echo.mean(axis=-1))
    return magnitude


def test_spin_echo_of_one_pulse_is_exact() -> None:
    draw = Draw()
    te_ms, tr_ms = draw.uniform(5, 100), draw.uniform(200, 3000)

    formula = _formula(
        turbo_spin_echo,
        draw,
        tr_ms=tr_ms,
        te_ms=te_ms,
        echo_train_length=1,
        echo_spacing_ms=te_ms,
    )

    np.testing.assert_allclose(formula, _spin_echo(draw, tr_ms, te_ms), rtol=ROUNDING)


def test_plain_spin_echo_is_too_high_by_what_the_pulse_inverts() -> None:
    draw = Draw()
    te_ms, tr_ms = draw.uniform(5, 100), draw.uniform(200, 3000)
    share = 2 * np.expm1(te_ms / (2 * draw.t1_ms)) / np.expm1(tr_ms / draw.t1_ms)

    plain = _formula(spin_echo, draw, tr_ms=tr_ms, te_ms=te_ms)
    simulated = _spin_echo(draw, tr_ms, te_ms)

    np.testing.assert_allclose(plain * (1 - share), simulated, rtol=ROUNDING)
    assert np.all(share <= te_ms / tr_ms)
    short = te_ms < ASKED * tr_ms
    assert np.sum(short) > SAMPLES / 5
    np.testing.assert_allclose(plain[short], simulated[short], rtol=ASKED / (1 - ASKED))


@pytest.mark.parametrize("echoes", [1, 2, 3, 8, 17, 32])
def test_turbo_spin_echo_is_exact(echoes: int) -> None:
    draw = Draw()
    spacing_ms = draw.uniform(5, 15)
    tr_ms = echoes * spacing_ms + draw.uniform(200, 3000)
    trains = train_echoes(draw.t1_ms, draw.t2_ms, tr_ms=tr_ms, spacing_ms=spacing_ms, echoes=echoes)

    for read in {1, (echoes + 1) // 2, echoes}:
        formula = _formula(
            turbo_spin_echo,
            draw,
            tr_ms=tr_ms,
            te_ms=read * spacing_ms,
            echo_train_length=echoes,
            echo_spacing_ms=spacing_ms,
        )

        np.testing.assert_allclose(formula, np.abs(trains[:, read - 1]), rtol=ROUNDING)


@pytest.mark.parametrize("echoes", [2, 3, 16])
def test_recovery_starts_at_the_end_of_the_train(echoes: int) -> None:
    draw = Draw()
    spacing_ms, rest_ms = draw.uniform(5, 15), draw.uniform(200, 3000)
    train_ms = echoes * spacing_ms
    trains = train_echoes(
        draw.t1_ms, draw.t2_ms, tr_ms=train_ms + rest_ms, spacing_ms=spacing_ms, echoes=echoes
    )

    rule = (1 - np.exp(-rest_ms / draw.t1_ms)) * np.exp(-spacing_ms / draw.t2_ms)

    np.testing.assert_allclose(rule, np.abs(trains[:, 0]), rtol=ASKED)


@pytest.mark.parametrize("echoes", [1, 2, 9, 16])
def test_inversion_recovery_is_exact(echoes: int) -> None:
    draw = Draw()
    spacing_ms, ti_ms = draw.uniform(5, 15), draw.uniform(50, 2500)
    tr_ms = ti_ms + echoes * spacing_ms + draw.uniform(300, 8000)
    medium = draw.medium()
    cycle = spin_echoes(
        medium,
        tr_ms[:, None],
        spacing_ms[:, None],
        echoes=echoes,
        read=echoes,
        ti_ms=ti_ms[:, None],
    )

    formula = _formula(
        inversion_recovery,
        draw,
        tr_ms=tr_ms,
        te_ms=echoes * spacing_ms,
        ti_ms=ti_ms,
        echo_train_length=echoes,
        echo_spacing_ms=spacing_ms,
    )

    # near a null the signal is a difference: absolute, as a share of the equilibrium
    simulated = _sum(steady_echo(cycle, equilibrium(medium)))
    np.testing.assert_allclose(formula, simulated, rtol=ROUNDING, atol=ROUNDING)


def test_inversion_recovery_without_a_train_holds_for_a_short_readout() -> None:
    draw = Draw()
    te_ms, ti_ms = draw.uniform(5, 15), draw.uniform(50, 2500)
    tr_ms = ti_ms + te_ms + draw.uniform(300, 8000)
    medium = draw.medium()
    cycle = spin_echoes(medium, tr_ms[:, None], te_ms[:, None], ti_ms=ti_ms[:, None])

    formula = _formula(inversion_recovery, draw, tr_ms=tr_ms, te_ms=te_ms, ti_ms=ti_ms)

    # 2 % of the equilibrium, as the signal itself crosses zero
    simulated = _sum(steady_echo(cycle, equilibrium(medium)))
    np.testing.assert_allclose(formula, simulated, rtol=0, atol=ASKED)


def test_spoiled_gradient_echo_is_exact() -> None:
    draw = Draw()
    tr_ms, flip_deg = draw.uniform(3, 50), draw.uniform(2, 90)
    te_ms, medium = tr_ms * draw.uniform(0.2, 0.9), draw.on_resonance()

    formula = _formula(spoiled_gradient_echo, draw, tr_ms=tr_ms, te_ms=te_ms, flip_deg=flip_deg)

    simulated = steady_echo(gradient_echo(medium, tr_ms, te_ms, flip_deg), equilibrium(medium))
    np.testing.assert_allclose(formula, np.abs(simulated), rtol=ROUNDING)


def test_balanced_ssfp_is_exact() -> None:
    draw = Draw()
    tr_ms, flip_deg, medium = draw.uniform(3, 12), draw.uniform(10, 90), draw.on_resonance()

    formula = _formula(balanced_ssfp, draw, tr_ms=tr_ms, flip_deg=flip_deg)

    simulated = steady_echo(alternating_ssfp(medium, tr_ms, flip_deg), equilibrium(medium))
    np.testing.assert_allclose(formula, np.abs(simulated), rtol=ROUNDING)


@pytest.mark.parametrize("flip_deg", [2.0, 40.0, 180.0])
def test_single_precision_keeps_the_steady_state(flip_deg: float) -> None:
    wide = [torch.tensor([value], dtype=torch.float64) for value in (1.0, 4500.0, 2000.0)]
    narrow = [value.float() for value in wide]
    pulses = {"tr_ms": torch.tensor(3.0), "flip_deg": torch.tensor(flip_deg)}

    # a few roundings of float32: nothing near 1 is subtracted
    balanced = [balanced_ssfp(*tissue, **pulses).item() for tissue in (narrow, wide)]
    assert balanced[0] == pytest.approx(balanced[1], rel=2e-6, abs=1e-7)
    spoiled = [
        spoiled_gradient_echo(*tissue, te_ms=1.0, **pulses).item() for tissue in (narrow, wide)
    ]
    assert spoiled[0] == pytest.approx(spoiled[1], rel=2e-6, abs=1e-7)


@pytest.mark.parametrize("refocus_deg", [180.0, 150.0, 60.0])
def test_both_simulators_see_the_same_train(refocus_deg: float) -> None:
    draw, spacing_ms, echoes = Draw(), 10.0, 5
    # whole turns in half a spacing, and more isochromats than orders: their mean is the order 0
    off_hz = np.arange(24) / 24 / (spacing_ms / 2000)
    medium = Medium(draw.t1_ms[:, None], draw.t2_ms[:, None], off_hz)
    cycle = spin_echoes(medium, 100, spacing_ms, echoes=echoes, read=5, refocus_deg=refocus_deg)

    first = repeat(cycle, equilibrium(medium), repetitions=1)
    alone = train_echoes(
        draw.t1_ms,
        draw.t2_ms,
        tr_ms=np.full(SAMPLES, 1e6),
        spacing_ms=np.full(SAMPLES, spacing_ms),
        echoes=echoes,
        refocus_deg=refocus_deg,
    )

    np.testing.assert_allclose(np.abs(alone[:, -1]), _sum(first), rtol=ROUNDING)


def test_pulse_is_a_rotation() -> None:
    spins = equilibrium(Draw().on_resonance())

    turned = rotate(rotate(spins, 30, 20), 60, 20)
    whole = rotate(spins, 90, 20)

    np.testing.assert_allclose(turned.transverse, whole.transverse, atol=ROUNDING)
    np.testing.assert_allclose(turned.longitudinal, 0, atol=ROUNDING)
    # a turn about x takes +z to -y
    np.testing.assert_allclose(rotate(spins, 90).transverse, -1j, atol=ROUNDING)


def test_endless_repetitions_are_where_many_lead() -> None:
    draw = Draw()
    medium = draw.on_resonance()
    cycle = gradient_echo(medium, 50.0, 5.0, 60.0)

    many = repeat(cycle, equilibrium(medium), repetitions=60)

    # cos(60)^60 of the start is left at most
    np.testing.assert_allclose(many, steady_echo(cycle, equilibrium(medium)), atol=1e-12)
