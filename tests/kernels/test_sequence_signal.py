"""Each sequence takes its own equation; flow and transfer act where they should."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.random import RandomState

from spinesynth.anatomy.protocols import Protocol, Sequence, draw_protocol
from spinesynth.anatomy.relaxation_draw import PatientMR, draw_relaxation
from spinesynth.anatomy.tissues import Tissue
from spinesynth.kernels.fat_water import opposed_phase_te_ms
from spinesynth.kernels.magnetisation_transfer import CORD_TRANSFER_RATIO
from spinesynth.kernels.sequence_signal import Conditions, sequence_signals, signal_table


def _patient(field_t: float = 1.5, seed: int = 0) -> PatientMR:
    return draw_relaxation(RandomState(seed), field_t=field_t)


def _protocol(sequence: Sequence, **changes: Any) -> Protocol:  # noqa: ANN401  # its fields
    drawn = draw_protocol(RandomState(1), sequences=(sequence,), field_t=1.5)
    return dataclasses.replace(drawn, **changes)


def test_spin_echo_is_the_equation_of_the_thesis() -> None:
    patient, protocol = _patient(), _protocol(Sequence.SPIN_ECHO, tr_ms=500.0, te_ms=20.0)

    wanted = patient.pd * (1 - np.exp(-500 / patient.t1_ms)) * np.exp(-20 / patient.t2_ms)

    signals = sequence_signals(protocol, patient)
    np.testing.assert_allclose(signals.numpy(), wanted, rtol=1e-12)  # float64


def test_order_of_tissues_is_the_one_radiologists_know() -> None:
    csf, fat, muscle, marrow = Tissue.CSF, Tissue.FAT, Tissue.MUSCLE, Tissue.MARROW_BODY
    disc, cord = Tissue.NUCLEUS_DRY, Tissue.CORD
    known = {
        Sequence.T1_TSE: (fat, marrow, muscle, csf),
        Sequence.T2_TSE: (csf, fat, marrow, disc, muscle),
        Sequence.T2_SPACE: (csf, fat, marrow, disc, muscle),
        Sequence.PD_TSE: (fat, csf, disc),
        Sequence.STIR: (csf, cord, fat),
        Sequence.FLAIR: (fat, cord, muscle),
        Sequence.GRE: (csf, cord, marrow),
    }
    for sequence, order in known.items():
        changes = {"te_ms": 20.0} if sequence is Sequence.GRE else {}  # weighted by T2*
        mean = torch.stack(
            [
                sequence_signals(_protocol(sequence, **changes), _patient(seed=seed))
                for seed in range(20)
            ]
        ).mean(0)
        drawn = [float(mean[tissue]) for tissue in order]
        assert drawn == sorted(drawn, reverse=True), sequence


@pytest.mark.parametrize("sequence", list(Sequence))
def test_slopes_are_those_of_the_signal(sequence: Sequence) -> None:
    patient, protocol = _patient(seed=3), _protocol(sequence)
    table = signal_table(protocol, patient)

    def signals(t1: float = 1.0, t2: float = 1.0) -> torch.Tensor:
        rates = 1 / patient.t2_star_ms - 1 / patient.t2_ms
        t2_ms = patient.t2_ms * t2
        changed = dataclasses.replace(
            patient,
            t1_ms=patient.t1_ms * t1,
            t2_ms=t2_ms,
            t2_star_ms=1 / (1 / t2_ms + rates),
        )
        return sequence_signals(protocol, changed)

    step = 1e-3  # another than the kernel's; second order, so off by its square
    by_t1 = (signals(t1=math.exp(step)) - signals(t1=math.exp(-step))) / (2 * step)
    by_t2 = (signals(t2=math.exp(step)) - signals(t2=math.exp(-step))) / (2 * step)
    # magnitudes have a corner at the null of an inversion: no tissue of this draw stands there
    torch.testing.assert_close(table.by_log_t1, by_t1, atol=1e-5, rtol=0)
    torch.testing.assert_close(table.by_log_t2, by_t2, atol=1e-5, rtol=0)
    assert torch.equal(table.by_log_pd, table.signal)
    torch.testing.assert_close(table.signal, signals(), atol=1e-12, rtol=0)


@pytest.mark.parametrize("sequence", list(Sequence))
def test_flow_takes_blood_alone_and_from_spin_echoes_alone(sequence: Sequence) -> None:
    patient, protocol = _patient(), _protocol(sequence)
    rest = sequence_signals(protocol, patient)
    void = sequence_signals(protocol, patient, Conditions(flow=0.0))

    echo = sequence in (Sequence.GRE, Sequence.BSSFP, Sequence.DIXON)
    changed = {n for n in range(len(Tissue)) if rest[n] != void[n]}
    assert changed == (set() if echo else {Tissue.VESSEL})
    assert echo or float(void[Tissue.VESSEL]) == 0


def test_transfer_takes_from_tissue_with_bound_water_in_gre_alone() -> None:
    patient, full = _patient(), Conditions(transfer=1.0)
    for sequence in Sequence:
        protocol = _protocol(sequence)
        plain = sequence_signals(protocol, patient)
        left = sequence_signals(protocol, patient, full) / plain.clamp(min=1e-30)
        if sequence is Sequence.GRE:
            assert float(left[Tissue.CORD]) == pytest.approx(1 - CORD_TRANSFER_RATIO)
            assert all(float(left[t]) < 1 for t in (Tissue.ANNULUS, Tissue.MUSCLE, Tissue.SKIN))
            assert float(left[Tissue.CSF]) == float(left[Tissue.FAT]) == 1
        else:
            assert torch.equal(sequence_signals(protocol, patient, full), plain)


def test_dixon_shows_water_fat_or_their_sum() -> None:
    patient = _patient()
    in_phase = _protocol(Sequence.DIXON, te_ms=2 * opposed_phase_te_ms(1.5))
    opposed = _protocol(Sequence.DIXON, te_ms=opposed_phase_te_ms(1.5))
    water, fat, together = (
        sequence_signals(in_phase, patient, Conditions(dixon_part=part))
        for part in ("water", "fat", "echo")
    )
    out = sequence_signals(opposed, patient)

    assert float(fat[Tissue.CSF]) == 0
    assert float(water[Tissue.CSF]) == pytest.approx(float(together[Tissue.CSF]))
    assert float(water[Tissue.FAT]) < 0.3 * float(fat[Tissue.FAT])
    # marrow holds both, and loses where they oppose each other
    assert float(out[Tissue.MARROW_BODY]) < 0.7 * float(together[Tissue.MARROW_BODY])


def test_space_keeps_fluid_bright() -> None:
    protocol = _protocol(Sequence.T2_SPACE)
    plain = dataclasses.replace(protocol, driven_equilibrium=False)

    restored, lost = (sequence_signals(one, _patient()) for one in (protocol, plain))

    assert int(restored.argmax()) == Tissue.CSF
    assert float(restored[Tissue.CSF]) > 3 * float(lost[Tissue.CSF])


@pytest.mark.parametrize(
    ("sequence", "changes", "said"),
    [
        (Sequence.STIR, {"ti_ms": None}, "ti_ms of stir must be a time"),
        (Sequence.GRE, {"flip_deg": None}, "flip_deg of gre must be an angle"),
        (Sequence.GRE, {"field_t": 3.0}, "field_t must be that of the protocol, 3.0, got 1.5"),
    ],
)
def test_what_does_not_fit_is_refused(
    sequence: Sequence, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        sequence_signals(_protocol(sequence, **changes), _patient())
