"""What a transform declares to the contract test, and the arrays that it is tried on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue

Shape = tuple[int, ...]

FLAT, DEEP = (20, 24), (6, 20, 24)
#: Codes that an average of two others would not hit.
FAR_CODES = (0, 3, 90, 200)


def make_image(*spatial: int) -> Tensor:
    """Draw an image in [0.1, 1] with a padded corner of zeros."""
    image = torch.rand((1, *spatial), generator=torch.Generator().manual_seed(1)) * 0.9 + 0.1
    image[..., :4, :5] = 0
    return image


def make_binary(*spatial: int) -> Tensor:
    """Draw an image of zeros and ones."""
    return (make_image(*spatial) > 0.5).float()


def make_codes(*spatial: int) -> Tensor:
    """Draw a label map of far-apart codes."""
    index = torch.randint(4, (1, *spatial), generator=torch.Generator().manual_seed(2))
    return torch.tensor(FAR_CODES, dtype=torch.uint8)[index]


def make_tissue(*spatial: int) -> Tensor:
    """Draw a map that holds every tissue."""
    cells = torch.arange(math.prod(spatial)) % len(Tissue)
    return cells.reshape(1, *spatial).to(torch.uint8)


def make_structure(*spatial: int) -> Tensor:
    """Draw a body over a disc, in front of a canal and a process."""
    codes = torch.zeros((1, *spatial), dtype=torch.uint8)
    codes[..., 10:20, 12:20] = int(Structure.VERTEBRAL_BODY)
    codes[..., 10:20, 8:12] = int(Structure.DISC)
    codes[..., 6:10, 4:24] = int(Structure.CANAL)
    codes[..., 2:6, 12:16] = int(Structure.POSTERIOR_ELEMENTS)
    return codes


def with_affine(array: Tensor) -> MetaTensor:
    """Give an array voxel sizes that differ from axis to axis, and an origin."""
    axes = array.ndim - 1
    affine = torch.diag(torch.tensor([*(4.0, 1.2, 0.8)[-axes:], 1.0], dtype=torch.float64))
    affine[:axes, -1] = torch.arange(1.0, axes + 1)
    return MetaTensor(array, affine=affine, meta={"case_id": "fabricated", "notes": [1, 2]})


def keep(data: Tensor, record: Any) -> Tensor:  # noqa: ANN401  # any record
    """Return the input: what a neutral transform does."""
    return data


@dataclass(frozen=True, kw_only=True)
class Case:
    """An array form with what it takes, and what it declares to change.

    Args:
        parameters: keyword arguments under which it acts visibly.
        neutral: keyword arguments under which it changes nothing.
        make: draws its input.
        sizes: spatial sizes to try.
        neutral_make: draws the input of the neutral test, if another.
        neutral_sizes: spatial sizes of that input, if others.
        expected: what the neutral form returns for an input and the drawn record.
        shape: output shape for an input shape; None keeps it.
        dtype: output dtype; None keeps it.
        new_affine: the voxel size changes.
        adds: key that the dictionary form adds.
        invents: codes that it may add to a label map; None if it takes images only.
        always: ``prob`` must be 1.
        random: draws anything at all.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    neutral: Mapping[str, Any] = field(default_factory=dict)
    make: Callable[..., Tensor] = make_image
    sizes: tuple[Shape, ...] = (FLAT, DEEP)
    neutral_make: Callable[..., Tensor] | None = None
    neutral_sizes: tuple[Shape, ...] | None = None
    expected: Callable[[Tensor, Any], Tensor] = keep
    shape: Callable[[Shape], Shape] | None = None
    dtype: torch.dtype | None = None
    new_affine: bool = False
    adds: str | None = None
    invents: frozenset[int] | None = None
    always: bool = False
    random: bool = True

    def inputs(self) -> list[Tensor]:
        """Return a fresh input of each size."""
        return [self.make(*size) for size in self.sizes]

    def neutral_inputs(self) -> list[Tensor]:
        """Return a fresh input of each size for the neutral form."""
        make = self.neutral_make or self.make
        return [make(*size) for size in self.neutral_sizes or self.sizes]
