"""A model that pretends to see discs, and scans for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from tests.fabricate import intensities, write_nifti

#: Along K: half of the discs is sure (0.95), half is not (0.7); the rest is surely background.
SURE, UNSURE = slice(0, 12), slice(12, 24)


class Teacher:
    """A model that sees discs in a fixed place, with a fixed confidence."""

    groups = frozenset({"vertebra", "disc"})
    structures = torch.tensor([0, 6, 3], dtype=torch.uint8)  # background, vertebra, disc

    def slabs(self, image: MetaTensor) -> Iterator[Tensor]:
        yield self.probabilities(image)

    def probabilities(self, image: MetaTensor) -> Tensor:
        disc = torch.zeros(image.shape[1:])
        disc[..., SURE], disc[..., UNSURE] = 0.95, 0.7
        return torch.stack([1 - disc, torch.zeros_like(disc), disc])

    def __call__(self, image: MetaTensor) -> Tensor:
        raise AssertionError("only probabilities are asked for")


def scans(folder: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        write_nifti(folder / f"{name}.nii.gz", intensities(seed=number))
    return folder
