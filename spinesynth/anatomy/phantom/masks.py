"""Masks as float32, 1 inside and 0 outside, and painting with them.

Comparisons that write floats, and blends by them, run several times faster on a
processor than booleans with branches, and need one step each. ``a * b`` is both,
:func:`torch.maximum` either, ``1 - a`` not.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor


def below(value: Tensor, limit: float | Tensor) -> Tensor:
    """Return 1 where values are less than a limit (one, or one that broadcasts), else 0."""
    return torch.lt(value, limit, out=torch.empty_like(value))


def above(value: Tensor, limit: float | Tensor) -> Tensor:
    """Return 1 where values are greater than a limit (one, or one that broadcasts), else 0."""
    return torch.gt(value, limit, out=torch.empty_like(value))


def largest(first: Tensor, *others: Tensor) -> Tensor:
    """Return the greatest of several values, point by point; the first is overwritten."""
    for other in others:
        torch.maximum(first, other, out=first)
    return first


def equal(first: Tensor, second: Tensor) -> Tensor:
    """Return 1 where two maps are equal, else 0."""
    return torch.eq(first, second, out=torch.empty_like(first))


def cover(codes: Tensor, inside: Tensor, code: float | Tensor) -> Tensor:
    """Write codes where a mask is 1, in place; return the codes.

    Args:
        codes: float32; whole numbers below 2^24 stay exact.
        inside: float32 mask of the same shape.
        code: the new code, or codes that broadcast.
    """
    new = code if isinstance(code, Tensor) else _constant(float(code), codes.device)
    return codes.lerp_(new, inside)


@cache
def _constant(value: float, device: torch.device) -> Tensor:
    return torch.tensor(value, device=device)
