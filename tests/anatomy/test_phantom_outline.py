"""Where the labels of a phantom end beside its tissues."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache

import pytest
import torch
from scipy import ndimage

from spinesynth.anatomy.phantom import PhantomMaps, draw_phantom, render_phantom
from spinesynth.anatomy.phantom.parameters import Outline
from spinesynth.anatomy.structures import Structure

_WIDEST = Outline(
    endplate_gap_mm=1.5, wall_gap_mm=0.8, arch_gap_mm=0.8, disc_gap_mm=1.2, canal_margin_mm=2.6
)
_CHANGED = {
    "endplate_gap_mm": Structure.VERTEBRAL_BODY,
    "wall_gap_mm": Structure.VERTEBRAL_BODY,
    "arch_gap_mm": Structure.POSTERIOR_ELEMENTS,
    "disc_gap_mm": Structure.DISC,
    "canal_margin_mm": Structure.CANAL,
}


@cache
def _maps(seed: int, outline: Outline, centre_level: float = 2.5) -> PhantomMaps:
    record = draw_phantom(seed)
    placement = replace(record.placement, centre_level=centre_level)
    record = replace(record, outline=outline, placement=placement)
    return render_phantom(record, shape=(56, 80, 120), spacing_mm=(2.0, 1.2, 1.5))


@pytest.mark.parametrize("name", [field.name for field in fields(Outline)])
def test_outline_moves_the_label_it_names_and_no_other(name: str) -> None:
    exact, drawn = _maps(4, Outline()), _maps(4, Outline(**{name: getattr(_WIDEST, name)}))
    assert torch.equal(exact.tissue, drawn.tissue)
    changed = exact.structure != drawn.structure
    assert changed.any()
    if name == "canal_margin_mm":
        assert set(exact.structure[changed].tolist()) == {Structure.BACKGROUND}
        assert set(drawn.structure[changed].tolist()) == {Structure.CANAL}
    else:
        assert set(exact.structure[changed].tolist()) == {_CHANGED[name]}
        assert set(drawn.structure[changed].tolist()) == {Structure.BACKGROUND}
        assert not drawn.instance[changed].any()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_gap_parts_every_disc_from_the_bone_on_either_side(seed: int) -> None:
    """Also the lowest one from the sacrum; roughness is in the distance, so no voxel is left."""
    bones = (Structure.VERTEBRAL_BODY, Structure.SACRUM)
    touching = []
    for outline in (Outline(), Outline(disc_gap_mm=2.5)):  # more than any step of the grid
        structure = _maps(seed, outline, 1.0).structure
        discs = (structure == Structure.DISC).numpy()
        beside = ndimage.binary_dilation(discs, ndimage.generate_binary_structure(3, 1))
        touching.append([int((beside & (structure == bone).numpy()).sum()) for bone in bones])
    assert min(touching[0]) > 100
    assert touching[1] == [0, 0]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_widest_outline_leaves_each_vertebra_in_one_piece_with_discs_between(seed: int) -> None:
    maps = _maps(seed, _WIDEST)
    bone = (maps.structure == Structure.VERTEBRAL_BODY) | (
        maps.structure == Structure.POSTERIOR_ELEMENTS
    )
    for number in range(1, 5):  # whole ones, well inside the field of view
        pieces, _ = ndimage.label((bone & (maps.instance == number)).numpy(), _CORNERS)
        sizes = sorted((pieces == n).sum() for n in range(1, pieces.max() + 1))
        assert sizes[-1] >= 0.99 * sum(sizes)  # single voxels hang on by less than a voxel
        assert ((maps.structure == Structure.DISC) & (maps.instance == number)).any()


_CORNERS = torch.ones(3, 3, 3).numpy()


@pytest.mark.parametrize("seed", range(20))
def test_drawn_outline_lies_within_its_limits(seed: int) -> None:
    outline = draw_phantom(seed).outline
    for field in fields(Outline):
        assert 0.0 <= getattr(outline, field.name) <= getattr(_WIDEST, field.name)
