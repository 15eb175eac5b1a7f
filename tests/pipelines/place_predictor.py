"""A predictor whose labels tell where a voxel is, so that no turned or mirrored axis is missed."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.pipelines.ensemble import Origin

ORIGIN = Origin("places", "A", "spine6", (1,), ())


class PlacePredictor:
    """Sees a structure by intensity and place: no two corners of the volume are alike.

    Args:
        thickness: slices of a slab.
    """

    structures = torch.arange(6, dtype=torch.uint8)
    groups = frozenset({"vertebra", "body", "posterior", "disc", "canal", "sacrum"})

    def __init__(self, thickness: int = 4) -> None:
        self.thickness = thickness

    def slabs(self, image: MetaTensor) -> Iterator[Tensor]:
        codes = codes_of(image.as_tensor()[0])
        for slab in torch.split(torch.nn.functional.one_hot(codes.long(), 6), self.thickness):
            yield 0.5 * slab.movedim(-1, 0).float() + 0.5 / 6

    def probabilities(self, image: MetaTensor) -> Tensor:
        return torch.cat(list(self.slabs(image)), 1)

    def __call__(self, image: MetaTensor) -> Tensor:
        return codes_of(image.as_tensor()[0])


def codes_of(intensities: Tensor) -> Tensor:
    """Return uint8 codes 0 to 5 of a RAS volume: of intensity, and of place along each axis."""
    i, j, k = torch.meshgrid(*(torch.arange(n) for n in intensities.shape), indexing="ij")
    value = (intensities.long() // 500) + i + 2 * (j // 5) + 3 * (k // 7)
    return (value % 6).to(torch.uint8)


class NothingPredictor(PlacePredictor):
    """Sees background alone."""

    def slabs(self, image: MetaTensor) -> Iterator[Tensor]:
        for slab in super().slabs(image):
            yield torch.zeros_like(slab).index_fill_(0, torch.tensor([0]), 1.0)
