"""Scalars from an explicit generator."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def uniform(low: float, high: float, *, generator: torch.Generator) -> float:
    """Draw one number from U(low, high)."""
    return low + (high - low) * torch.rand(1, generator=generator).item()


def happens(probability: float, *, generator: torch.Generator) -> bool:
    """Return True with the given probability."""
    return torch.rand(1, generator=generator).item() < probability


def choose(options: Sequence[int], *, generator: torch.Generator) -> int:
    """Draw one of the options, all alike."""
    return options[int(torch.randint(len(options), (1,), generator=generator))]
