"""Bloch equations for tests and benchmarks: hard pulses, precession and relaxation of spins.

Magnetisation is relative to its equilibrium, arrays are numpy's. Nothing here is shared with the
equations that it checks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Reals: TypeAlias = NDArray[np.floating[Any]]
Complexes: TypeAlias = NDArray[np.complexfloating[Any, Any]]


class Spins(NamedTuple):
    """Transverse magnetisation Mx + i My and longitudinal magnetisation Mz."""

    transverse: Complexes
    longitudinal: Reals


#: One repetition: the spins when it is over, and the transverse magnetisation at its echo.
Cycle: TypeAlias = Callable[[Spins], tuple[Spins, Complexes]]


class Medium(NamedTuple):
    """Relaxation times and frequency of the spins, broadcast against each other."""

    t1_ms: Reals
    t2_ms: Reals
    off_hz: Reals


def equilibrium(medium: Medium) -> Spins:
    """Return spins at rest."""
    ones = np.ones(np.broadcast_shapes(*(np.shape(part) for part in medium)))
    return Spins(ones * 0j, ones)


def rotate(spins: Spins, flip_deg: Reals | float, phase_deg: float = 0.0) -> Spins:
    """Turn about an axis of the transverse plane: Bloch's rotation matrix, in complex form."""
    angle, axis = np.deg2rad(flip_deg), np.exp(1j * np.deg2rad(phase_deg))
    along = spins.transverse / axis
    transverse = axis * (
        along * np.cos(angle / 2) ** 2
        + along.conj() * np.sin(angle / 2) ** 2
        - 1j * np.sin(angle) * spins.longitudinal
    )
    return Spins(transverse, spins.longitudinal * np.cos(angle) + along.imag * np.sin(angle))


def wait(spins: Spins, time_ms: Reals | float, medium: Medium) -> Spins:
    """Precess and relax for some time."""
    turn = np.exp(2j * np.pi * medium.off_hz * time_ms / 1000 - time_ms / medium.t2_ms)
    return Spins(
        spins.transverse * turn, 1 + (spins.longitudinal - 1) * np.exp(-time_ms / medium.t1_ms)
    )


def spoil(spins: Spins) -> Spins:
    """Lose the transverse magnetisation."""
    return Spins(spins.transverse * 0, spins.longitudinal)


def spin_echoes(
    medium: Medium,
    tr_ms: Reals | float,
    spacing_ms: Reals | float,
    *,
    echoes: int = 1,
    read: int = 1,
    refocus_deg: float = 180.0,
    ti_ms: Reals | float | None = None,
) -> Cycle:
    """Return a repetition: inversion if wanted, 90 degrees, and a train of refocusing pulses."""

    def cycle(spins: Spins) -> tuple[Spins, Complexes]:
        used_ms, seen = echoes * spacing_ms, spins.transverse
        if ti_ms is not None:
            spins, used_ms = wait(spoil(rotate(spins, 180)), ti_ms, medium), used_ms + ti_ms
        spins = rotate(spins, 90)
        for echo in range(1, echoes + 1):
            spins = rotate(wait(spins, spacing_ms / 2, medium), refocus_deg, 90)
            spins = wait(spins, spacing_ms / 2, medium)
            seen = spins.transverse if echo == read else seen
        return spoil(wait(spins, tr_ms - used_ms, medium)), seen

    return cycle


def gradient_echo(
    medium: Medium, tr_ms: Reals | float, te_ms: Reals | float, flip_deg: Reals | float
) -> Cycle:
    """Return a repetition that ends with perfect spoiling."""

    def cycle(spins: Spins) -> tuple[Spins, Complexes]:
        spins = wait(rotate(spins, flip_deg), te_ms, medium)
        return spoil(wait(spins, tr_ms - te_ms, medium)), spins.transverse

    return cycle


def alternating_ssfp(medium: Medium, tr_ms: Reals | float, flip_deg: Reals | float) -> Cycle:
    """Return a repetition without spoiling, in a frame that turns with the pulses' sign."""

    def cycle(spins: Spins) -> tuple[Spins, Complexes]:
        spins = wait(rotate(spins, flip_deg), tr_ms / 2, medium)
        end = wait(spins, tr_ms / 2, medium)
        return Spins(-end.transverse, end.longitudinal), spins.transverse

    return cycle


def repeat(cycle: Cycle, start: Spins, *, repetitions: int) -> Complexes:
    """Step through some repetitions and return the last one's echo."""
    spins, echo = start, start.transverse
    for _ in range(repetitions):
        spins, echo = cycle(spins)
    return echo


def steady_echo(cycle: Cycle, start: Spins) -> Complexes:
    """Return the echo after endless repetitions.

    A repetition is an affine map of three numbers. It is read off four starts and solved for
    the magnetisation that it leaves as it is.
    """
    zero, one = np.zeros_like(start.longitudinal), np.ones_like(start.longitudinal)
    rest = _vector(cycle(Spins(zero + 0j, zero))[0])
    units = (Spins(one + 0j, zero), Spins(one * 1j, zero), Spins(zero + 0j, one))
    matrix = np.stack([_vector(cycle(unit)[0]) - rest for unit in units], axis=-1)
    x, y, z = np.moveaxis(np.linalg.solve(np.eye(3) - matrix, rest[..., None])[..., 0], -1, 0)
    return cycle(Spins(x + 1j * y, z))[1]


def _vector(spins: Spins) -> Reals:
    return np.stack([spins.transverse.real, spins.transverse.imag, spins.longitudinal], axis=-1)
