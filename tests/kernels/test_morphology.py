"""Box dilation and erosion against SciPy, extents, and codes put where a mask holds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from spinesynth.kernels.morphology import bounding_box, dilate, erode, in_plane_radius, put

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


@given(masks, st.integers(0, 2))
def test_bounding_box_is_the_least_that_holds_the_mask_and_its_margin(
    mask: npt.NDArray[np.bool_], margin: int
) -> None:
    box = bounding_box(torch.from_numpy(mask), margin)

    held = np.argwhere(mask)
    if not len(held):
        assert mask[box].size == 0
        return
    low = np.maximum(held.min(0) - margin, 0)
    high = np.minimum(held.max(0) + margin + 1, mask.shape)
    assert [(part.start, part.stop) for part in box] == list(zip(low, high, strict=True))


@given(masks, st.integers(0, 255), st.integers(0, 255))
def test_put_changes_the_codes_under_the_mask_alone(
    mask: npt.NDArray[np.bool_], old: int, new: int
) -> None:
    codes = torch.full(mask.shape, old, dtype=torch.uint8)
    wanted = np.where(mask, new, old).astype(np.uint8)

    for value in (new, torch.full_like(codes, new)):
        changed = put(codes, torch.from_numpy(mask), value)

        assert changed.dtype == torch.uint8
        np.testing.assert_array_equal(changed.numpy(), wanted)
    assert bool((codes == old).all())


def test_put_spreads_one_mask_over_all_slices_and_keeps_the_dtype() -> None:
    codes = torch.tensor([[[7, 8]], [[9, 10]]])

    changed = put(codes, torch.tensor([[[True, False]]]), 1)

    assert changed.dtype == torch.int64
    assert changed.tolist() == [[[1, 8]], [[1, 10]]]
