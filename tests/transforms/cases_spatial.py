"""Contract cases of the spatial transforms."""

from __future__ import annotations

from typing import Any

from tests.transforms.contract_case import DEEP, FLAT, Case, Shape, make_codes, make_image


def _deform(size: Shape, patch: Shape, spacing_mm: Shape | float, **changes: Any) -> Case:  # noqa: ANN401
    still = {"rotation_deg": 0.0, "scale": 0.0, "shear": 0.0, "elastic_mm": (0.0, 0.0)}
    values: dict[str, Any] = {
        "parameters": {"patch_size": patch, "spacing_mm": spacing_mm, "elastic_mm": (2.0, 4.0)},
        "neutral": {"patch_size": size, "spacing_mm": 1.0, **still, "margin": 0.0},
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
}
