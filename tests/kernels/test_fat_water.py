"""Dixon: the spectrum adds up, one peak cancels exactly, six peaks as their paper has them."""

from __future__ import annotations

import cmath
import math
from typing import Any

import pytest
import torch

from spinesynth.kernels.chemical_shift import FAT_WATER_SHIFT_PPM
from spinesynth.kernels.fat_water import (
    FAT_PEAKS,
    DixonSignals,
    FatPeak,
    dixon,
    fat_phasor,
    opposed_phase_te_ms,
)
from spinesynth.kernels.signal_equations import spoiled_gradient_echo

ONE_PEAK = (FatPeak(-FAT_WATER_SHIFT_PPM, 1.0),)
FRACTIONS = torch.tensor([0.0, 0.1, 0.3, 0.5], dtype=torch.float64)
PD, T1_MS, T2_STAR_MS = torch.tensor([[1.3], [600.0], [1e9]], dtype=torch.float64)


def _dixon(te_ms: float, field_t: float, peaks: tuple[FatPeak, ...] = FAT_PEAKS) -> DixonSignals:
    return dixon(
        PD,
        T1_MS,
        T2_STAR_MS,
        FRACTIONS,
        tr_ms=50,
        te_ms=te_ms,
        flip_deg=20,
        field_t=field_t,
        peaks=peaks,
    )


def test_spectrum_is_that_of_the_abstract() -> None:
    share = {round(peak.shift_ppm + 4.7, 2): peak.share for peak in FAT_PEAKS}
    assert sum(share.values()) == pytest.approx(1)
    # the shares are given to a tenth of a per cent
    assert share[2.1] / share[1.3] == pytest.approx(0.172, abs=0.001)
    assert share[0.9] / share[1.3] == pytest.approx(0.125, abs=0.001)
    assert share[2.75] == 0.006
    assert share[5.3] + share[4.2] == pytest.approx(0.086)


@pytest.mark.parametrize(("field_t", "opposed_ms"), [(1.5, 2.24), (3.0, 1.12)])
def test_opposed_phase_is_half_a_turn_of_the_main_peak(field_t: float, opposed_ms: float) -> None:
    # 42.577 MHz/T times 3.5 ppm: 149 Hz for each tesla
    assert opposed_phase_te_ms(field_t) == pytest.approx(500 / (149.02 * field_t), rel=1e-4)
    assert round(opposed_phase_te_ms(field_t), 2) == opposed_ms


@pytest.mark.parametrize("field_t", [1.5, 3.0])
def test_one_peak_adds_in_phase_and_cancels_out_of_phase(field_t: float) -> None:
    te_ms = opposed_phase_te_ms(field_t)
    opposed, together = (_dixon(te, field_t, ONE_PEAK) for te in (te_ms, 2 * te_ms))

    # without decay, half the difference is fat and half the sum is water
    torch.testing.assert_close((together.echo - opposed.echo) / 2, together.fat)
    torch.testing.assert_close((together.echo + opposed.echo) / 2, together.water)


def test_quarter_of_a_turn_adds_by_pythagoras() -> None:
    signals = _dixon(opposed_phase_te_ms(1.5) / 2, 1.5, ONE_PEAK)

    torch.testing.assert_close(signals.echo, torch.hypot(signals.water, signals.fat))


@pytest.mark.parametrize("field_t", [1.5, 3.0])
def test_six_peaks_give_back_the_fat_within_their_spread(field_t: float) -> None:
    te_ms = opposed_phase_te_ms(field_t)
    opposed, together = (_dixon(te, field_t) for te in (te_ms, 2 * te_ms))

    found = (together.echo - opposed.echo) / 2 / (together.water + together.fat)

    # two echoes see fat too low, as 8.6 % of it stays with water: up to a quarter less; the signal
    # decays by 2e-9 between them
    assert torch.all(found[1:] < FRACTIONS[1:])
    torch.testing.assert_close(found, FRACTIONS, rtol=0.25, atol=1e-8)


def test_phasor_is_the_sum_of_its_peaks() -> None:
    te_ms, field_t = 3.7, 2.9
    wanted = sum(
        peak.share
        * cmath.exp(2j * math.pi * 42.577478518e6 * field_t * peak.shift_ppm * 1e-6 * 3.7e-3)
        for peak in FAT_PEAKS
    )

    for time in (te_ms, torch.tensor(te_ms, dtype=torch.float64)):
        real, imaginary = fat_phasor(time, field_t=field_t)
        assert float(real) == pytest.approx(wanted.real, abs=1e-12)
        assert float(imaginary) == pytest.approx(wanted.imag, abs=1e-12)


def test_fat_alone_fades_as_its_peaks_part() -> None:
    start, later = (fat_phasor(torch.tensor(te), field_t=1.5) for te in (0.0, 4.47))
    assert [float(part) for part in start] == pytest.approx([1, 0])
    assert 0.5 < math.hypot(*(float(part) for part in later)) < 0.95


def test_parts_are_the_gradient_echo() -> None:
    signals = _dixon(3.0, 1.5)
    whole = spoiled_gradient_echo(PD, T1_MS, T2_STAR_MS, tr_ms=50, te_ms=3.0, flip_deg=20)

    torch.testing.assert_close(signals.water + signals.fat, whole.expand(4))
    torch.testing.assert_close(signals.fat, whole * FRACTIONS)
    # water alone has no phase to lose
    torch.testing.assert_close(signals.echo[:1], whole)


def test_protocols_broadcast_against_tissues() -> None:
    te_ms, field_t = torch.tensor([[2.2], [2.3]]), torch.tensor([[1.5], [3.0]])
    pd, t1_ms, t2_star_ms, fractions = (part.float() for part in (PD, T1_MS, T2_STAR_MS, FRACTIONS))

    both = dixon(
        pd, t1_ms, t2_star_ms, fractions, tr_ms=50, te_ms=te_ms, flip_deg=20, field_t=field_t
    )

    assert both.echo.shape == (2, 4)
    assert both.echo.dtype == torch.float32
    for row in range(2):
        one = _dixon(te_ms[row].item(), field_t[row].item())
        torch.testing.assert_close(both.echo[row].double(), one.echo, rtol=1e-5, atol=1e-6)


def test_impossible_arguments_are_refused() -> None:
    sequence: dict[str, Any] = {"tr_ms": 7.0, "te_ms": 2.0, "flip_deg": 8.0}
    one = torch.ones(1)
    with pytest.raises(ValueError, match=r"fat_fraction must be in \[0, 1\], got 2"):
        dixon(one, one, one, one * 2, field_t=1.5, **sequence)
    with pytest.raises(ValueError, match=r"fat_fraction must be in \[0, 1\], got -1"):
        dixon(one, one, one, -one, field_t=1.5, **sequence)
    with pytest.raises(ValueError, match="field_t must be finite and > 0, got 0"):
        dixon(one, one, one, one, field_t=0, **sequence)
    with pytest.raises(ValueError, match="field_t must be finite and > 0, got -3"):
        opposed_phase_te_ms(-3)
