"""What the thecal sac of a phantom holds, and how far down it keeps its section."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import pytest
import torch
from scipy import ndimage

from spinesynth.anatomy.phantom import PhantomMaps, PhantomRecord, draw_phantom, render_phantom
from spinesynth.anatomy.phantom.parameters import Outline
from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue

_PLAIN = {"cauda_packing": 0.0, "sac_fullness": 0.0, "dura_mm": 0.0}


def _record(seed: int, **sac: float) -> PhantomRecord:
    record = draw_phantom(seed, pathology=False)
    canal = replace(record.canal, **{**_PLAIN, **sac})
    placement = replace(record.placement, centre_level=1.0, offset_mm=(0.0, 0.0, 0.0))
    return replace(record, canal=canal, placement=placement, outline=Outline())


@cache
def _maps(seed: int, **sac: float) -> PhantomMaps:
    return render_phantom(_record(seed, **sac), shape=(20, 90, 150), spacing_mm=(2.0, 1.0, 1.2))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_full_sac_holds_all_that_a_tapered_one_does_and_more(seed: int) -> None:
    tapered, full = (_maps(seed, sac_fullness=f).structure == Structure.CANAL for f in (0.0, 1.0))
    assert (tapered & ~full).sum() < 0.01 * tapered.sum()  # its axis moves with its depth
    assert full.sum() > 1.02 * tapered.sum()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_packed_roots_form_fewer_strands(seed: int) -> None:
    strands = []
    for packing in (0.0, 1.0):
        maps = _maps(seed, cauda_packing=packing)
        roots = (maps.tissue == Tissue.CORD) & (maps.structure == Structure.CANAL)
        strands.append(sum(ndimage.label(level.numpy())[1] for level in roots.unbind(dim=2)))
    assert strands[1] < strands[0]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_dura_is_a_dark_line_that_changes_no_label(seed: int) -> None:
    without, with_dura = _maps(seed), _maps(seed, dura_mm=1.2)
    changed = without.tissue != with_dura.tissue
    assert changed.any()
    assert set(with_dura.tissue[changed].tolist()) == {Tissue.LIGAMENT}
    assert torch.equal(without.structure, with_dura.structure)


def test_records_from_before_the_sac_had_these_sizes_draw_what_they_drew() -> None:
    record = _record(1)
    fields = json.loads(record.to_json())
    for name in _PLAIN:
        del fields["canal"][name]
    assert PhantomRecord.from_json(json.dumps(fields)) == record
