"""Scalar draws for the record of a phantom."""

from __future__ import annotations

from collections.abc import Mapping

import torch

_NORMAL_LIMIT = 2.2  # standard deviations; keeps every draw inside the living range


class Dice:
    """Scalar draws from one generator, as Python floats."""

    def __init__(self, generator: torch.Generator) -> None:
        """Draw from a generator, which advances with every draw."""
        self._generator = generator

    def uniform(self, low: float, high: float) -> float:
        """Return a number in [low, high)."""
        return low + (high - low) * float(torch.rand((), generator=self._generator))

    def normal(self, mean: float, sd: float) -> float:
        """Return a normal number, limited to 2.2 standard deviations."""
        z = float(torch.randn((), generator=self._generator))
        return mean + sd * max(-_NORMAL_LIMIT, min(_NORMAL_LIMIT, z))

    def vary(self, mean: float, relative_sd: float) -> float:
        """Return ``mean`` times a normal number around one."""
        return mean * self.normal(1.0, relative_sd)

    def chance(self, probability: float) -> bool:
        """Return True with the given probability."""
        return self.uniform(0.0, 1.0) < probability

    def pick(self, shares: Mapping[str, float], *, otherwise: str) -> str:
        """Return a name with the probability of its share, ``otherwise`` with the rest."""
        rest = self.uniform(0.0, 1.0)
        for name, share in shares.items():
            rest -= share
            if rest < 0:
                return name
        return otherwise
