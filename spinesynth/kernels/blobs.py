"""Soft shapes that divide a grid among tissues, evaluated where they are seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from spinesynth.anatomy.tissues import Tissue
from spinesynth.kernels.comparisons import is_greater
from spinesynth.kernels.morphology import put
from spinesynth.kernels.smooth_noise import draw_nodes, upsample_nodes


class Blobs(NamedTuple):
    """Shapes that are drawn, but not painted yet: a coarse field for each tissue.

    Args:
        tissues: those that the grid is divided among.
        nodes: ``(1, tissues, *coarse)`` smooth noise at its nodes; a grid of one slice
            has nodes along the last two axes alone.
        bias: ``(tissues,)`` what each field gets on top.
        shape: size ``(I, J, K)`` of the grid.
    """

    tissues: Sequence[Tissue]
    nodes: Tensor
    bias: Tensor
    shape: tuple[int, int, int]

    def paint(self, rows: slice = slice(None)) -> Tensor:
        """Return the tissue whose field is the strongest at each voxel.

        Args:
            rows: the part of axis J that is wanted.

        Returns:
            ``(I, rows, K)`` Tissue codes, uint8.
        """
        grid = self.shape[-(self.nodes.ndim - 2) :]
        fields = upsample_nodes(self.nodes, grid, rows=rows)[0]
        fields += self.bias.reshape(-1, *[1] * len(grid))
        best = fields[0]
        winner = torch.full_like(best, int(self.tissues[0]), dtype=torch.uint8)
        # a running maximum: argmax over the first axis is thirty times slower on the CPU
        for tissue, field in zip(self.tissues[1:], fields[1:], strict=True):
            winner = put(winner, is_greater(field, best), tissue)
            best = torch.maximum(best, field)
        return winner.reshape(self.shape[0], *winner.shape[-2:])


def draw_blobs(
    tissues: Sequence[Tissue],
    shape: tuple[int, int, int],
    scale_vox: tuple[float, float],
    *,
    generator: torch.Generator,
) -> Blobs:
    """Draw blobs of a size; slices of a volume resemble each other.

    Args:
        tissues: those that the grid is divided among.
        shape: size ``(I, J, K)`` of the grid.
        scale_vox: size of the blobs along J and K, in voxels.
        generator: CPU generator; the only source of randomness.

    Example:
        >>> generator = torch.Generator().manual_seed(0)
        >>> tissues = [Tissue.FAT, Tissue.MUSCLE]
        >>> blobs = draw_blobs(tissues, (1, 20, 20), (5, 5), generator=generator)
        >>> blobs.paint(rows=slice(4, 10)).shape
        torch.Size([1, 6, 20])
    """
    slices, *in_plane = shape
    grid = in_plane if slices == 1 else shape
    scale = scale_vox if slices == 1 else (max(2.0, slices / 2), *scale_vox)
    nodes = draw_nodes(grid, scale, generator=generator, channels=len(tissues))
    bias = 0.7 * torch.randn(len(tissues), generator=generator)
    return Blobs(tissues, nodes, bias, shape)
