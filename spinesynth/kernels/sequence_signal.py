"""Signal of every tissue of a patient in a scan, and how it follows T1, T2 and proton density."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from spinesynth.anatomy.protocols import Protocol, Sequence
from spinesynth.anatomy.relaxation_draw import PatientMR, Values
from spinesynth.anatomy.tissues import Tissue
from spinesynth.kernels.driven_equilibrium import driven_equilibrium
from spinesynth.kernels.signal_equations import (
    CORD_TRANSFER_RATIO,
    DISC_TRANSFER_RATIO,
    MUSCLE_TRANSFER_RATIO,
    SOFT_TISSUE_TRANSFER_RATIO,
    balanced_ssfp,
    dixon,
    inversion_recovery,
    magnetisation_transfer,
    spin_echo,
    turbo_spin_echo,
)

#: Share of the signal that a full pulse of magnetisation transfer takes; none of fluid, fat and
#: marrow, whose water has little to give it to.
TRANSFER_RATIOS: dict[Tissue, float] = {
    Tissue.CORD: CORD_TRANSFER_RATIO,
    Tissue.NUCLEUS: DISC_TRANSFER_RATIO,
    Tissue.NUCLEUS_DRY: DISC_TRANSFER_RATIO,
    Tissue.ANNULUS: DISC_TRANSFER_RATIO,
    Tissue.MUSCLE: MUSCLE_TRANSFER_RATIO,
    **dict.fromkeys(
        (Tissue.VISCERA_A, Tissue.VISCERA_B, Tissue.VISCERA_C, Tissue.SKIN),
        SOFT_TISSUE_TRANSFER_RATIO,
    ),
}

#: Step in ln T1 and ln T2 of the differences: its square and rounding over it are below 1e-8.
_STEP = 1e-4
#: Factors ``(5, 1)`` of T1 and of T2: none, T1 up and down, T2 up and down.
_STEPS_T1 = np.exp(_STEP * np.array([0, 1, -1, 0, 0]))[:, None]
_STEPS_T2 = np.exp(_STEP * np.array([0, 0, 0, 1, -1]))[:, None]

#: Sequences without a refocusing pulse of a slice, which moving blood would miss.
GRADIENT_ECHOES = frozenset({Sequence.GRE, Sequence.BSSFP, Sequence.DIXON})

DixonPart = Literal["echo", "water", "fat"]


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What decides a scan's signals beside the protocol and the tissues.

    Args:
        flow: share in [0, 1] of the blood that sees both pulses of a spin echo: 0 is a
            flow void, 1 is blood at rest.
        transfer: strength in [0, 1] of the magnetisation transfer pulse before a GRE, as
            share of :data:`TRANSFER_RATIOS`.
        dixon_part: what is shown of a Dixon scan: its echo, or its water or fat alone.
    """

    flow: float = 1.0
    transfer: float = 0.0
    dixon_part: DixonPart = "echo"


class SignalTable(NamedTuple):
    """Signal of each tissue, and its derivatives by the logarithms of its properties, ``(K,)``."""

    signal: Tensor
    by_log_t1: Tensor
    by_log_t2: Tensor
    by_log_pd: Tensor


def sequence_signals(
    protocol: Protocol, patient: PatientMR, conditions: Conditions | None = None
) -> Tensor:
    """Return the signal of each tissue in a scan.

    Args:
        protocol: sequence and its parameters. GRE and Dixon scans let fat and water of a
            tissue add or cancel as their echo time has it.
        patient: properties of the ``K`` tissues, at the field of the protocol.
        conditions: flow, magnetisation transfer and part of Dixon; None is blood at rest, no
            transfer and the echo.

    Returns:
        ``(K,)`` float64 magnitudes in the unit of the proton density, by code of Tissue.

    Raises:
        ValueError: if patient and protocol have different fields, or naming the first
            argument that an equation refuses.

    Source: the equations' (:mod:`spinesynth.kernels.signal_equations`).

    Example:
        >>> from numpy.random import RandomState
        >>> from spinesynth.anatomy.protocols import draw_protocol
        >>> from spinesynth.anatomy.relaxation_draw import draw_relaxation
        >>> state = RandomState(0)
        >>> protocol = draw_protocol(state, sequences=(Sequence.T2_TSE,), field_t=1.5)
        >>> signals = sequence_signals(protocol, draw_relaxation(state, field_t=1.5))
        >>> bool(signals[Tissue.CSF] > signals[Tissue.MUSCLE])
        True
    """
    return _signals(protocol, _properties(protocol, patient), conditions or Conditions())


def signal_table(
    protocol: Protocol, patient: PatientMR, conditions: Conditions | None = None
) -> SignalTable:
    """Return the signal of each tissue, and how it follows small changes of the tissue.

    A change of T2 moves T2* with it: what the field's unevenness adds to 1/T2* stays.

    Args:
        protocol: as of :func:`sequence_signals`.
        patient: as there.
        conditions: as there.

    Returns:
        Signal and its derivatives by ln T1, ln T2 and ln PD, the last of which is the
        signal itself.

    Raises:
        ValueError: as there.

    Source: central differences of the equations, all in one call.

    Example:
        >>> from numpy.random import RandomState
        >>> from spinesynth.anatomy.relaxation_draw import draw_relaxation
        >>> protocol = Protocol(
        ...     sequence=Sequence.SPIN_ECHO, field_t=1.5, tr_ms=1e6, te_ms=50, echo_spacing_ms=50
        ... )
        >>> patient = draw_relaxation(RandomState(0), field_t=1.5)
        >>> table = signal_table(protocol, patient)  # dlnS / dlnT2 = TE / T2
        >>> ratio = table.by_log_t2 / table.signal * torch.tensor(patient.t2_ms)
        >>> round(ratio[Tissue.CSF].item(), 3)
        50.0
    """
    tissues = _properties(protocol, patient)
    t1_ms, t2_ms = _STEPS_T1 * tissues["t1_ms"], _STEPS_T2 * tissues["t2_ms"]
    if protocol.sequence in GRADIENT_ECHOES:  # no other equation reads T2*
        unevenness = 1 / tissues["t2_star_ms"] - 1 / tissues["t2_ms"]
        tissues["t2_star_ms"] = 1 / (1 / t2_ms + unevenness)
    tissues |= {"t1_ms": t1_ms, "t2_ms": t2_ms}
    signals = _signals(protocol, tissues, conditions or Conditions())
    by_log_t1, by_log_t2 = ((signals[1::2] - signals[2::2]) / (2 * _STEP)).unbind()
    signal = signals[0]
    return SignalTable(signal, by_log_t1, by_log_t2, signal)


def _properties(protocol: Protocol, patient: PatientMR) -> dict[str, Values]:
    """Return the properties of the tissues by name."""
    if patient.field_t != protocol.field_t:
        raise ValueError(
            f"patient.field_t must be that of the protocol, {protocol.field_t}, "
            f"got {patient.field_t}"
        )
    names = ("pd", "t1_ms", "t2_ms", "t2_star_ms", "fat_fraction")
    return {name: np.asarray(getattr(patient, name), dtype=np.float64) for name in names}


def _signals(protocol: Protocol, properties: dict[str, Values], conditions: Conditions) -> Tensor:
    """Return what the sequence's equation gives, and what flow and transfer leave of it."""
    tissues = {name: torch.from_numpy(values) for name, values in properties.items()}
    signal = _EQUATIONS[protocol.sequence](protocol, tissues, conditions)
    if protocol.sequence not in GRADIENT_ECHOES:
        signal.select(-1, Tissue.VESSEL).mul_(conditions.flow)
    if protocol.sequence is Sequence.GRE:
        signal = magnetisation_transfer(signal, conditions.transfer * _transfer_ratios())
    return signal


@cache
def _transfer_ratios() -> Tensor:
    ratios = [TRANSFER_RATIOS.get(tissue, 0.0) for tissue in Tissue]
    return torch.tensor(ratios, dtype=torch.float64)


def _spin_echo(protocol: Protocol, tissues: dict[str, Tensor], _: Conditions) -> Tensor:
    return spin_echo(*_times(tissues), tr_ms=protocol.tr_ms, te_ms=protocol.te_ms)


def _train(protocol: Protocol, tissues: dict[str, Tensor], _: Conditions) -> Tensor:
    equation = driven_equilibrium if protocol.driven_equilibrium else turbo_spin_echo
    return equation(*_times(tissues), **_echoes(protocol))


def _inversion(protocol: Protocol, tissues: dict[str, Tensor], _: Conditions) -> Tensor:
    if protocol.ti_ms is None:
        raise ValueError(f"ti_ms of {protocol.sequence} must be a time, got None")
    return inversion_recovery(*_times(tissues), **_echoes(protocol), ti_ms=protocol.ti_ms)


def _fat_and_water(protocol: Protocol, tissues: dict[str, Tensor], at: Conditions) -> Tensor:
    parts = dixon(
        tissues["pd"],
        tissues["t1_ms"],
        tissues["t2_star_ms"],
        tissues["fat_fraction"],
        tr_ms=protocol.tr_ms,
        te_ms=protocol.te_ms,
        flip_deg=_flip_deg(protocol),
        field_t=protocol.field_t,
    )
    part: Tensor = getattr(parts, at.dixon_part if protocol.sequence is Sequence.DIXON else "echo")
    return part


def _balanced(protocol: Protocol, tissues: dict[str, Tensor], _: Conditions) -> Tensor:
    return balanced_ssfp(*_times(tissues), tr_ms=protocol.tr_ms, flip_deg=_flip_deg(protocol))


_EQUATIONS = {
    Sequence.T1_TSE: _train,
    Sequence.T2_TSE: _train,
    Sequence.T2_SPACE: _train,
    Sequence.SPIN_ECHO: _spin_echo,
    Sequence.PD_TSE: _train,
    Sequence.STIR: _inversion,
    Sequence.FLAIR: _inversion,
    Sequence.GRE: _fat_and_water,
    Sequence.BSSFP: _balanced,
    Sequence.DIXON: _fat_and_water,
}


def _times(tissues: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    return tissues["pd"], tissues["t1_ms"], tissues["t2_ms"]


def _echoes(protocol: Protocol) -> dict[str, Any]:
    names = ("tr_ms", "te_ms", "echo_train_length", "echo_spacing_ms")
    return {name: getattr(protocol, name) for name in names}


def _flip_deg(protocol: Protocol) -> float:
    if protocol.flip_deg is None:
        raise ValueError(f"flip_deg of {protocol.sequence} must be an angle, got None")
    return protocol.flip_deg
