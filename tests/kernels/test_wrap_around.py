"""Aliasing against sums by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spinesynth.kernels.wrap_around import wrap_around
from spinesynth.transforms import RandWrapAround, RandWrapAroundd

RAMP = torch.tensor([1.0, 2, 4, 8, 16, 32, 64, 128]).reshape(1, 1, 8)


@pytest.mark.parametrize(
    ("fov", "start", "gain", "wanted"),
    [
        (6, 1, 1.0, [0, 2 + 128, 4, 8, 16, 32, 64 + 1, 0]),  # 0 to 0 + 6, 7 to 7 - 6
        (6, 0, 1.0, [1 + 64, 2 + 128, 4, 8, 16, 32, 0, 0]),
        (6, 2, 1.0, [0, 0, 4, 8, 16, 32, 64 + 1, 128 + 2]),
        (6, 1, 0.5, [0, 2 + 64, 4, 8, 16, 32, 64 + 0.5, 0]),
        (4, 2, 1.0, [0, 0, 4 + 64, 8 + 128, 16 + 1, 32 + 2, 0, 0]),
        (8, 0, 1.0, [1, 2, 4, 8, 16, 32, 64, 128]),
    ],
)
def test_outer_part_comes_in_on_the_other_side(
    fov: int, start: int, gain: float, wanted: list[float]
) -> None:
    folded = wrap_around(RAMP, fov, start=start, gain=gain, axis=2, dark=True)

    assert folded.flatten().tolist() == wanted


def test_repeated_view_shows_the_periodic_image() -> None:
    folded = wrap_around(RAMP, 6, start=1, gain=1.0, axis=2, dark=False).flatten()

    assert folded.tolist() == [1 + 64, 2 + 128, 4, 8, 16, 32, 64 + 1, 128 + 2]
    assert torch.equal(folded[:2], folded[6:])  # a period of 6


@given(st.data())
def test_total_signal_is_kept_at_full_gain(draw: st.DataObject) -> None:
    size = draw.draw(st.integers(1, 12))
    fov = draw.draw(st.integers((size + 1) // 2, size))
    start = draw.draw(st.integers(0, size - fov))
    image = torch.rand((1, 2, 3, size, 2), generator=torch.Generator().manual_seed(size))

    folded = wrap_around(image, fov, start=start, gain=1.0, axis=3, dark=True)

    torch.testing.assert_close(folded.sum(3), image.sum(3), rtol=1e-5, atol=0)
    inside = folded.narrow(3, start, fov)
    assert float(inside.sum()) == pytest.approx(float(folded.sum()), rel=1e-6)


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("axis", [2, 3, 4])
def test_whole_field_of_view_is_the_identity(axis: int, dark: bool) -> None:
    image = torch.rand(1, 1, 3, 4, 5)
    same = wrap_around(image, image.shape[axis], start=0, gain=1.0, axis=axis, dark=dark)

    assert torch.equal(same, image)
    assert same.data_ptr() != image.data_ptr()


@pytest.mark.parametrize(("offset", "first_lit"), [(0.0, 0), (0.5, 2), (1.0, 4)])
def test_offset_places_the_field_of_view(offset: float, first_lit: int) -> None:
    fold = RandWrapAround((0.8, 0.8), offset=(offset, offset), axis=-1)

    lit = torch.nonzero(fold(torch.ones(1, 2, 20))[0, 0]).flatten()

    assert (int(lit[0]), len(lit)) == (first_lit, 16)


def test_label_map_under_another_key_is_left_alone() -> None:
    label = torch.ones(1, 8, 8)

    result = RandWrapAroundd("image")({"image": torch.rand(1, 8, 8), "label": label})

    assert result["label"] is label


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"fraction": (0.4, 1.0)}, r"fraction must be an ordered pair within \[0.5, 1\]"),
        ({"offset": (0.0, 1.5)}, "offset must be"),
        ({"gain": (-0.1, 1.0)}, "gain must be"),
        ({"outside": "grey"}, r"outside must be one of \('dark', 'repeated'\), got 'grey'"),
        ({"axis": 0}, "axis must be None or one of"),
    ],
)
def test_impossible_parameters_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RandWrapAround(**parameters)
