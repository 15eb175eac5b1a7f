"""Normalisation shared by training and prediction, and the gamma curve."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from spinesynth.kernels.intensity import apply_gamma, normalise_intensity, saturate


def _image(*size: int, seed: int = 0) -> Tensor:
    return torch.rand(size, generator=torch.Generator().manual_seed(seed)) * 90 + 10


def _padded(image: Tensor, value: float, width: int) -> Tensor:
    return torch.nn.functional.pad(image, [width] * 4, value=value)


@pytest.mark.parametrize("padding", [-1000.0, 0.0])
@pytest.mark.parametrize("width", [5, 40])
def test_padding_becomes_zero_and_moves_nothing(padding: float, width: int) -> None:
    image = _image(1, 50, 60)
    # percentiles with and without the lone minimum of an unpadded image differ by one rank
    rank = 2 / (0.99 * image.numel())

    padded = normalise_intensity(_padded(image, padding, width))

    inside = padded[:, width:-width, width:-width]
    torch.testing.assert_close(inside, normalise_intensity(image), rtol=0, atol=2 * rank)
    assert float(padded[:, :width].abs().max()) == 0


def test_amount_of_padding_does_not_matter() -> None:
    image = _image(1, 30, 40)

    little, much = (normalise_intensity(_padded(image, -1000, width)) for width in (1, 60))

    assert torch.equal(little[:, 1:-1, 1:-1], much[:, 60:-60, 60:-60])


@given(st.floats(1e-2, 1e3), st.floats(-1e3, 1e3))
def test_gain_and_offset_do_not_matter(gain: float, offset: float) -> None:
    image = _padded(_image(1, 20, 20), -50.0, 6)

    changed = normalise_intensity(image * gain + offset)

    # an offset that dwarfs the signal costs float32 digits: 1e3 / (1e-2 * 90) * 6e-8 = 7e-5
    torch.testing.assert_close(changed, normalise_intensity(image), rtol=0, atol=3e-4)


def test_percentiles_are_those_of_numpy() -> None:
    image = _padded(_image(1, 40, 50), 0.0, 3)
    inside = image[image > 0].numpy()
    low, high = np.percentile(inside, [0.5, 99.5], method="nearest")

    result = normalise_intensity(image)

    wanted = np.clip((image.numpy() - low) / (high - low), 0, 1)
    np.testing.assert_allclose(result.numpy(), wanted, atol=1e-6)


def test_large_images_are_read_on_a_subset_with_nearly_the_same_result() -> None:
    image = _image(1, 300, 300)

    result = normalise_intensity(image)

    # U(10, 100): the 0.5th percentile of some 20 000 values errs by 90 * sqrt(0.005 / 20000)
    wanted = (image - 10.45) / (99.55 - 10.45)
    torch.testing.assert_close(result, wanted.clamp(0, 1), rtol=0, atol=5e-3)


@given(st.integers(0, 50))
def test_result_lies_between_zero_and_one(seed: int) -> None:
    image = torch.randn((1, 9, 11), generator=torch.Generator().manual_seed(seed)) * 1e4

    result = normalise_intensity(image)

    assert result.dtype == torch.float32
    assert float(result.min()) == 0
    assert float(result.max()) == 1


@pytest.mark.parametrize("value", [0.0, -1000.0, 7.5])
def test_constant_image_becomes_zero(value: float) -> None:
    result = normalise_intensity(torch.full((1, 4, 5), value))

    assert torch.equal(result, torch.zeros(1, 4, 5))


def test_integers_are_taken() -> None:
    image = torch.arange(1001, dtype=torch.int16).reshape(1, 7, 143)

    # padding is 0; of 1 to 1000 the percentiles are 6 (rank 5) and 995 (rank 994)
    wanted = ((image.float() - 6) / (995 - 6)).clamp(0, 1)
    torch.testing.assert_close(normalise_intensity(image), wanted)


def test_image_of_two_values_keeps_both_apart() -> None:
    image = torch.tensor([[[3.0, 3.0, 8.0, 8.0]]])

    assert normalise_intensity(image).flatten().tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_gamma_keeps_zero_and_peak(gamma: float) -> None:
    image = torch.tensor([0.0, 1.0, 2.0, 4.0]).reshape(1, 1, 2, 2)

    curved = apply_gamma(image, gamma)

    wanted = [0.0, 4 * 0.25**gamma, 4 * 0.5**gamma, 4.0]
    assert curved.flatten().tolist() == pytest.approx(wanted)


def test_gamma_reads_each_image_by_its_own_peak() -> None:
    image = torch.rand(1, 2, 5, 6)
    batch = torch.cat([image, 10 * image])

    curved = apply_gamma(batch, 1.7)

    torch.testing.assert_close(curved[:1], apply_gamma(image, 1.7))
    torch.testing.assert_close(curved[1:], 10 * curved[:1])


def test_gamma_of_one_is_a_copy() -> None:
    image = torch.rand(1, 1, 3, 3)
    curved = apply_gamma(image, 1.0)

    assert torch.equal(curved, image)
    assert curved.data_ptr() != image.data_ptr()


@pytest.mark.parametrize("gamma", [0.3, 3.0])
def test_gamma_of_a_black_image_is_black(gamma: float) -> None:
    assert torch.equal(apply_gamma(torch.zeros(1, 1, 3, 3), gamma), torch.zeros(1, 1, 3, 3))


def test_large_images_with_padding_are_read_at_every_nth_voxel_inside() -> None:
    # the definition that trained models rely on: rank among every n-th voxel above the padding
    image = _padded(_image(1, 300, 300), -5.0, 40)
    inside = image[image > -5].numpy()
    ordered = np.sort(inside[:: len(inside) // 20_000])
    last = len(ordered) - 1
    low, high = ordered[round(0.005 * last)], ordered[round(0.995 * last)]

    wanted = np.clip((image.numpy() - low) / (high - low), 0, 1)
    np.testing.assert_array_equal(normalise_intensity(image).numpy(), wanted)


def test_normalisation_does_not_touch_its_image() -> None:
    image = _image(1, 20, 20)
    before = image.clone()

    normalise_intensity(image)
    saturate(image, 50.0, low_percentile=10.0)
    apply_gamma(image[None], 2.0)

    assert torch.equal(image, before)


def test_saturation_clips_to_percentiles_above_the_padding() -> None:
    image = torch.cat([torch.full((50,), -7.0), torch.arange(101.0)])

    clipped = saturate(image, 90.0, low_percentile=20.0)

    # the voxels above the padding are 0 to 100
    assert torch.equal(clipped, image.clamp(20, 90))


def test_saturation_at_its_ends_is_a_copy() -> None:
    image = _image(1, 30, 30)
    same = saturate(image, 100.0)

    assert torch.equal(same, image)
    assert same.data_ptr() != image.data_ptr()


def test_saturation_of_a_constant_is_the_constant() -> None:
    assert torch.equal(saturate(torch.ones(4, 5), 60.0, low_percentile=20), torch.ones(4, 5))


@pytest.mark.parametrize(("low", "high"), [(-1.0, 50.0), (0.0, 101.0), (60.0, 50.0)])
def test_percentiles_outside_their_range_are_refused(low: float, high: float) -> None:
    with pytest.raises(ValueError, match=r"must be ordered within \[0, 100\], got"):
        saturate(torch.rand(3, 3), high, low_percentile=low)
