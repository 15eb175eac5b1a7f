"""Extended phase graph of a turbo spin echo, a second simulator beside the isochromats."""

from __future__ import annotations

import numpy as np

from tests.physics.bloch import Complexes, Reals


class PhaseGraph:
    """Configurations F+, F- and Z of every order, one row per sample."""

    def __init__(self, samples: int, orders: int) -> None:
        self.forward = np.zeros((samples, orders), complex)
        self.backward = np.zeros((samples, orders), complex)
        self.longitudinal = np.zeros((samples, orders), complex)

    def pulse(self, flip_deg: float, phase_deg: float) -> None:
        """Mix the configurations of each order (Weigel 2015, JMRI 41:266, equation 15)."""
        angle, axis = np.deg2rad(flip_deg), np.exp(1j * np.deg2rad(phase_deg))
        stay, swap, sine = np.cos(angle / 2) ** 2, np.sin(angle / 2) ** 2, np.sin(angle)
        plus, minus, along = self.forward, self.backward, self.longitudinal
        self.forward = stay * plus + swap * axis**2 * minus - 1j * sine * axis * along
        self.backward = swap / axis**2 * plus + stay * minus + 1j * sine / axis * along
        self.longitudinal = (
            -0.5j * sine / axis * plus + 0.5j * sine * axis * minus + np.cos(angle) * along
        )

    def relax(self, time_ms: Reals, t1_ms: Reals, t2_ms: Reals) -> None:
        """Decay, and recover in the order 0 alone."""
        left1, left2 = np.exp(-time_ms / t1_ms)[:, None], np.exp(-time_ms / t2_ms)[:, None]
        self.forward, self.backward = self.forward * left2, self.backward * left2
        self.longitudinal = self.longitudinal * left1
        self.longitudinal[:, :1] += 1 - left1

    def dephase(self) -> None:
        """Shift by one order, as the gradient of half a spacing does."""
        self.forward = np.roll(self.forward, 1, axis=1)
        self.backward = np.roll(self.backward, -1, axis=1)
        self.backward[:, -1] = 0
        self.forward[:, 0] = self.backward[:, 0].conj()

    def excite(self, along: Reals) -> None:
        """Start from longitudinal magnetisation alone and turn it by 90 degrees."""
        for state in (self.forward, self.backward, self.longitudinal):
            state[:] = 0
        self.longitudinal[:, 0] = along
        self.pulse(90, 0)


def train_echoes(
    t1_ms: Reals,
    t2_ms: Reals,
    *,
    tr_ms: Reals,
    spacing_ms: Reals,
    echoes: int,
    refocus_deg: float = 180.0,
) -> Complexes:
    """Return the echoes ``(samples, echoes)`` of the third train, which is steady by then."""
    graph = PhaseGraph(len(t1_ms), 2 * echoes + 2)
    along, seen = np.ones(len(t1_ms)), np.zeros((len(t1_ms), echoes), complex)
    for _ in range(3):
        graph.excite(along)
        for echo in range(echoes):
            for half in range(2):
                graph.relax(spacing_ms / 2, t1_ms, t2_ms)
                graph.dephase()
                if half == 0:
                    graph.pulse(refocus_deg, 90)
            seen[:, echo] = graph.forward[:, 0]
        graph.relax(tr_ms - echoes * spacing_ms, t1_ms, t2_ms)
        along = graph.longitudinal[:, 0].real.copy()
    return seen
