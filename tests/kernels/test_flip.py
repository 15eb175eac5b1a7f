"""Mirroring: voxels turn over, labels of the two sides change places, nothing else moves."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spinesynth.kernels.flip import flip_labels, swap_labels
from spinesynth.transforms import RandSideFlip, RandSideFlipd

_PAIRS = ((1, 2), (5, 200))


@given(
    st.lists(st.integers(0, 255), min_size=1),
    st.sampled_from([torch.uint8, torch.int16, torch.int32, torch.int64]),
)
def test_pairs_change_places_and_others_stay(values: list[int], dtype: torch.dtype) -> None:
    labels = torch.tensor(values, dtype=dtype)
    other = {1: 2, 2: 1, 5: 200, 200: 5}

    swapped = swap_labels(labels, _PAIRS)

    assert swapped.dtype == dtype
    assert swapped.tolist() == [other.get(value, value) for value in values]
    assert torch.equal(swap_labels(swapped, _PAIRS), labels)


def test_values_below_zero_and_beyond_the_pairs_stay() -> None:
    labels = torch.tensor([-1, -200, 1000, 2], dtype=torch.int16)

    assert swap_labels(labels, ((1, 2),)).tolist() == [-1, -200, 1000, 1]


def test_masks_are_kept_and_images_refused() -> None:
    mask = torch.tensor([True, False])

    assert torch.equal(swap_labels(mask, ((0, 1),)), mask)
    with pytest.raises(ValueError, match=r"labels must be integers, got torch.float32"):
        swap_labels(torch.zeros(2), _PAIRS)


def test_values_that_the_dtype_cannot_hold_are_refused() -> None:
    with pytest.raises(ValueError, match=r"pairs must be values of torch.uint8 up to 255, got 300"):
        swap_labels(torch.zeros(2, dtype=torch.uint8), ((1, 300),))


@pytest.mark.parametrize("axes", [(), (0,), (1,), (2,), (0, 2), (0, 1, 2)])
@pytest.mark.parametrize("side_axis", [0, 2])
def test_labels_are_swapped_only_where_left_and_right_turned(
    axes: tuple[int, ...], side_axis: int
) -> None:
    labels = torch.randint(7, (2, 3, 4, 5), generator=torch.Generator().manual_seed(0))
    turned = np.flip(labels.numpy(), tuple(axis + 1 for axis in axes))
    wanted = np.choose(turned, [0, 2, 1, 3, 4, 6, 5]) if side_axis in axes else turned

    flipped = flip_labels(labels, axes, side_axis=side_axis, pairs=((1, 2), (5, 6)))

    np.testing.assert_array_equal(flipped.numpy(), wanted)


def test_a_symmetric_body_is_its_own_mirror_image() -> None:
    body = torch.tensor([[[1, 1], [1, 0], [7, 7], [2, 0], [2, 2]]], dtype=torch.uint8)

    assert torch.equal(flip_labels(body, [0], pairs=((1, 2),)), body)


@pytest.mark.parametrize(
    ("probs", "wanted"), [(None, (0.5, 0, 0)), (0.3, (0.3, 0.3, 0.3)), ((0, 1, 0.2), (0, 1, 0.2))]
)
def test_axes_turn_as_often_as_asked(probs: Any, wanted: tuple[float, ...]) -> None:  # noqa: ANN401
    flip, data = RandSideFlip(probs), torch.zeros(1, 2, 2, 2)
    flip.set_random_state(0)

    share = np.mean([flip.draw(data).flipped for _ in range(600)], axis=0)

    # five standard errors of 600 tosses
    np.testing.assert_allclose(share, wanted, atol=0.11)


def test_images_turn_with_their_map_and_keep_their_values() -> None:
    codes = torch.randint(3, (1, 4, 5), generator=torch.Generator().manual_seed(1))
    data: dict[Hashable, Any] = {"label": codes, "image": codes.float(), "tissue": codes}
    flip = RandSideFlipd(
        ("image", "label", "tissue"), swap_keys=("label", "image"), probs=1.0, swap=((1, 2),)
    )

    result = flip(data)

    turned = codes.flip(1, 2)
    assert torch.equal(result["image"], turned.float())
    assert torch.equal(result["tissue"], turned)
    assert torch.equal(result["label"], torch.tensor([0, 2, 1])[turned])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"probs": 1.5}, r"probs must be in \[0, 1\], got 1.5"),
        ({"probs": (0.5, -1)}, r"probs must be in \[0, 1\]"),
        ({"side_axis": 3}, "side_axis must be 0, 1 or 2, got 3"),
        ({"swap": ((1, 2), (2, 3))}, "swap must be pairs without a value in two of them"),
        ({"swap": ((1, 2, 3),)}, "swap must be pairs"),
        ({"swap": ((-1, 2),)}, "swap must be pairs of label values, whole numbers >= 0"),
    ],
)
def test_impossible_flips_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RandSideFlip(**arguments)


def test_flips_that_do_not_fit_the_data_are_refused() -> None:
    with pytest.raises(ValueError, match="probs must be one or 2 numbers"):
        RandSideFlip((0.5, 0.5, 0.5))(torch.zeros(1, 2, 2))
    with pytest.raises(ValueError, match="side_axis must be one of 2 spatial axes, got 2"):
        RandSideFlip(side_axis=2)(torch.zeros(1, 2, 2))
    with pytest.raises(ValueError, match="swap_keys must be among keys"):
        RandSideFlipd("label", swap_keys="other")
