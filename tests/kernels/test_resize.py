"""Resizing keeps extents, and agrees with torch where torch can do it at once."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from spinesynth.kernels.resize import resize_linear


def random_volume(*size: int) -> torch.Tensor:
    return torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))


def test_enlarged_volume_is_torchs_trilinear_one() -> None:
    volume = random_volume(3, 5, 4)
    wanted = functional.interpolate(volume, (6, 7, 9), mode="trilinear")
    # sums of eight products in another order
    torch.testing.assert_close(resize_linear(volume, (6, 7, 9)), wanted, rtol=0, atol=1e-6)


def test_reduced_volume_averages_each_axis_with_the_triangle_of_its_new_voxels() -> None:
    line = torch.tensor([0.0, 0.0, 8.0, 0.0])
    # a triangle of half-width 2 about 0.5 and 2.5 on voxels 0..3, normalised over those inside
    wanted = torch.tensor([8 * 0.25 / 1.75, 8 * 0.75 / 1.75])
    for axis in range(3):
        shape = [1] * 3
        shape[axis] = 4
        size = [1] * 3
        size[axis] = 2
        reduced = resize_linear(line.reshape(1, 1, *shape), size)
        torch.testing.assert_close(reduced.flatten(), wanted, rtol=0, atol=1e-6)


def test_one_column_is_left_of_each_row_and_not_of_the_first_alone() -> None:
    rows = torch.tensor([[0.0, 0.0], [8.0, 4.0]])
    assert resize_linear(rows[None, None], (2, 1)).flatten().tolist() == [0.0, 6.0]


@given(
    st.tuples(*[st.integers(1, 6)] * 3),
    st.tuples(*[st.integers(1, 9)] * 3),
)
def test_constant_stays_and_no_value_leaves_the_range(
    size: tuple[int, int, int], wanted: tuple[int, int, int]
) -> None:
    volume = random_volume(*size)
    resized = resize_linear(volume, wanted)
    assert resized.shape == (2, 3, *wanted)
    # weights sum to 1 but for rounding
    assert float(resized.min()) >= float(volume.min()) - 1e-6
    assert float(resized.max()) <= float(volume.max()) + 1e-6
    still = resize_linear(torch.ones(1, 1, *size), wanted)
    torch.testing.assert_close(still, torch.ones_like(still), rtol=0, atol=1e-6)
