"""A train that ends upright: its limits, and a recursion of the magnetisation."""

from __future__ import annotations

import math

import pytest
import torch

from spinesynth.kernels.driven_equilibrium import driven_equilibrium
from spinesynth.kernels.spin_echo import spin_echo

_TRAIN = {"echo_train_length": 60, "echo_spacing_ms": 4.0}


def _signal(t1_ms: float, t2_ms: float, *, tr_ms: float = 1000.0, te_ms: float = 124.0) -> float:
    tissue = [torch.tensor([v], dtype=torch.float64) for v in (1.0, t1_ms, t2_ms)]
    pd, t1, t2 = tissue
    return driven_equilibrium(pd, t1, t2, tr_ms=tr_ms, te_ms=te_ms, **_TRAIN).item()


@pytest.mark.parametrize(("t1_ms", "t2_ms"), [(4273.0, 1578.0), (998.0, 35.0), (288.0, 165.0)])
def test_equals_the_recursion_of_repetition_after_repetition(t1_ms: float, t2_ms: float) -> None:
    upright = 1.0
    for _ in range(200):
        restored = upright * math.exp(-240 / t2_ms)  # all turns transverse, what is left returns
        upright = 1 - (1 - restored) * math.exp(-760 / t1_ms)
    # 200 repetitions leave less than 1e-9 of the start
    assert _signal(t1_ms, t2_ms) == pytest.approx(upright * math.exp(-124 / t2_ms), rel=1e-6)


def test_short_t2_recovers_from_nothing_and_fluid_from_what_was_left() -> None:
    tissue = torch.ones(1), torch.tensor([4273.0]), torch.tensor([1578.0])
    plain = spin_echo(*tissue, tr_ms=760.0, te_ms=124.0).item()

    assert _signal(998.0, 1e-3) == 0
    # (1 - E1) / (1 - E1 E2) over (1 - E1), with E1 = exp(-760/4273), E2 = exp(-240/1578)
    gain = 1 / (1 - math.exp(-760 / 4273 - 240 / 1578))
    assert _signal(4273.0, 1578.0) == pytest.approx(plain * gain, rel=1e-5)  # plain is float32
    assert gain > 3


def test_signal_is_within_the_proton_density_and_grows_with_tr() -> None:
    signals = [_signal(4273.0, 1578.0, tr_ms=tr_ms) for tr_ms in (300, 1000, 3000, 1e7)]
    assert signals == sorted(signals)
    assert signals[-1] == pytest.approx(math.exp(-124 / 1578), rel=1e-9)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tr_ms": 200.0}, "echo_train_length \\* echo_spacing_ms must be less than tr_ms"),
        ({"te_ms": 500.0}, "te_ms must be at most echo_train_length"),
    ],
)
def test_impossible_times_are_refused(changes: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        _signal(1000.0, 100.0, **changes)
