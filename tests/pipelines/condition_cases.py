"""Cases that tests of conditions degrade."""

from __future__ import annotations

import torch
from monai.data.meta_tensor import MetaTensor

from spinesynth.anatomy.structures import Structure
from spinesynth.io.load_case import LoadedCase
from spinesynth.pipelines.conditions import degrade_case
from tests.pipelines.fabricated import make_case

SPACING_MM = (1.5, 1.0, 1.0)


def case_of(
    image: torch.Tensor, structure: torch.Tensor | None = None, *, case_id: str = "a"
) -> LoadedCase:
    """Return a loaded case of a volume (I, J, K), all of it labelled disc unless told."""
    affine = torch.diag(torch.tensor([*SPACING_MM, 1.0], dtype=torch.float64))
    codes = torch.full(image.shape, int(Structure.DISC)) if structure is None else structure
    label = MetaTensor(codes.to(torch.uint8)[None], affine=affine)
    return LoadedCase(
        make_case(case_id), MetaTensor(image.float()[None], affine=affine), label, None
    )


def degraded(case: LoadedCase, name: str, severity: int, **how: int) -> torch.Tensor:
    """Return the image (I, J, K) of a degraded case."""
    image = degrade_case(case, name, severity, **how).image
    assert image is not None
    return image.as_tensor()[0]


def flat_case(value: float = 100.0) -> LoadedCase:
    """Return one grey value, but for a corner of air that gives the image its least voxel."""
    image = torch.full((10, 40, 50), value)
    image[0, 0, 0] = 0
    return case_of(image)
