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


def make_maps(*spatial: int) -> Tensor:
    """Draw maps of T1 and T2 in ms, and of the PD of two TSE images."""
    drawn = torch.rand((4, *spatial), generator=torch.Generator().manual_seed(3))
    lowest, widths = torch.tensor([[200.0, 20.0, 0.1, 0.1], [1000.0, 100.0, 0.9, 0.9]])
    shape = (4, *[1] * len(spatial))
    maps: Tensor = lowest.reshape(shape) + widths.reshape(shape) * drawn
    return maps


def show_maps(maps: Tensor, record: Any) -> Tensor:  # noqa: ANN401  # a record of TR and TE
    """Return equation 6 of SynthMRI at TR 436 ms and TE 8 ms, where PD is that of channel 2."""
    t1_ms, t2_ms, pd, _ = maps
    image: Tensor = pd * (1 - torch.exp(-436 / t1_ms)) * torch.exp(-8 / t2_ms)
    return image[None]


CASES: dict[str, Case] = {
    "RandClusterContrast": Case(
        neutral={"spread": (0.0, 0.0)},
        make=make_codes,
        expected=paint_flat_clusters,
        dtype=torch.float32,
        adds="image",
        always=True,
    ),
    "RandContrast": Case(
        neutral={"contrast": "random", "spread": (0.0, 0.0), "texture": (0.0, 0.0)},
        make=make_tissue,
        expected=paint_flat,
        dtype=torch.float32,
        adds="image",
        always=True,
    ),
    "RandContrast of physics": Case(
        parameters={"contrast": "physics", "partial_volume_vox": (0.5, 1.5)},
        neutral={
            "contrast": "physics",
            "spread": (0.0, 0.0),
            "property_texture": (0.0, 0.0),
            "partial_volume_vox": (0.0, 0.0),
        },
        make=make_tissue,
        expected=paint_flat,
        dtype=torch.float32,
        adds="image",
        always=True,
    ),
    "RandFillContext": _context((24, 28), (1.2, 0.8)),
    "RandFillContext in 3D": _context((3, 24, 28), (4.0, 1.2, 0.8)),
    "RandSequenceContrast": Case(
        neutral={"spread": (0.0, 0.0), "texture": (0.0, 0.0)},
        make=make_tissue,
        expected=paint_flat,
        dtype=torch.float32,
        adds="image",
        always=True,
    ),
    "RandSynthMRI": Case(
        neutral={"tr_ms": (436.0, 436.0), "te_ms": (8.0, 8.0)},
        make=make_maps,
        expected=show_maps,
        shape=lambda shape: (1, *shape[1:]),
        adds="image",
        always=True,
    ),
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
