"""Contract cases of the transforms that complete and paint maps."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from spinesynth.anatomy.structures import Structure
from tests.transforms.contract_case import Case, Shape, make_codes, make_structure, make_tissue


def _context(size: Shape, spacing_mm: tuple[float, ...]) -> Case:
    """Return a case whose neutral form meets no background to fill."""

    def make_full(*spatial: int) -> Tensor:
        full = make_structure(*spatial)
        return torch.where(full == 0, torch.full_like(full, int(Structure.VERTEBRA)), full)

    return Case(
        parameters={"spacing_mm": spacing_mm},
        neutral={"spacing_mm": spacing_mm},
        make=make_structure,
        sizes=(size,),
        neutral_make=make_full,
        shape=lambda shape: (2, *shape[1:]),
        dtype=torch.uint8,
        adds="tissue",
        invents=frozenset({int(Structure.SACRUM)}),
        always=True,
    )


def paint_flat(tissue: Tensor, record: Any) -> Tensor:  # noqa: ANN401  # a contrast record
    """Return each voxel's mean: what a mixture without spread paints."""
    return torch.tensor(record.means)[tissue.long()]


def paint_flat_clusters(codes: Tensor, record: Any) -> Tensor:  # noqa: ANN401  # its record
    """Return the mean of each voxel's code: the first of what the seed draws."""
    means = torch.rand((2, 256), generator=torch.Generator().manual_seed(record.seed))[0]
    return means[codes.long()]


CASES: dict[str, Case] = {
    "RandClusterContrast": Case(
        neutral={"spread": (0.0, 0.0)},
        make=make_codes,
        expected=paint_flat_clusters,
        dtype=torch.float32,
        adds="image",
        always=True,
    ),
    "RandFillContext": _context((24, 28), (1.2, 0.8)),
    "RandFillContext in 3D": _context((3, 24, 28), (4.0, 1.2, 0.8)),
    "RandTissueContrast": Case(
        neutral={"spread": (0.0, 0.0), "texture": (0.0, 0.0)},
        make=make_tissue,
        expected=paint_flat,
        dtype=torch.float32,
        adds="image",
        always=True,
    ),
    "RandTissueContrast with every change": Case(
        parameters={
            "contrast": "clipped",
            "merge_prob": 1.0,
            "split_prob": 1.0,
            "partial_volume_vox": (0.5, 1.5),
        },
        neutral={
            "contrast": "random",
            "spread": (0.0, 0.0),
            "texture": (0.0, 0.0),
            "merge_prob": 0.0,
            "split_prob": 0.0,
            "partial_volume_vox": (0.0, 0.0),
        },
        make=make_tissue,
        expected=paint_flat,
        dtype=torch.float32,
        adds="image",
        always=True,
    ),
}
