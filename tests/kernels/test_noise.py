"""Rician and chi noise against their closed forms, and the spread of correlated noise."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import special, stats

from spinesynth.kernels.noise import (
    add_chi_noise,
    add_gaussian_noise,
    add_rician_noise,
    draw_g_factor,
)

_SIZE = (1, 1, 400, 500)


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("sigma", [0.02, 3.0])
def test_rician_mean_without_signal_is_that_of_rayleigh(sigma: float) -> None:
    noise = add_rician_noise(torch.zeros(_SIZE), sigma, generator=_generator())

    # 200 000 voxels of spread 0.66 sigma: five standard errors are 0.0074 sigma
    assert float(noise.mean()) == pytest.approx(sigma * math.sqrt(math.pi / 2), abs=0.0074 * sigma)


@pytest.mark.parametrize("ratio", [0.5, 1.0, 5.0])
def test_rician_mean_and_spread_are_those_of_scipy(ratio: float) -> None:
    sigma = 0.1
    image = torch.full(_SIZE, ratio * sigma)

    noisy = add_rician_noise(image, sigma, generator=_generator()).double()

    wanted = stats.rice(b=ratio, scale=sigma)
    # five standard errors of 200 000 voxels
    assert float(noisy.mean()) == pytest.approx(wanted.mean(), abs=0.0112 * sigma)
    assert float(noisy.std()) == pytest.approx(wanted.std(), abs=0.008 * sigma)


def test_rician_values_follow_the_distribution() -> None:
    noisy = add_rician_noise(torch.full((1, 1, 60, 60), 2.0), 1.0, generator=_generator())

    test = stats.kstest(noisy.flatten().numpy(), stats.rice(b=2.0).cdf)

    assert test.pvalue > 1e-3


def test_rician_noise_is_never_negative() -> None:
    assert float(add_rician_noise(torch.zeros(_SIZE), 1.0, generator=_generator()).min()) >= 0


@pytest.mark.parametrize("correlation_vox", [0.4, 1.2, 3.0])
def test_correlation_keeps_the_spread(correlation_vox: float) -> None:
    # where the signal is strong, the magnitude is the signal plus the noise of one channel
    image = torch.full(_SIZE, 1e3)

    noise = (
        add_rician_noise(image, 1.0, generator=_generator(), correlation_vox=correlation_vox) - 1e3
    )

    # correlated over an area of 4 pi c^2 voxels, 200 000 voxels hold so many fewer draws;
    # float32 rounds 1000 to 6e-5
    independent = 200_000 / max(1.0, 4 * math.pi * correlation_vox**2)
    assert float(noise.std()) == pytest.approx(1.0, abs=5 / math.sqrt(2 * independent))


@pytest.mark.parametrize("distance", [1, 2, 4])
@pytest.mark.parametrize("axis", [2, 3])
def test_correlation_falls_off_as_a_gaussian(distance: int, axis: int) -> None:
    width = 2.0
    noise = (
        add_rician_noise(torch.full(_SIZE, 1e3), 1.0, generator=_generator(), correlation_vox=width)
        - 1e3
    )

    count = noise.shape[axis] - distance
    product = noise.narrow(axis, 0, count) * noise.narrow(axis, distance, count)

    # the autocorrelation of a Gaussian kernel of width c is one of width sqrt(2) c; 4000 draws
    wanted = math.exp(-(distance**2) / (4 * width**2))
    assert float(product.mean()) == pytest.approx(wanted, abs=0.08)


def test_without_correlation_neighbours_know_nothing_of_each_other() -> None:
    noise = add_gaussian_noise(torch.zeros(_SIZE), 1.0, generator=_generator())

    # five standard errors
    assert abs(float((noise[..., 1:] * noise[..., :-1]).mean())) < 0.0112


def test_gaussian_noise_has_its_spread_and_no_bias() -> None:
    noise = add_gaussian_noise(torch.full(_SIZE, 0.5), 0.2, generator=_generator()) - 0.5

    assert float(noise.mean()) == pytest.approx(0, abs=5 * 0.2 / math.sqrt(200_000))
    assert float(noise.std()) == pytest.approx(0.2, abs=5 * 0.2 / math.sqrt(400_000))


def test_no_noise_is_a_copy() -> None:
    image = torch.rand(1, 1, 4, 4)
    same = add_rician_noise(image, 0.0, generator=_generator())

    assert torch.equal(same, image)
    assert same.data_ptr() != image.data_ptr()
    assert torch.equal(add_gaussian_noise(image, 0.0, generator=_generator()), image)


@pytest.mark.parametrize("ratio", [0.0, 1.0, 5.0])
def test_rician_mean_is_the_laguerre_polynomial_of_half_order(ratio: float) -> None:
    noisy = add_rician_noise(torch.full(_SIZE, ratio), 1.0, generator=_generator()).double()

    # sqrt(pi / 2) L(-r^2 / 2), L(x) = exp(x / 2) [(1 - x) I0(-x / 2) - x I1(-x / 2)]
    x = -(ratio**2) / 2
    laguerre = (1 - x) * special.ive(0, -x / 2) - x * special.ive(1, -x / 2)
    # five standard errors of 200 000 voxels
    assert float(noisy.mean()) == pytest.approx(math.sqrt(math.pi / 2) * laguerre, abs=0.0112)


@pytest.mark.parametrize("coils", [1, 2, 8])
def test_chi_mean_without_signal_is_a_ratio_of_gamma_functions(coils: int) -> None:
    noise = add_chi_noise(torch.zeros(_SIZE), 0.5, coils=coils, generator=_generator()).double()

    wanted = 0.5 * math.sqrt(2) * special.gamma(coils + 0.5) / special.gamma(coils)
    # five standard errors of 200 000 voxels of spread 0.71 sigma at most
    assert float(noise.mean()) == pytest.approx(wanted, abs=0.5 * 0.008)


@pytest.mark.parametrize("coils", [2, 4])
def test_square_of_chi_is_the_noncentral_chi_square_of_scipy(coils: int) -> None:
    signal = torch.full((1, 1, 60, 60), 3.0)

    noisy = add_chi_noise(signal, 1.0, coils=coils, generator=_generator())

    wanted = stats.ncx2(df=2 * coils, nc=9.0)
    assert stats.kstest(noisy.flatten().double().square().numpy(), wanted.cdf).pvalue > 1e-3


def test_one_coil_is_rician() -> None:
    image = torch.rand(1, 1, 9, 8, generator=_generator(1))

    one = add_chi_noise(image, 0.1, coils=1, generator=_generator())

    assert torch.equal(one, add_rician_noise(image, 0.1, generator=_generator()))


def test_rician_is_the_magnitude_of_two_draws_in_turn() -> None:
    image, generator = torch.rand(1, 1, 30, 20, generator=_generator(1)), _generator(5)
    real, imaginary = (torch.randn(image.shape, generator=generator) for _ in range(2))

    noisy = add_rician_noise(image, 0.2, generator=_generator(5))

    wanted = ((image + 0.2 * real) ** 2 + (0.2 * imaginary) ** 2).sqrt()
    torch.testing.assert_close(noisy, wanted)


def test_noise_does_not_touch_its_image() -> None:
    image = torch.rand(1, 1, 5, 6)
    before = image.clone()

    add_chi_noise(image, 0.3, coils=3, generator=_generator(), correlation_vox=1.0)
    add_gaussian_noise(image, 0.3, generator=_generator())

    assert torch.equal(image, before)


def test_noise_grows_by_the_g_factor() -> None:
    image = torch.full((1, 1, 200, 400), 1e3)
    g_factor = torch.ones(1, 1, 1, 400)
    g_factor[..., 200:] = 2.5

    noises = [
        add_rician_noise(image, 1.0, generator=_generator(), g_factor=g_factor) - 1e3,
        add_gaussian_noise(image, 1.0, generator=_generator(), g_factor=g_factor) - 1e3,
    ]

    for noise in noises:
        # five standard errors of 40 000 voxels
        assert float(noise[..., :200].std()) == pytest.approx(1.0, abs=0.018)
        assert float(noise[..., 200:].std()) == pytest.approx(2.5, abs=2.5 * 0.018)


@pytest.mark.parametrize("peak", [1.0, 1.8, 4.0])
@pytest.mark.parametrize("shape", [(40, 50), (20, 30, 10)])
def test_g_factor_is_smooth_and_lies_between_one_and_its_peak(
    shape: tuple[int, ...], peak: float
) -> None:
    drawn = draw_g_factor(shape, peak, generator=_generator())

    assert drawn.shape == (1, 1, *shape)
    assert 1 <= float(drawn.min()) <= float(drawn.max()) <= peak
    # the slope of a cubic B-spline is at most the largest step between two of its nodes, three
    # steps to the axis
    for axis, size in enumerate(shape, start=2):
        steepest = float(drawn.diff(dim=axis).abs().max()) * (size - 1) / 3
        assert steepest <= peak - 1 + 1e-4
    assert (float(drawn.std()) > 0.02 * (peak - 1)) or peak == 1


@pytest.mark.parametrize("peak", [0.9, math.nan, math.inf])
def test_impossible_g_factor_is_refused(peak: float) -> None:
    with pytest.raises(ValueError, match="peak must be finite and >= 1, got"):
        draw_g_factor((4, 4), peak, generator=_generator())


def test_no_coil_is_refused() -> None:
    with pytest.raises(ValueError, match="coils must be at least 1, got 0"):
        add_chi_noise(torch.zeros(1, 1, 2, 2), 1.0, coils=0, generator=_generator())
