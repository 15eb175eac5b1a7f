"""One matrix into one axis of a field: the operator of every separable kernel here.

Rows of a blur, a sampling or an interpolation are zero but for a band, so a
banded matrix is multiplied block by block over the columns that count, which
takes a half to a fifth of the time of the dense product.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_NEGLIGIBLE = 1e-9  # of a row that sums to about 1: below float32 rounding
_BLOCK_ROWS = 24
# MKL rounds products of 5 to 11 rows otherwise on two threads than on one
_FEWEST_ROWS = 12


@dataclass(frozen=True)
class Banded:
    """A matrix with the blocks that hold all that counts.

    Args:
        matrix: ``(m, n)`` float.
        blocks: (first row, last row + 1, first column, last column + 1) of each
            block, rows ascending without gaps.
    """

    matrix: Tensor
    blocks: tuple[tuple[int, int, int, int], ...]


def banded(matrix: Tensor) -> Banded:
    """Find the band of a matrix ``(m, n)`` whose rows sum to about 1."""
    rows, columns = matrix.shape
    counts = (matrix.abs() > _NEGLIGIBLE).view(torch.uint8)
    first = counts.argmax(1).tolist()
    last = (columns - counts.flip(1).argmax(1)).tolist()
    starts = list(range(0, max(1, rows - _FEWEST_ROWS + 1), _BLOCK_ROWS))
    ends = [*starts[1:], rows]
    return Banded(
        matrix,
        tuple((s, e, min(first[s:e]), max(last[s:e])) for s, e in zip(starts, ends, strict=True)),
    )


def _at_least_rows(matrix: Tensor) -> Tensor:
    """Return a copy with rows of zeros appended to a matrix of few rows."""
    # always a copy: MKL rounds by where in memory a matrix begins
    missing = _FEWEST_ROWS - matrix.shape[0]
    if missing <= 0:
        return matrix.clone(memory_format=torch.contiguous_format)
    return functional.pad(matrix, (0, 0, 0, missing))


def stable_product(left: Tensor, right: Tensor) -> Tensor:
    """Multiply ``(..., m, n)`` by ``(n, p)``, alike on any number of threads."""
    flat = left.flatten(0, -2)
    product = (_at_least_rows(flat) @ right)[: flat.shape[0]]
    return product.reshape(*left.shape[:-1], right.shape[1])


def _along_last_axis(weights: Banded, field: Tensor) -> Tensor:
    """Multiply into the last axis of ``(rows, n)``."""
    matrix, rows = weights.matrix, _at_least_rows(field)
    parts = [rows[:, c:d] @ matrix[a:b, c:d].T for a, b, c, d in weights.blocks]
    return (parts[0] if len(parts) == 1 else torch.cat(parts, 1))[: field.shape[0]]


def _along_inner_axis(weights: Banded, field: Tensor) -> Tensor:
    """Multiply into the middle axis of ``(before, n, after)``."""
    parts = []
    for a, b, c, d in weights.blocks:
        block = _at_least_rows(weights.matrix[a:b, c:d])
        if field.shape[0] == 1:
            product = (block @ field[0, c:d])[None]
        else:
            product = torch.bmm(block.expand(field.shape[0], -1, -1), field[:, c:d])
        parts.append(product[:, : b - a])
    return parts[0] if len(parts) == 1 else torch.cat(parts, 1)


def apply_along_axis(matrix: Tensor | Banded, field: Tensor, axis: int) -> Tensor:
    """Multiply a matrix ``(m, n)`` into one axis of length n, giving length m.

    The result does not depend on the number of threads.
    """
    if isinstance(matrix, Tensor):
        matrix = Banded(matrix, ((0, len(matrix), 0, matrix.shape[1]),))
    weights = Banded(matrix.matrix.to(field), matrix.blocks)
    axis %= field.ndim
    head, length, tail = field.shape[:axis], field.shape[axis], field.shape[axis + 1 :]
    flat = field.reshape(math.prod(head), length, math.prod(tail))
    if flat.shape[2] == 1:
        product = _along_last_axis(weights, flat[..., 0])
    else:
        product = _along_inner_axis(weights, flat)
    return product.reshape(*head, weights.matrix.shape[0], *tail)
