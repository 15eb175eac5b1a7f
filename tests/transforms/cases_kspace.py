"""Contract cases of the faults of k-space."""

from __future__ import annotations

import torch
from torch import Tensor

from tests.transforms.contract_case import Case, make_image


def make_image_and_fat(*spatial: int) -> Tensor:
    """Draw an image and a share of fat."""
    fat = torch.rand((1, *spatial), generator=torch.Generator().manual_seed(3))
    return torch.cat([make_image(*spatial), fat])


def make_image_and_water(*spatial: int) -> Tensor:
    """Draw an image without fat."""
    image = make_image(*spatial)
    return torch.cat([image, torch.zeros_like(image)])


CASES: dict[str, Case] = {
    "RandChemicalShift": Case(make=make_image_and_fat, neutral_make=make_image_and_water),
    "RandKSpaceMotion": Case(neutral={"max_shift_vox": 0.0, "max_angle_deg": 0.0}),
    "RandKSpaceSpikes": Case(neutral={"amplitude": (0.0, 0.0)}),
    "RandPartialFourier": Case(neutral={"fraction": (1.0, 1.0)}),
    "RandPeriodicGhosting": Case(neutral={"amplitude": (0.0, 0.0), "displacement_vox": (0.0, 0.0)}),
    "RandPeriodicGhosting in front": Case(
        parameters={"moving": "anterior", "axis": -1},
        neutral={"anterior_fraction": (0.0, 0.0)},
    ),
    "RandTruncation": Case(neutral={"fraction": (1.0, 1.0)}),
    "RandWrapAround": Case(neutral={"fraction": (1.0, 1.0)}),
    "RandWrapAround repeated": Case(
        parameters={"outside": "repeated"}, neutral={"gain": (0.0, 0.0)}
    ),
}
