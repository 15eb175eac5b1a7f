"""A mask pair refuses what has no score and states what is empty."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from spinesynth.metrics import MaskPair

ONE = np.array([0, 1, 0])


def test_accepts_boolean_integer_and_float_masks_alike() -> None:
    kinds = (ONE.astype(bool), ONE, ONE.astype(np.float32), torch.tensor(ONE), ONE.tolist())
    for kind in kinds:
        pair = MaskPair(kind, kind, spacing_mm=(1.0,))
        assert pair.prediction.dtype == np.bool_
        assert pair.prediction.tolist() == [False, True, False]


@pytest.mark.parametrize("place", [0, 1])
def test_refuses_nan(place: int) -> None:
    masks = [ONE.astype(float), ONE.astype(float)]
    masks[place][0] = np.nan
    name = ("prediction", "reference")[place]
    with pytest.raises(ValueError, match=f"{name} must hold only 0 and 1, got 1 NaN"):
        MaskPair(masks[0], masks[1], spacing_mm=(1.0,))


@pytest.mark.parametrize("value", [0.5, 2.0, -1.0, np.inf])
def test_refuses_what_is_neither_0_nor_1(value: float) -> None:
    with pytest.raises(ValueError, match="prediction must hold only 0 and 1, got values from"):
        MaskPair([0, value, 1], ONE, spacing_mm=(1.0,))


def test_refuses_text() -> None:
    with pytest.raises(TypeError, match="prediction must be boolean or numeric"):
        MaskPair(["a", "b", "c"], ONE, spacing_mm=(1.0,))


def test_refuses_unequal_shapes() -> None:
    with pytest.raises(ValueError, match=r"shape of reference \(3,\), got \(2,\)"):
        MaskPair(ONE[:2], ONE, spacing_mm=(1.0,))


@pytest.mark.parametrize("spacing", [(1.0, 1.0), ()])
def test_refuses_a_spacing_for_other_axes(spacing: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="spacing_mm must have 1 entries"):
        MaskPair(ONE, ONE, spacing_mm=spacing)


@pytest.mark.parametrize("step", [0.0, -1.0, float("nan"), float("inf")])
def test_refuses_an_impossible_spacing(step: float) -> None:
    with pytest.raises(ValueError, match="spacing_mm must be finite and > 0"):
        MaskPair(ONE, ONE, spacing_mm=(step,))


@pytest.mark.parametrize(
    ("prediction", "reference", "both", "one"),
    [
        (ONE, ONE, False, False),
        (ONE, 0 * ONE, False, True),
        (0 * ONE, ONE, False, True),
        (0 * ONE, 0 * ONE, True, False),
    ],
)
def test_states_which_masks_are_empty(
    prediction: npt.NDArray[np.int64], reference: npt.NDArray[np.int64], both: bool, one: bool
) -> None:
    pair = MaskPair(prediction, reference, spacing_mm=(1.0,))
    assert (pair.both_empty, pair.one_empty) == (both, one)


def test_diagonal_spans_the_whole_image_in_mm() -> None:
    empty = np.zeros((3, 2, 6))
    # 3 x 4 mm, 2 x 1.5 mm, 6 x 14 mm: sqrt(12**2 + 3**2 + 84**2) = sqrt(7209)
    assert MaskPair(empty, empty, spacing_mm=(4.0, 1.5, 14.0)).diagonal_mm == pytest.approx(
        7209**0.5
    )
