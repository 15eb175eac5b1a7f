"""Rician noise against SciPy's distribution, and the spread of correlated noise."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats

from spinesynth.kernels.noise import add_gaussian_noise, add_rician_noise

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
