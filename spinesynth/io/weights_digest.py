"""A digest of a network's weights, whatever file they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor


def digest_weights(weights: Mapping[str, Tensor], *, after: bytes = b"") -> str:
    """Return a SHA-256 of a network's weights: of names, types, shapes and values.

    Args:
        weights: the state dict.
        after: bytes that come first, where more than the weights is digested.

    Example:
        >>> digest_weights({"a": torch.zeros(2)})[:8]
        'c8651ae8'
    """
    total = hashlib.sha256(after)
    for name in sorted(weights):
        value = weights[name].detach().cpu().contiguous()
        total.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        total.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()
