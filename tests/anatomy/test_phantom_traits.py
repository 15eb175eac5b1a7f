"""Phantoms without one trait are the same phantoms but for that trait."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from spinesynth.anatomy.phantom import draw_phantom, render_phantom
from spinesynth.anatomy.phantom.traits import TRAITS, Trait, draw_without, tissue_without
from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue


def _only(trait: Trait) -> tuple[Trait, ...]:
    return (trait,)


@pytest.mark.parametrize("seed", range(4))
def test_nothing_left_out_is_the_phantom_itself(seed: int) -> None:
    assert draw_without(seed, ()) == draw_phantom(seed)


def test_every_spine_has_one_curve_without_curvature() -> None:
    bent = {round(draw_phantom(seed).sacral_slope_deg, 6) for seed in range(6)}
    records = [draw_without(seed, _only("curvature")) for seed in range(6)]
    assert len(bent) == 6
    assert {record.sacral_slope_deg for record in records} == {38.0}
    assert {record.scoliosis_mm for record in records} == {0.0}
    assert len({record.person for record in records}) == 6


def test_every_field_of_view_is_the_same_without_placement() -> None:
    records = [draw_without(seed, _only("placement")) for seed in range(4)]
    assert len({record.placement for record in records}) == 1
    assert all(
        replace(record, placement=draw_phantom(seed).placement) == draw_phantom(seed)
        for seed, record in enumerate(records)
    )


def test_pathology_is_left_out_of_the_record() -> None:
    assert draw_without(5, _only("pathology")) == draw_phantom(5, pathology=False)


def test_tissues_change_where_the_trait_was_and_nowhere_else() -> None:
    maps = render_phantom(draw_phantom(1), shape=(3, 80, 80), spacing_mm=(4.0, 2.0, 2.0))
    outside = maps.structure == Structure.BACKGROUND
    cortex = maps.tissue == Tissue.CORTEX
    before = maps.tissue.clone()
    black = tissue_without(maps, _only("surroundings"))
    assert set(black[outside].tolist()) == {int(Tissue.AIR)}
    assert torch.equal(black[~outside], maps.tissue[~outside])
    pale = tissue_without(maps, _only("cortex"))
    assert bool(cortex.any())
    assert set(pale[cortex].tolist()) == {int(Tissue.MARROW_BODY)}
    assert torch.equal(pale[~cortex], maps.tissue[~cortex])
    assert torch.equal(maps.tissue, before)


def test_an_unknown_trait_is_refused() -> None:
    with pytest.raises(ValueError, match=r"without must name traits of .*got \['lungs'\]"):
        draw_without(0, ("lungs",))  # type: ignore[arg-type]  # the mistake
    assert "lungs" not in TRAITS
