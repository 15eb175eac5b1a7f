"""Mirror label maps: voxels turn over, and labels of the two sides change places."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

LabelPairs = Sequence[tuple[int, int]]


def swap_labels(labels: Tensor, pairs: LabelPairs) -> Tensor:
    """Exchange the two values of each pair in a label map.

    Args:
        labels: integer codes of any shape; a boolean mask has no sides and is kept.
        pairs: pairs of values >= 0 that the dtype holds, no value in two pairs.

    Returns:
        New tensor of the same shape and dtype.

    Raises:
        ValueError: if the labels are no integers, or the dtype does not hold a value.

    Source:
        one look-up table for all pairs; plain indexing.

    Example:
        >>> swap_labels(torch.tensor([0, 1, 2, 3]), [(1, 2)]).tolist()
        [0, 2, 1, 3]
    """
    if labels.is_floating_point() or labels.is_complex():
        raise ValueError(f"labels must be integers, got {labels.dtype}")
    if labels.dtype == torch.bool or not pairs:
        return labels.clone()
    top, limit = max(max(pair) for pair in pairs), torch.iinfo(labels.dtype).max
    if top > limit:
        raise ValueError(f"pairs must be values of {labels.dtype} up to {limit}, got {top}")
    table = torch.arange(top + 1, dtype=labels.dtype)
    for one, other in pairs:
        table[one], table[other] = other, one
    known = labels.clamp(0, top)
    swapped = table.to(labels.device).index_select(0, known.flatten().to(torch.int32))
    return torch.where(known == labels, swapped.reshape(labels.shape), labels)


def flip_labels(
    labels: Tensor, axes: Sequence[int], *, side_axis: int = 0, pairs: LabelPairs = ()
) -> Tensor:
    """Flip a label map; where left and right turned over, exchange their labels.

    Args:
        labels: ``(C, *spatial)`` integer.
        axes: spatial axes to flip, 0 being the first after the channel.
        side_axis: spatial axis that runs from left to right.
        pairs: values of left and right, as of :func:`swap_labels`.

    Returns:
        New ``(C, *spatial)`` tensor of the same dtype.

    Example:
        >>> flip_labels(torch.tensor([[1, 0, 0, 2]]), [0], pairs=[(1, 2)]).tolist()
        [[1, 0, 0, 2]]
    """
    flipped = torch.flip(labels, [axis + 1 for axis in axes])
    return swap_labels(flipped, pairs) if side_axis in axes else flipped
