"""Surroundings: something plausible everywhere, the labels left as they are."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue
from spinesynth.kernels.context import fill_context
from tests.kernels.spine_map import SPACING_MM, make_spine

seeds = pytest.mark.parametrize("seed", range(8))
either = pytest.mark.parametrize("slices", [0, 4], ids=["2D", "3D"])


def _fill(structure: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    spacing_mm = (4.0, *SPACING_MM)[-structure.ndim :]
    generator = torch.Generator().manual_seed(seed)
    return fill_context(structure, spacing_mm=spacing_mm, generator=generator)


@seeds
@either
def test_background_is_never_one_black_class(seed: int, slices: int) -> None:
    spine = make_spine(slices=slices)

    structure, tissue = _fill(spine, seed)

    around = tissue[structure == int(Structure.BACKGROUND)]
    share = torch.bincount(around, minlength=len(Tissue)) / around.numel()
    assert int((share > 0.005).sum()) >= 4
    assert float(share[Tissue.AIR]) < 0.6
    assert float(share.max()) < 0.9


@seeds
@either
def test_every_voxel_has_a_tissue_and_labels_have_the_right_ones(seed: int, slices: int) -> None:
    structure, tissue = _fill(make_spine(slices=slices), seed)

    assert structure.dtype == tissue.dtype == torch.uint8
    assert int(tissue.max()) < len(Tissue)
    allowed = {
        Structure.VERTEBRAL_BODY: {Tissue.MARROW_BODY, Tissue.CORTEX},
        Structure.POSTERIOR_ELEMENTS: {Tissue.MARROW_POSTERIOR, Tissue.CORTEX},
        Structure.DISC: {Tissue.ANNULUS, Tissue.NUCLEUS},
        Structure.CANAL: {Tissue.CSF, Tissue.CORD, Tissue.FAT_EPIDURAL},
        Structure.SACRUM: {Tissue.MARROW_SACRUM, Tissue.CORTEX},
    }
    for member, tissues in allowed.items():
        found = tissue[structure == int(member)].flatten().tolist()
        assert set(found) <= {int(t) for t in tissues}
        assert found


@seeds
@either
def test_labels_are_kept_but_for_a_sacrum_in_the_background(seed: int, slices: int) -> None:
    spine = make_spine(slices=slices)

    structure, _ = _fill(spine.clone(), seed)

    changed = structure != spine
    assert structure.shape == spine.shape
    assert set(spine[changed].tolist()) == {int(Structure.BACKGROUND)}
    assert set(structure[changed].tolist()) == {int(Structure.SACRUM)}


@seeds
def test_sacrum_lies_below_and_behind_the_lowest_disc(seed: int) -> None:
    spine = make_spine()
    lowest_disc = torch.argwhere(spine == int(Structure.DISC))
    lowest_disc = lowest_disc[lowest_disc[:, 1] < 55].float()

    sacrum = torch.argwhere(_fill(spine, seed)[0] == int(Structure.SACRUM)).float()

    assert float(sacrum[:, 1].mean()) < float(lowest_disc[:, 1].min())
    assert float(sacrum[:, 0].mean()) < float(lowest_disc[:, 0].mean())
    # the first segment is some 30 mm deep and 24-34 mm high
    assert len(sacrum) * SPACING_MM[0] * SPACING_MM[1] > 25 * 20


@either
def test_annotated_sacrum_is_left_alone(slices: int) -> None:
    spine = make_spine(slices=slices)
    spine[..., 60:70, 20:36] = int(Structure.SACRUM)

    structure, _ = _fill(spine, 0)

    assert torch.equal(structure, spine)


def test_spine_with_no_known_lower_end_gets_no_sacrum() -> None:
    spine = make_spine()
    spine[spine == int(Structure.DISC)] = 0

    assert torch.equal(_fill(spine, 0)[0], spine)


@either
def test_input_is_not_modified(slices: int) -> None:
    spine = make_spine(slices=slices)

    _fill(spine, 1)

    assert torch.equal(spine, make_spine(slices=slices))


@either
def test_generator_alone_decides(slices: int) -> None:
    spine = make_spine(slices=slices)
    torch.manual_seed(0)
    first = _fill(spine, 1)
    torch.manual_seed(5)
    again, other = _fill(spine, 1), _fill(spine, 2)

    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[1], other[1])


@seeds
def test_air_lies_outside_the_skin(seed: int) -> None:
    _, tissue = _fill(make_spine(), seed)
    # the spine is in rows 40 to 73: from its canal forwards, air may only follow skin
    for column in range(45, 100):
        forwards = tissue[74:, column].tolist()
        if Tissue.AIR in forwards:
            assert Tissue.SKIN in forwards[: forwards.index(Tissue.AIR)]


@pytest.mark.parametrize("size", [(40, 50), (3, 40, 50)])
@seeds
def test_map_without_a_spine_is_filled_with_soft_tissue(size: tuple[int, ...], seed: int) -> None:
    empty = torch.zeros(size, dtype=torch.uint8)

    structure, tissue = _fill(empty, seed)

    assert torch.equal(structure, empty)
    assert len(set(tissue.flatten().tolist())) >= 2
    assert not (tissue == int(Tissue.AIR)).any()


def test_neighbouring_slices_of_a_volume_resemble_each_other() -> None:
    _, tissue = _fill(make_spine(slices=6), 0)
    _, other = _fill(make_spine(slices=6), 1)

    neighbours = float((tissue[2] == tissue[3]).float().mean())
    assert neighbours > 0.6
    assert neighbours > float((tissue[2] == other[2]).float().mean())


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_other_integer_types_give_the_same_maps(dtype: torch.dtype) -> None:
    wanted = _fill(make_spine(), 3)

    result = _fill(make_spine().to(dtype), 3)

    assert torch.equal(result[0], wanted[0])
    assert torch.equal(result[1], wanted[1])
