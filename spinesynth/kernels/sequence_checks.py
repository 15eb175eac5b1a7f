"""Check what a signal equation is given: one pass over a tensor, one message for an error."""

from __future__ import annotations

import math
from typing import TypeAlias

from torch import Tensor

#: Parameter of a sequence: one number, or a tensor that broadcasts against the tissues.
Value: TypeAlias = Tensor | float

#: Slack when a drawn echo time is compared with its echo train, for the rounding of products.
_ROUNDING_MS = 1e-3


def _bounds(value: Value) -> tuple[float, float]:
    """Return the least and the largest value; NaN for both where one is NaN."""
    if not isinstance(value, Tensor):
        return float(value), float(value)
    low, high = value.detach().aminmax()
    return low.item(), high.item()


def check_times(**times_ms: Value) -> None:
    """Raise unless every time of a sequence is finite and above 0."""
    for name, value in times_ms.items():
        low, high = _bounds(value)
        if not (low > 0 and high < math.inf):
            got = low if high < math.inf else high
            raise ValueError(f"{name} must be finite and > 0, got {got}")


def check_tissue(**properties: Tensor) -> None:
    """Raise unless every property of the tissues is finite and at least 0."""
    for name, value in properties.items():
        low, high = _bounds(value)
        if not (low >= 0 and high < math.inf):
            got = low if high < math.inf else high
            raise ValueError(f"{name} must be finite and >= 0, got {got}")


def check_shares(**shares: Value) -> None:
    """Raise unless every share lies in [0, 1]."""
    for name, value in shares.items():
        low, high = _bounds(value)
        if not (low >= 0 and high <= 1):
            raise ValueError(f"{name} must be in [0, 1], got {high if low >= 0 else low}")


def check_flip(flip_deg: Value) -> None:
    """Raise unless the flip angle lies in (0, 180] degrees."""
    low, high = _bounds(flip_deg)
    if not (low > 0 and high <= 180):
        raise ValueError(f"flip_deg must be in (0, 180], got {high if low > 0 else low}")


def check_below_tr(tr_ms: Value, **times_ms: Value) -> None:
    """Raise unless every time is less than the repetition time."""
    for name, value in times_ms.items():
        if not _bounds(tr_ms - value)[0] > 0:
            raise ValueError(f"{name} must be less than tr_ms, got {value} and {tr_ms}")


def check_echo(tr_ms: Value, te_ms: Value, **tissue: Tensor) -> None:
    """Raise unless the echo comes before the next repetition and the tissues are possible."""
    check_times(tr_ms=tr_ms, te_ms=te_ms)
    check_below_tr(tr_ms, te_ms=te_ms)
    check_tissue(**tissue)


def check_train(echo_train_length: Value, echo_spacing_ms: Value, *, te_ms: Value | None) -> Value:
    """Raise unless the echoes are counted in whole numbers and reach the echo time.

    Returns:
        Duration of the train, from excitation to half a spacing after its last echo, in ms:
        the number of echoes times their spacing.
    """
    check_times(echo_spacing_ms=echo_spacing_ms)
    broken = echo_train_length % 1
    if not (_bounds(echo_train_length)[0] >= 1 and _bounds(broken) == (0, 0)):
        raise ValueError(f"echo_train_length must be a whole number >= 1, got {echo_train_length}")
    train_ms = echo_train_length * echo_spacing_ms
    if te_ms is not None and _bounds(train_ms - te_ms)[0] < -_ROUNDING_MS:
        raise ValueError(
            f"te_ms must be at most echo_train_length * echo_spacing_ms, got {te_ms} and {train_ms}"
        )
    return train_ms
