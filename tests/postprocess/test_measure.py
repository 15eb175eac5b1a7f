from __future__ import annotations

import pytest

from spinesynth.postprocess import measure_spine, read_spine
from tests.postprocess.block_spine import affine, block_spine, row_of


def test_blocks_have_their_heights_and_volumes() -> None:
    found = measure_spine(read_spine(block_spine(5), affine()), affine())
    values = {(m.name, m.quantity): m.value for m in found}
    # a box has exactly its height; the curve of a straight spine is straight to 1e-6
    assert values["L4-L5", "height"] == pytest.approx(10.0, abs=1e-3)
    for place in ("posterior", "middle", "anterior"):
        assert values["L3", f"height_{place}"] == pytest.approx(28.0, abs=1e-3)
    assert values["L4-L5", "volume"] == pytest.approx(6 * 16 * 5 * 16.0)
    assert {m.unit for m in found if m.quantity == "volume"} == {"mm3"}
    assert {m.unit for m in found if m.quantity != "volume"} == {"mm"}


def test_wedged_body_is_lower_in_front() -> None:
    codes = block_spine(5)
    # 6 mm off the upper end over the front third of L3
    codes[:, 40:46, row_of(3) + 11 : row_of(3) + 14] = 0
    found = measure_spine(read_spine(codes, affine()), affine())
    values = {(m.name, m.quantity): m.value for m in found}
    assert values["L3", "height_anterior"] == pytest.approx(
        22.0, abs=0.5
    )  # curve may lean a little
    assert values["L3", "height_posterior"] == pytest.approx(28.0, abs=0.5)


def test_body_that_the_edge_cuts_has_no_height() -> None:
    codes = block_spine(5)[:, :, : row_of(5) + 4]
    found = measure_spine(read_spine(codes, affine()), affine())
    assert {m.quantity for m in found if m.name == "L1"} == {"volume"}
