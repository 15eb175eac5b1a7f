"""Relaxation between pulses: what is left, what is gone, and what a train of pulses leaves."""

from __future__ import annotations

import torch
from torch import Tensor

from spinesynth.kernels.sequence_checks import Value


def share_left(time_ms: Value, relaxation_ms: Tensor) -> Tensor:
    """Return the share that is left after a time > 0; nothing, if relaxation takes no time."""
    # by a tensor, a number is divided at thrice the cost
    return _left(time_ms, relaxation_ms.reciprocal())


def share_gone(time_ms: Value, relaxation_ms: Tensor) -> Tensor:
    """Return the share that is gone, exact where it is small."""
    return _gone(time_ms, relaxation_ms.reciprocal())


def _left(time_ms: Value, rate: Tensor) -> Tensor:
    return torch.exp(rate * -time_ms)


def _gone(time_ms: Value, rate: Tensor) -> Tensor:
    return -torch.expm1(rate * -time_ms)


def missing_at_excitation(
    t1_ms: Tensor,
    tr_ms: Value,
    echo_train_length: Value | None,
    echo_spacing_ms: Value | None,
) -> Tensor:
    """Return the share of the equilibrium that is missing a TR after an excitation by 90 degrees.

    Each refocusing pulse of 180 degrees, in the middle of a spacing, takes the longitudinal
    magnetisation from e to ``(1 - h)^2 - h^2 e`` with ``h = exp(-spacing / 2 T1)``, from 0 on.
    """
    if echo_train_length is None and echo_spacing_ms is None:
        return share_left(tr_ms, t1_ms)
    if echo_train_length is None or echo_spacing_ms is None:
        raise ValueError(
            "echo_train_length and echo_spacing_ms must be given together, "
            f"got {echo_train_length} and {echo_spacing_ms}"
        )
    rate = t1_ms.reciprocal()
    train_ms = echo_train_length * echo_spacing_ms
    sign = 2 * (echo_train_length % 2) - 1
    half_gone = _gone(echo_spacing_ms / 2, rate)
    remainder = half_gone * half_gone / (1 + _left(echo_spacing_ms, rate))
    remainder = remainder * (1 + sign * _left(train_ms, rate))
    return (1 - remainder) * _left(tr_ms - train_ms, rate)
