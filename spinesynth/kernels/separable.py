"""Multiply one matrix into each spatial axis, as separable blurs do."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_SLAB_VOXELS = 2**18  # of float32 they fit the cache
_BLOCK_ROWS = 32


def multiply_axes(
    matrices: Sequence[Tensor], field: Tensor, *, reach_vox: int | None = None
) -> Tensor:
    """Multiply a matrix into each of the two or three spatial axes.

    Args:
        matrices: one ``(m, n)`` for each spatial axis of length n.
        field: ``(B, C, *spatial)`` float.
        reach_vox: of square matrices, how far from the diagonal an entry may lie
            that matters; what lies further may be left out. None leaves out
            nothing.

    Returns:
        New ``(B, C, *spatial)`` tensor with axes of the lengths m.

    Raises:
        ValueError: if there is not one matrix for each axis.

    Example:
        >>> import torch
        >>> mean = torch.full((1, 4), 0.25)
        >>> multiply_axes([mean, torch.eye(3)], torch.ones(1, 1, 4, 3)).shape
        torch.Size([1, 1, 1, 3])
    """
    if len(matrices) != field.ndim - 2 or len(matrices) not in (2, 3):
        raise ValueError(
            f"matrices must be one for each of two or three axes, got {len(matrices)} for a field "
            f"of shape {tuple(field.shape)}"
        )
    *first, rows, columns = (matrix.to(field) for matrix in matrices)
    if not first:
        return _multiply_left(rows, field, reach_vox) @ columns.T
    size = (len(rows), len(columns))
    result = field.new_empty((*field.shape[:3], *size))
    slices, into = field.flatten(0, 2), result.view(-1, *size)
    step = max(1, _SLAB_VOXELS // (size[0] * size[1])) if field.is_cpu else len(slices)
    for start in range(0, len(slices), step):
        slab = _multiply_left(rows, slices[start : start + step], reach_vox)
        torch.matmul(slab, columns.T, out=into[start : start + step])
    result = _multiply_left(first[0], result.flatten(3), reach_vox)
    return result.reshape(*result.shape[:3], *size)


def _multiply_left(matrix: Tensor, field: Tensor, reach_vox: int | None) -> Tensor:
    """Multiply a matrix into the last axis but one, by blocks of rows if it is narrow enough."""
    if reach_vox is None or _BLOCK_ROWS + 2 * reach_vox >= len(matrix):
        return matrix @ field
    blocks = []
    for start in range(0, len(matrix), _BLOCK_ROWS):
        stop = start + _BLOCK_ROWS
        near = slice(max(0, start - reach_vox), stop + reach_vox)
        blocks.append(matrix[start:stop, near] @ field[..., near, :])
    return torch.cat(blocks, -2)
