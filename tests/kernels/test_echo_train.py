"""Decay along an echo train: who reads which line, the centre is kept, the blur by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from spinesynth.kernels.echo_train import (
    EncodingOrder,
    blur_along_echo_train,
    echo_of_each_line,
    echo_train_weights,
)

ORDERS: tuple[EncodingOrder, ...] = ("linear", "centric")
TRAIN: dict[str, Any] = {"te_ms": 90.0, "echo_train_length": 16, "echo_spacing_ms": 10.0}


def _echoes(size: int, length: int, centre: int, order: EncodingOrder) -> list[int]:
    echoes = echo_of_each_line(size, echo_train_length=length, effective_echo=centre, order=order)
    listed: list[int] = torch.fft.fftshift(echoes).tolist()
    return listed


@pytest.mark.parametrize(
    ("order", "centre", "wanted"),
    [
        # lines -6 to 5, the centre is the seventh
        ("linear", 2, [1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3]),
        ("linear", 3, [1, 1, 1, 2, 2, 3, 3, 3, 3, 3, 3, 3]),
        ("centric", 1, [3, 3, 3, 2, 2, 1, 1, 1, 2, 2, 3, 3]),
        ("centric", 3, [3] * 12),
    ],
)
def test_lines_of_three_echoes_by_hand(
    order: EncodingOrder, centre: int, wanted: list[int]
) -> None:
    assert _echoes(12, 3, centre, order) == wanted


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", [1, 2, 7, 64, 65])
@pytest.mark.parametrize(("length", "centre"), [(1, 1), (5, 1), (5, 3), (5, 5), (16, 9), (300, 40)])
def test_centre_is_read_at_the_effective_echo(
    size: int, length: int, centre: int, order: EncodingOrder
) -> None:
    echoes = _echoes(size, length, centre, order)

    assert echoes[size // 2] == centre
    assert all(1 <= echo <= length for echo in echoes)
    right = echoes[size // 2 :]
    left = echoes[size // 2 :: -1]
    assert right == sorted(right)
    assert left == sorted(left, reverse=order == "linear")


def test_linear_order_shares_the_lines_alike() -> None:
    # an odd train with its centre in the middle, over lines that it divides
    counts = np.bincount(_echoes(75, 15, 8, "linear"))[1:]
    assert counts.tolist() == [5] * 15


@pytest.mark.parametrize("order", ORDERS)
def test_weights_are_the_decay_relative_to_the_centre(order: EncodingOrder) -> None:
    echoes = echo_of_each_line(40, echo_train_length=16, effective_echo=9, order=order)

    weights = echo_train_weights(40, 70.0, order=order, **TRAIN)

    assert weights[0] == 1
    wanted = [math.exp(-(10 * echo - 90) / 70) for echo in echoes.tolist()]
    assert weights.tolist() == pytest.approx(wanted)
    assert len(set(echoes.tolist())) > 5


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("axis", [2, 3, 4])
def test_mean_is_kept(order: EncodingOrder, axis: int) -> None:
    image = torch.rand((2, 1, 9, 12, 10), generator=torch.Generator().manual_seed(0)) + 3
    weights = echo_train_weights(image.shape[axis], 300.0, order=order, **TRAIN)

    blurred = blur_along_echo_train(image, weights, axis=axis)

    assert not torch.allclose(blurred, image, atol=1e-3)
    if order == "centric":
        # its weights are real and nearly even, so that the image stays positive
        torch.testing.assert_close(blurred.mean(axis), image.mean(axis), rtol=1e-3, atol=0)
    flat = torch.full((1, 1, 8, 6, 5), 2.0)
    weights = echo_train_weights(flat.shape[axis], 40.0, order=order, **TRAIN)
    torch.testing.assert_close(blur_along_echo_train(flat, weights, axis=axis), flat)


@pytest.mark.parametrize("order", ORDERS)
def test_long_t2_is_the_identity(order: EncodingOrder) -> None:
    image = torch.rand((1, 1, 12, 9), generator=torch.Generator().manual_seed(1))

    endless = echo_train_weights(12, math.inf, order=order, **TRAIN)
    same = blur_along_echo_train(image, endless, axis=2)
    assert torch.equal(same, image)
    assert same.data_ptr() != image.data_ptr()

    # 100 ms of 1e8 ms: a millionth, and the rounding of the transform
    long = echo_train_weights(12, 1e8, order=order, **TRAIN)
    torch.testing.assert_close(blur_along_echo_train(image, long, axis=2), image, rtol=0, atol=3e-6)


def test_single_echo_does_not_blur() -> None:
    train: dict[str, Any] = {"te_ms": 12.0, "echo_train_length": 1, "echo_spacing_ms": 12.0}
    assert torch.equal(
        echo_train_weights(30, 5.0, order="linear", **train), torch.ones(30, dtype=torch.float64)
    )


@pytest.mark.parametrize("order", ORDERS)
def test_blur_is_numpys(order: EncodingOrder) -> None:
    image = torch.rand((1, 2, 5, 20, 6), generator=torch.Generator().manual_seed(2))
    weights = echo_train_weights(20, 60.0, order=order, **TRAIN)
    spectrum = np.fft.fft(image.numpy().astype(float), axis=3) * weights.numpy()[:, None]
    wanted = np.abs(np.fft.ifft(spectrum, axis=3))

    blurred = blur_along_echo_train(image, weights, axis=3)

    # float32, and weights of up to exp(80 / 60)
    np.testing.assert_allclose(blurred.numpy(), wanted, atol=5e-6)


def test_wave_is_damped_by_its_echo() -> None:
    # line 10 of 64 is in the third step out: 2 * 10 * 8 / 64 = 2.5
    train: dict[str, Any] = {"te_ms": 10.0, "echo_train_length": 8, "echo_spacing_ms": 10.0}
    wave = torch.cos(2 * torch.pi * 10 * torch.arange(64) / 64)
    weights = echo_train_weights(64, 40.0, order="centric", **train)

    damped = blur_along_echo_train((2 + wave).reshape(1, 1, 64), weights, axis=2)

    torch.testing.assert_close(damped.flatten(), 2 + math.exp(-20 / 40) * wave, rtol=0, atol=2e-6)


def test_shorter_t2_blurs_a_point_more() -> None:
    train: dict[str, Any] = {"te_ms": 10.0, "echo_train_length": 16, "echo_spacing_ms": 10.0}
    point = torch.zeros(1, 1, 128)
    point[..., 64] = 1

    heights = [
        blur_along_echo_train(
            point, echo_train_weights(128, t2_ms, order="centric", **train), axis=2
        ).max()
        for t2_ms in (2000.0, 200.0, 80.0, 40.0, 20.0)
    ]

    assert heights == sorted(heights, reverse=True)
    # the height of a point is the mean weight: sum over steps of 8 ms each, by the geometric series
    ratio = math.exp(-10 / 80)
    mean = (1 - ratio**16) / (1 - ratio) / 16
    # the centre's step has one line less than 8, the edge's one more
    assert heights[2].item() == pytest.approx(mean, abs=1 / 128)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"t2_ms": 0.0}, "t2_ms must be > 0, got 0"),
        ({"t2_ms": math.nan}, "t2_ms must be > 0, got nan"),
        ({"te_ms": 170.0}, "te_ms must be at most"),
        ({"echo_train_length": 0}, "echo_train_length must be a whole number >= 1, got 0"),
        ({"order": "spiral"}, "order must be 'linear' or 'centric', got 'spiral'"),
    ],
)
def test_impossible_parameters_are_refused(changes: dict[str, Any], message: str) -> None:
    parameters: dict[str, Any] = TRAIN | {"t2_ms": 50.0, "order": "linear"} | changes
    with pytest.raises(ValueError, match=message):
        echo_train_weights(16, **parameters)
