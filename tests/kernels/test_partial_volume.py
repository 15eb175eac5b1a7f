"""Partial volume: border voxels are mixtures, in the proportion that a Gaussian gives."""

from __future__ import annotations

import math

import pytest
import torch

from spinesynth.kernels.partial_volume import blend_borders, voxel_blur_matrix

_FWHM_PER_SIGMA = 2.3548200450309493


def _phi(x: float) -> float:
    return 0.5 * (1 + math.erf(x / math.sqrt(2)))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("fwhm_vox", [0.3, 1.0, 2.5])
def test_step_becomes_the_ramp_of_the_error_function(axis: int, fwhm_vox: float) -> None:
    size, edge = 20, 8
    step = torch.full((size,), 0.2)
    step[edge:] = 1.0
    shape = [1, 1, 5, 5, 5]
    shape[axis + 2] = size
    means = step.reshape([size if n == axis + 2 else 1 for n in range(5)]).expand(shape)

    blurred = blend_borders(means.contiguous(), fwhm_vox)

    sigma = fwhm_vox / _FWHM_PER_SIGMA
    wanted = [0.2 + 0.8 * _phi((n - (edge - 0.5)) / sigma) for n in range(size)]
    ramp = blurred.movedim(axis + 2, -1)
    # float32 sums of up to 20 weights
    torch.testing.assert_close(ramp, torch.tensor(wanted).expand_as(ramp), rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [1, 2, 3, 40])
@pytest.mark.parametrize("fwhm_vox", [0.1, 1.0, 20.0])
def test_weights_are_a_partition_of_one(size: int, fwhm_vox: float) -> None:
    matrix = voxel_blur_matrix(size, fwhm_vox)

    assert matrix.shape == (size, size)
    assert bool((matrix >= 0).all())
    # rounding to float32 of each weight
    torch.testing.assert_close(matrix.sum(1), torch.ones(size), rtol=0, atol=size * 1e-7)


def test_blur_is_symmetric() -> None:
    matrix = voxel_blur_matrix(12, 2.0)

    # each weight is a difference of two rounded values of Phi
    torch.testing.assert_close(matrix, matrix.flip(0, 1), rtol=0, atol=1e-7)


def test_width_is_the_full_width_at_half_maximum() -> None:
    # a voxel of width 1 widens a Gaussian whose width is 8: half the peak at 4 voxels, to 1 %
    row = voxel_blur_matrix(41, 8.0)[20]

    assert float(row[24] / row[20]) == pytest.approx(0.5, rel=0.01)


def test_zero_keeps_the_means() -> None:
    means = torch.rand(1, 1, 4, 5)

    blurred = blend_borders(means, 0.0)

    assert torch.equal(blurred, means)
    assert blurred.data_ptr() != means.data_ptr()


@pytest.mark.parametrize("fwhm_vox", [-1.0, math.nan, math.inf])
def test_impossible_width_is_refused(fwhm_vox: float) -> None:
    with pytest.raises(ValueError, match="fwhm_vox must be finite and >= 0"):
        blend_borders(torch.rand(1, 1, 4, 5), fwhm_vox)


def test_matrices_of_drawn_widths_do_not_pile_up() -> None:
    for number in range(40):
        voxel_blur_matrix(30, 0.5 + number / 100)

    assert voxel_blur_matrix.cache_info().currsize <= 8
