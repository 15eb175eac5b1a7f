"""Box dilation and erosion against SciPy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from spinesynth.kernels.morphology import any_true, dilate, erode, in_plane_radius

masks = arrays(np.bool_, st.tuples(st.integers(1, 3), st.integers(1, 7), st.integers(1, 8)))
radii = st.tuples(*[st.integers(0, 4)] * 3)


def _box(radius: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    return np.ones([2 * r + 1 for r in radius], dtype=np.bool_)


@given(masks, radii)
def test_dilation_is_that_of_scipy(
    mask: npt.NDArray[np.bool_], radius: tuple[int, int, int]
) -> None:
    grown = dilate(torch.from_numpy(mask), radius)

    np.testing.assert_array_equal(grown.numpy(), ndimage.binary_dilation(mask, _box(radius)))


@given(masks, radii)
def test_erosion_is_that_of_scipy_with_a_border_that_does_not_erode(
    mask: npt.NDArray[np.bool_], radius: tuple[int, int, int]
) -> None:
    kept = erode(torch.from_numpy(mask), radius)

    wanted = ndimage.binary_erosion(mask, _box(radius), border_value=1)
    np.testing.assert_array_equal(kept.numpy(), wanted)


def test_input_is_not_modified() -> None:
    mask = torch.eye(6, dtype=torch.bool)

    dilate(mask, (2, 1))

    assert torch.equal(mask, torch.eye(6, dtype=torch.bool))


@pytest.mark.parametrize(
    ("spacing_mm", "shape", "wanted"),
    [
        ((4.0, 0.5, 1.0), (9, 20, 20), [0, 2, 1]),
        ((1.0, 1.0, 0.4), (9, 20, 20), [1, 1, 2]),
        ((0.1, 0.1), (5, 20), [2, 9]),  # never more than half the map
    ],
)
def test_radius_is_in_voxels_of_each_axis(
    spacing_mm: tuple[float, ...], shape: tuple[int, ...], wanted: list[int]
) -> None:
    assert in_plane_radius(torch.zeros(shape), 1.0, spacing_mm=spacing_mm) == wanted


def test_union_is_true_where_any_mask_is() -> None:
    one, two = torch.tensor([True, False, False]), torch.tensor([False, False, True])

    assert any_true([one, two]).tolist() == [True, False, True]
