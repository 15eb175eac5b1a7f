"""Seeds that depend on names alone, never on order, worker or process."""

from __future__ import annotations

import hashlib

import torch

_SEED_BITS = 63  # torch.Generator.manual_seed takes a signed 64-bit integer
_SEEDS_OF_NUMPY = 2**32 - 1  # numpy and MONAI take seeds of 32 bits


def derive_seed(*names: str | int) -> int:
    """Derive a seed from names by SHA-256.

    Args:
        *names: for example ``run_seed, epoch, case_id, variant``.

    Returns:
        Integer in [0, 2**63), equal for equal names on every machine.

    Example:
        >>> derive_seed(42, 0, "case1") == derive_seed(42, 0, "case1")
        True
        >>> derive_seed(42, 0, "case1") == derive_seed(42, 1, "case1")
        False
    """
    # repr keeps 1 and "1" apart, the separator keeps ("ab", "c") and ("a", "bc") apart
    text = "\x1f".join(repr(name) for name in names)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> (64 - _SEED_BITS)


def derive_seed32(*names: str | int) -> int:
    """Derive a seed for NumPy and MONAI, whose seeds have 32 bits.

    Args:
        *names: as of :func:`derive_seed`.

    Returns:
        Integer in [0, 2**32 - 1), equal for equal names on every machine.

    Example:
        >>> derive_seed32(42, "case1") == derive_seed(42, "case1") % (2**32 - 1)
        True
    """
    return derive_seed(*names) % _SEEDS_OF_NUMPY


def make_generator(*names: str | int) -> torch.Generator:
    """Return a CPU generator seeded by :func:`derive_seed` of the names."""
    return torch.Generator().manual_seed(derive_seed(*names))
