"""A spine of blocks: sizes, places and levels are known by hand."""

from __future__ import annotations

import torch
from torch import Tensor

from spinesynth.anatomy.structures import Structure

#: Voxels of 4 x 2 x 2 mm. A body is 28 mm high and 32 mm deep, a disc 10 mm high.
SPACING_MM = (4.0, 2.0, 2.0)
BODY, DISC, PITCH = 14, 5, 19
FRONT, REAR = slice(30, 46), slice(10, 20)
SLICES = slice(2, 8)


def affine() -> Tensor:
    """Return the map's affine, which moves the first voxel to (-10, 20, 30) mm."""
    matrix = torch.diag(torch.tensor([*SPACING_MM, 1.0], dtype=torch.float64))
    matrix[:3, 3] = torch.tensor([-10.0, 20.0, 30.0])
    return matrix


def block_spine(count: int = 5, *, sacrum: bool = True, whole: bool = False) -> Tensor:
    """Return a straight spine of ``count`` vertebrae above a sacrum of 40 mm.

    Args:
        count: of vertebrae.
        sacrum: False leaves the rows of the sacrum empty.
        whole: vertebrae as one class, joined by pedicles.
    """
    body, arch = Structure.VERTEBRAL_BODY, Structure.POSTERIOR_ELEMENTS
    if whole:
        body = arch = Structure.VERTEBRA
    codes = torch.zeros(10, 60, 30 + PITCH * count, dtype=torch.uint8)
    if sacrum:
        codes[SLICES, FRONT, 4:24] = int(Structure.SACRUM)
    codes[SLICES, 22:28] = int(Structure.CANAL)
    for n in range(count):
        low = row_of(n + 1)
        codes[SLICES, FRONT, low - DISC : low] = int(Structure.DISC)
        codes[SLICES, FRONT, low : low + BODY] = int(body)
        codes[SLICES, REAR, low : low + 8] = int(arch)
        if whole:
            codes[[2, 7], 20:30, low + 4 : low + 8] = int(body)
    return codes


def row_of(number: int) -> int:
    """Return the lowest row of a body, 1 for the lowest vertebra."""
    return 24 + DISC + PITCH * (number - 1)


def body_of(number: int) -> tuple[slice, slice, slice]:
    """Return the voxels of a body."""
    return SLICES, FRONT, slice(row_of(number), row_of(number) + BODY)


def disc_of(number: int) -> tuple[slice, slice, slice]:
    """Return the voxels of the disc below a body."""
    return SLICES, FRONT, slice(row_of(number) - DISC, row_of(number))
