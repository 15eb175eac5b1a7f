"""Contract cases of the spatial transforms."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from tests.transforms.contract_case import DEEP, FLAT, Case, Shape, make_codes, make_image

_STILL = {"rotation_deg": 0.0, "scale": 0.0, "shear": 0.0, "elastic_mm": (0.0, 0.0)}


def _mirrored(data: Tensor, record: Any) -> Tensor:  # noqa: ANN401  # any record
    return torch.flip(data, [axis + 1 for axis, flips in enumerate(record.flipped) if flips])


def _deform(size: Shape, patch: Shape, spacing_mm: Shape | float, **changes: Any) -> Case:  # noqa: ANN401
    values: dict[str, Any] = {
        "parameters": {"patch_size": patch, "spacing_mm": spacing_mm, "elastic_mm": (2.0, 4.0)},
        "neutral": {"patch_size": size, "spacing_mm": 1.0, **_STILL, "margin": 0.0},
        "make": make_codes,
        "sizes": (size,),
        "shape": lambda shape: (shape[0], *patch),
        "new_affine": True,
        "invents": frozenset(),
        "always": True,
    }
    return Case(**{**values, **changes})


CASES: dict[str, Case] = {
    "RandDeformPatch": _deform(FLAT, (10, 12), 0.7),
    "RandDeformPatch in 3D": _deform(DEEP, (4, 10, 12), 0.7),
    "RandDeformPatch of an image": _deform(FLAT, (10, 12), 0.7, make=make_image, invents=None),
    "RandObliqueSlice": Case(
        parameters={"patch_size": (10, 12), "spacing_mm": (1.2, 0.8), "elastic_mm": (2.0, 4.0)},
        neutral={"patch_size": FLAT, "spacing_mm": 1.0, **_STILL, "tilt_deg": 0.0, "margin": 0.0},
        make=make_codes,
        sizes=(DEEP,),
        neutral_sizes=((1, *FLAT),),
        expected=lambda data, record: data[:, 0],
        shape=lambda shape: (shape[0], 10, 12),
        new_affine=True,
        invents=frozenset(),
        always=True,
    ),
    "RandSagittalSlab": Case(
        parameters={"thickness_mm": (12.0, 12.0)},  # three layers of 4 mm
        neutral={"thickness_mm": (0.0, 0.0)},
        make=make_codes,
        sizes=(DEEP,),
        neutral_sizes=((1, *FLAT),),
        shape=lambda shape: (shape[0], 3, *shape[2:]),
        new_affine=True,
        invents=frozenset(),
        always=True,
    ),
    "RandSagittalSlice": Case(
        make=make_codes,
        sizes=(DEEP,),
        neutral_sizes=((1, *FLAT),),
        expected=lambda data, record: data[:, 0],
        shape=lambda shape: (shape[0], *shape[2:]),
        new_affine=True,
        invents=frozenset(),
        always=True,
    ),
    "RandSideFlip": Case(
        parameters={"probs": 0.5, "swap": ((3, 90),)},
        neutral={"probs": 0.0, "swap": ((3, 90),)},
        make=make_codes,
        invents=frozenset(),
    ),
    "RandSideFlip of an image": Case(
        parameters={"probs": 0.5, "swap": ((0, 1),)},
        neutral={"probs": 0.5, "swap": ((0, 1),)},
        expected=_mirrored,
    ),
}
