"""Partial Fourier against the analytic signal and against counted lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.signal import hilbert

from spinesynth.kernels.partial_fourier import apply_partial_fourier, partial_fourier_weights
from spinesynth.transforms import RandPartialFourier


@pytest.mark.parametrize("axis", [2, 3])
def test_half_of_kspace_gives_the_analytic_signal(axis: int) -> None:
    # an odd number of lines: one side and the centre; SciPy doubles the side and keeps the centre
    image = torch.rand((1, 1, 15, 17), generator=torch.Generator().manual_seed(0))
    plain = image.numpy().astype(float)
    wanted = np.abs(hilbert(plain, axis=axis) + plain.mean(axis, keepdims=True)) / 2

    half = apply_partial_fourier(image, 0.5, axis=axis)

    np.testing.assert_allclose(half.numpy(), wanted, atol=1e-6)


@pytest.mark.parametrize("size", [64, 65, 1, 2, 7])
@pytest.mark.parametrize("fraction", [0.5, 0.6, 0.75, 0.9, 1.0])
def test_part_of_the_lines_is_acquired_from_one_edge_past_the_centre(
    size: int, fraction: float
) -> None:
    acquired = torch.fft.fftshift(partial_fourier_weights(size, fraction))

    count = int(acquired.sum())
    assert torch.equal(acquired, (torch.arange(size) < count).float())
    assert count == max(int(np.ceil(fraction * size - 1e-6)), size // 2 + 1)


@pytest.mark.parametrize("fraction", [0.55, 0.7, 0.9])
def test_line_by_line_composition_is_numpys(fraction: float) -> None:
    image = torch.rand((1, 2, 5, 20, 6), generator=torch.Generator().manual_seed(1))
    spectrum = np.fft.fftshift(np.fft.fft(image.numpy().astype(float), axis=3), axes=3)
    spectrum[:, :, :, int(np.ceil(fraction * 20 - 1e-6)) :] = 0
    wanted = np.abs(np.fft.ifft(np.fft.ifftshift(spectrum, axes=3), axis=3))

    part = apply_partial_fourier(image, fraction, axis=3)

    np.testing.assert_allclose(part.numpy(), wanted, atol=1e-6)


def test_point_is_blurred_the_more_the_less_is_acquired() -> None:
    image = torch.zeros(1, 1, 129)
    image[..., 64] = 1

    heights = [float(apply_partial_fourier(image, f, axis=2).max()) for f in (1, 0.9, 0.75, 0.6)]

    # a point holds every line alike, so that its height is the part that is acquired
    assert heights == pytest.approx([1, 117 / 129, 97 / 129, 78 / 129], abs=1e-5)


def test_flat_image_keeps_its_value() -> None:
    flat = torch.full((1, 1, 12, 9), 3.0)

    torch.testing.assert_close(apply_partial_fourier(flat, 0.5, axis=2), flat)


def test_all_lines_are_the_identity() -> None:
    image = torch.rand(1, 1, 8, 9)
    same = apply_partial_fourier(image, 1.0, axis=3)

    assert torch.equal(same, image)
    assert same.data_ptr() != image.data_ptr()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"fraction": (0.4, 0.9)}, r"fraction must be an ordered pair within \[0.5, 1\]"),
        ({"fraction": (0.9, 1.1)}, "fraction must be"),
        ({"axis": -4}, "axis must be None or one of .*, got -4"),
    ],
)
def test_impossible_parameters_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RandPartialFourier(**parameters)
