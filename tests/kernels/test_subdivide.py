"""Cortex, nucleus and cord stay where anatomy has them."""

from __future__ import annotations

import pytest
import torch
from scipy import ndimage
from torch import Tensor

from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import MAIN_TISSUE, Tissue
from spinesynth.kernels.morphology import dilate
from spinesynth.kernels.subdivide import (
    paint_cord,
    paint_cortex,
    paint_main_tissues,
    paint_nucleus,
)

_SPACING_MM = (4.0, 1.0, 1.0)
_SEEDS = range(40)


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _maps() -> tuple[Tensor, Tensor]:
    """Draw a body over a disc and a canal beside them, in two slices."""
    structure = torch.zeros((2, 60, 60), dtype=torch.uint8)
    structure[:, 25:55, 25:45] = int(Structure.VERTEBRAL_BODY)
    structure[:, 25:55, 13:25] = int(Structure.DISC)
    structure[:, 10:25, 5:55] = int(Structure.CANAL)
    return structure, paint_main_tissues(structure, torch.zeros_like(structure))


def _shell(mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return the voxels within 1 mm of the border, inside and outside, in the plane."""
    box = torch.ones(1, 3, 3).numpy()
    inner = ndimage.binary_erosion(mask.numpy(), box, border_value=1)
    outer = ndimage.binary_dilation(mask.numpy(), box)
    return mask & ~torch.from_numpy(inner), torch.from_numpy(outer) & ~mask


@pytest.mark.parametrize("member", list(MAIN_TISSUE))
def test_structure_is_filled_with_its_main_tissue(member: Structure) -> None:
    structure = torch.tensor([0, int(member)], dtype=torch.uint8)

    painted = paint_main_tissues(structure, torch.tensor([7, 7], dtype=torch.uint8))

    assert painted.tolist() == [7, int(MAIN_TISSUE[member])]


def test_cortex_is_a_shell_inside_or_outside_the_bone() -> None:
    structure, tissue = _maps()
    body = structure == int(Structure.VERTEBRAL_BODY)
    inside, outside = _shell(body)
    outside &= structure == int(Structure.BACKGROUND)
    kinds = set()
    for seed in _SEEDS:
        painted = paint_cortex(
            structure, tissue, spacing_mm=_SPACING_MM, generator=_generator(seed)
        )
        cortex = painted == int(Tissue.CORTEX)

        kind = bool((cortex & inside).any()), bool((cortex & outside).any())
        wanted = (inside & torch.tensor(kind[0])) | (outside & torch.tensor(kind[1]))
        assert torch.equal(cortex, wanted)
        assert torch.equal(painted[~cortex], tissue[~cortex])
        kinds.add(kind)

    assert kinds == {(a, b) for a in (False, True) for b in (False, True)}


def test_nucleus_lies_inside_the_disc_away_from_its_rim() -> None:
    structure, tissue = _maps()
    disc = structure == int(Structure.DISC)
    shares = []
    for seed in _SEEDS:
        painted = paint_nucleus(
            structure, tissue, spacing_mm=_SPACING_MM, generator=_generator(seed)
        )
        nucleus = painted == int(Tissue.NUCLEUS)

        # at least 3 mm from front and back and 0.8 mm from the endplates
        assert not (dilate(nucleus, (0, 3, 1)) & ~disc).any()
        assert torch.equal(painted[~nucleus], tissue[~nucleus])
        shares.append(float(nucleus.sum() / disc.sum()))

    assert min(shares) == 0
    assert max(shares) < 0.8
    # a nucleus is drawn in 80 % of the maps; three standard errors of 40 draws
    assert 0.6 < sum(share > 0 for share in shares) / len(shares) < 1


def test_cord_lies_inside_the_canal() -> None:
    structure, tissue = _maps()
    canal = structure == int(Structure.CANAL)
    found = set()
    for seed in _SEEDS:
        painted = paint_cord(structure, tissue, spacing_mm=_SPACING_MM, generator=_generator(seed))

        changed = painted != tissue
        assert not (changed & ~canal).any()
        found |= set(painted[canal].tolist())

    assert found == {int(Tissue.CSF), int(Tissue.CORD), int(Tissue.FAT_EPIDURAL)}


def test_epidural_fat_lies_along_the_border_of_the_canal() -> None:
    structure, tissue = _maps()
    rim, _ = _shell(structure == int(Structure.CANAL))
    for seed in _SEEDS:
        painted = paint_cord(structure, tissue, spacing_mm=_SPACING_MM, generator=_generator(seed))

        assert not ((painted == int(Tissue.FAT_EPIDURAL)) & ~rim).any()


def test_roots_lie_further_back_than_the_cord() -> None:
    structure, tissue = _maps()
    above, below = [], []
    for seed in _SEEDS:
        painted = paint_cord(structure, tissue, spacing_mm=_SPACING_MM, generator=_generator(seed))
        cord = torch.argwhere(painted == int(Tissue.CORD)).float()
        above.append(cord[cord[:, 2] > 45, 1])
        below.append(cord[cord[:, 2] < 20, 1])

    # the cauda equina sinks to the back of a patient who lies on it
    assert float(torch.cat(below).mean()) < float(torch.cat(above).mean())


def test_map_without_canal_is_returned_as_it_is() -> None:
    structure, tissue = _maps()
    structure[structure == int(Structure.CANAL)] = 0

    painted = paint_cord(structure, tissue, spacing_mm=_SPACING_MM, generator=_generator(0))

    assert torch.equal(painted, tissue)


@pytest.mark.parametrize("paint", [paint_cortex, paint_nucleus, paint_cord])
def test_inputs_are_not_modified(paint: object) -> None:
    structure, tissue = _maps()
    assert callable(paint)
    for seed in range(4):
        paint(structure, tissue, spacing_mm=_SPACING_MM, generator=_generator(seed))

    untouched = _maps()
    assert torch.equal(structure, untouched[0])
    assert torch.equal(tissue, untouched[1])
