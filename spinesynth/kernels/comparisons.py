"""Comparisons of whole maps on the CPU, by numpy: torch takes ten times as long for them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor


def is_any_of(codes: Tensor, members: Iterable[int]) -> Tensor:
    """Return where a map of codes has one of some codes.

    Args:
        codes: integers, on the CPU.
        members: at least one code.

    Returns:
        Boolean of the same shape.

    Example:
        >>> is_any_of(torch.tensor([0, 1, 2, 3], dtype=torch.uint8), (1, 3)).tolist()
        [False, True, False, True]
    """
    first, *others = (int(member) for member in members)
    array = codes.numpy()
    found = np.equal(array, first)
    for other in others:
        found |= np.equal(array, other)
    return torch.from_numpy(found)


def is_greater(left: Tensor, right: Tensor | float) -> Tensor:
    """Return where ``left > right``, two fields on the CPU whose shapes broadcast.

    Example:
        >>> is_greater(torch.tensor([1.0, 2.0]), 1.5).tolist()
        [False, True]
    """
    other = right.numpy() if isinstance(right, Tensor) else left.numpy().dtype.type(right)
    return torch.from_numpy(np.greater(left.numpy(), other))
