"""From probabilities a few slices at a time to labels, without ever holding all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

#: Called with the number of the first slice of a slab, and its ``(C, slices, J, K)``.
Watcher = Callable[[int, Tensor], None]


class SlabPredictor(Protocol):
    """Describe what says the probabilities of a volume slab by slab."""

    structures: Tensor

    def slabs(self, image: MetaTensor) -> Iterator[Tensor]:
        """Yield ``(C, slices, J, K)`` class probabilities on the image's own grid, in order."""


def likeliest_structures(
    predictor: SlabPredictor, image: MetaTensor, *, watchers: Sequence[Watcher] = ()
) -> Tensor:
    """Return the structure of greatest probability at each voxel, uint8 ``(I, J, K)``.

    Args:
        predictor: says the probabilities, of which one slab is held at a time.
        image: ``(1, I, J, K)`` float, canonical axes, finite.
        watchers: shown each slab before it is forgotten; of what is to be known of
            probabilities beside their greatest.
    """
    codes, start = torch.empty(image.shape[1:], dtype=torch.uint8), 0
    for slab in predictor.slabs(image):
        codes[start : start + slab.shape[1]] = predictor.structures[slab.max(0).indices]
        for watch in watchers:
            watch(start, slab)
        start += slab.shape[1]
    return codes


class SlabKeeper:
    """Keep all probabilities of an image: a watcher.

    Args:
        classes: how many.
        shape: ``(I, J, K)``.

    Attributes:
        volume: float32 ``(C, I, J, K)``.
    """

    def __init__(self, classes: int, shape: torch.Size) -> None:
        self.volume = torch.empty(classes, *shape)

    def __call__(self, start: int, slab: Tensor) -> None:
        """Keep a slab."""
        self.volume[:, start : start + slab.shape[1]] = slab


def join_slabs(predictor: SlabPredictor, image: MetaTensor) -> Tensor:
    """Return ``(C, I, J, K)`` class probabilities, float32, of all of an image."""
    keeper = SlabKeeper(len(predictor.structures), image.shape[1:])
    likeliest_structures(predictor, image, watchers=(keeper,))
    return keeper.volume


def each_slice(predictor: SlabPredictor, image: MetaTensor) -> Iterator[Tensor]:
    """Yield ``(C, 1, J, K)`` of one slice after another, however thick the slabs are."""
    for slab in predictor.slabs(image):
        yield from torch.split(slab, 1, dim=1)
