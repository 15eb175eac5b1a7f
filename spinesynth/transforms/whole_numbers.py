"""Label maps that arrive as floats, as most loaders give them."""

from __future__ import annotations

import torch
from torch import Tensor


def whole_numbers(data: Tensor, name: str) -> Tensor:
    """Return a label map as integers, which no stage interpolates.

    Args:
        data: label map of any dtype; integers are returned as they are.
        name: what to call it in an error.

    Raises:
        ValueError: if it holds fractions, which only interpolation could move.

    Example:
        >>> whole_numbers(torch.tensor([0.0, 7.0]), "label")
        tensor([0, 7], dtype=torch.int32)
    """
    if not data.is_floating_point():
        return data
    whole = data.to(torch.int32)
    if not bool((whole == data).all()):
        raise ValueError(
            f"{name} must hold whole numbers, got fractions; partial volumes belong in an image"
        )
    return whole
