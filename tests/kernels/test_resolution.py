"""Loss of resolution: no shift, no ringing, the blur that the slice profile says."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from spinesynth.kernels.resolution import (
    _axis_sampling,
    acquire,
    acquired_size,
    acquisition_matrices,
    degrade_resolution,
    restore,
    sampling_of_axes,
)
from spinesynth.kernels.slice_profile import PROFILES

factors = st.floats(1.0, 5.0)
_FWHM_PER_SIGMA = 2.3548200450309493  # 2 sqrt(2 ln 2)


def _blob(size: int, centre: float, width: float) -> torch.Tensor:
    index = torch.arange(size, dtype=torch.float64)
    return torch.exp(-0.5 * ((index - centre) / width) ** 2)


def _centre_of_mass(profile: torch.Tensor) -> float:
    index = torch.arange(len(profile), dtype=torch.float64)
    return float((profile * index).sum() / profile.sum())


@pytest.mark.parametrize("profile", PROFILES)
@given(
    st.floats(1.5, 5.0),
    st.integers(70, 90),
    st.floats(-0.5, 0.5),
    st.floats(3.0, 5.0),
    st.floats(0.7, 1.0),
)
def test_centre_of_mass_stays_within_a_hundredth_of_a_voxel(
    profile: str, factor: float, size: int, offset: float, width: float, filled: float
) -> None:
    blob, flat = _blob(size, (size - 1) / 2 + offset, width), torch.ones(3, dtype=torch.float64)
    for axis in range(3):
        shape = [3, 3, 3]
        shape[axis] = size
        factors_of_axes, thickness = [1.0] * 3, [1.0] * 3
        factors_of_axes[axis], thickness[axis] = factor, factor * filled
        ones = [flat, flat, flat]
        ones[axis] = blob
        image = torch.einsum("i,j,k->ijk", *ones)

        coarse = degrade_resolution(
            image[None, None], factors_of_axes, thickness=thickness, profile=profile
        )[0, 0]

        profile_after = coarse.movedim(axis, 0).sum((1, 2))
        assert _centre_of_mass(profile_after) == pytest.approx(_centre_of_mass(blob), abs=0.01)


@given(factors, st.integers(1, 40), st.floats(-100, 100))
def test_constant_image_stays_constant(factor: float, size: int, value: float) -> None:
    image = torch.full((1, 1, size, 3), value)

    coarse = degrade_resolution(image, (factor, 1.0))

    torch.testing.assert_close(coarse, image, rtol=2e-6, atol=1e-30)


@given(factors)
def test_axis_of_factor_one_is_untouched(factor: float) -> None:
    image = torch.rand((2, 1, 4, 9, 3), generator=torch.Generator().manual_seed(0))
    slices = [degrade_resolution(image[:, :, i : i + 1], (1.0, factor, 1.0)) for i in range(4)]

    coarse = degrade_resolution(image, (1.0, factor, 1.0))

    torch.testing.assert_close(coarse, torch.cat(slices, 2), rtol=0, atol=1e-6)
    assert torch.equal(degrade_resolution(image, (1.0, 1.0, 1.0)), image)


@given(factors, st.integers(30, 60), st.integers(12, 18))
def test_step_edge_stays_monotone_and_between_its_sides(
    factor: float, size: int, edge: int
) -> None:
    step = torch.zeros(1, 1, size, 2)
    step[:, :, edge:] = 1

    response = degrade_resolution(step, (factor, 1.0))[0, 0, :, 0]

    # float32 sums of a profile that adds up to 1
    assert float(response.diff().min()) >= -1e-6
    assert -1e-6 <= float(response.min()) <= float(response.max()) <= 1 + 1e-6


@given(factors, st.integers(20, 50))
def test_mirrored_image_gives_the_mirrored_result(factor: float, size: int) -> None:
    image = torch.rand((1, 1, size, 1), generator=torch.Generator().manual_seed(size))

    mirrored = degrade_resolution(image.flip(2), (factor, 1.0)).flip(2)

    torch.testing.assert_close(
        mirrored, degrade_resolution(image, (factor, 1.0)), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_acquisition_is_a_gaussian_profile_of_one_coarse_voxel(factor: int) -> None:
    size = 10 * factor
    image = np.random.default_rng(0).random(size)
    # in quadrature with the fine voxel, which has averaged over its own width already
    sigma = math.sqrt(factor**2 - 1) / _FWHM_PER_SIGMA
    centres = (np.arange(10) + 0.5) * factor - 0.5
    fine = np.exp(-0.5 * ((centres[:, None] - np.arange(size)) / sigma) ** 2)
    wanted = (fine / fine.sum(1, keepdims=True)) @ image

    acquire, _ = acquisition_matrices(size, float(factor))

    np.testing.assert_allclose(acquire.numpy() @ image, wanted, atol=1e-5)


@given(st.floats(1.0001, 5.0), st.integers(30, 60))
def test_acquisition_samples_a_line_at_the_coarse_centres(factor: float, size: int) -> None:
    coarse = max(1, round(size / factor))
    centres = (torch.arange(coarse) - (coarse - 1) / 2) * factor
    reach = 2.5 * factor + 1  # from the border, where the profile is cut
    inner = centres.abs() < (size - 1) / 2 - reach

    acquire, _ = acquisition_matrices(size, factor)
    line = acquire @ (torch.arange(size) - (size - 1) / 2)

    torch.testing.assert_close(line[inner], centres[inner], rtol=0, atol=0.01)


def test_acquisition_by_three_is_scipys_blur_at_every_third_voxel() -> None:
    image = np.random.default_rng(1).random(61 * 3)
    sigma = math.sqrt(8) / _FWHM_PER_SIGMA
    blurred = ndimage.gaussian_filter1d(image, sigma, truncate=8)[1::3]

    acquire, _ = acquisition_matrices(61 * 3, 3.0)

    # away from the borders, where scipy reflects and the profile is cut
    np.testing.assert_allclose((acquire.numpy() @ image)[4:-4], blurred[4:-4], atol=1e-5)


def test_interpolation_back_is_linear_between_coarse_centres() -> None:
    _, restore = acquisition_matrices(12, 3.0)
    wanted = np.interp(np.arange(12), [1.0, 4.0, 7.0, 10.0], [5.0, 2.0, 8.0, 3.0])

    restored = restore.numpy() @ np.array([5.0, 2.0, 8.0, 3.0])

    np.testing.assert_allclose(restored, wanted, atol=1e-5)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_axis_of_few_voxels_becomes_their_mean_at_most(size: int) -> None:
    image = torch.arange(size, dtype=torch.float32).reshape(1, 1, size, 1)

    coarse = degrade_resolution(image, (50.0, 1.0))

    # a profile of 50 voxels weighs three voxels alike to a thousandth
    torch.testing.assert_close(coarse, torch.full_like(coarse, (size - 1) / 2), rtol=0, atol=2e-3)


def test_slices_with_a_gap_are_thinner_than_they_are_apart() -> None:
    # slices of 2 voxels every 4: centres 1.5, 5.5, 9.5, each the mean of the two about it
    image = torch.arange(12.0) ** 2

    there, _ = acquisition_matrices(12, 4.0, thickness=2.0, profile="box")

    wanted = [(1**2 + 2**2) / 2, (5**2 + 6**2) / 2, (9**2 + 10**2) / 2]
    assert (there @ image).tolist() == pytest.approx(wanted)


@pytest.mark.parametrize("profile", PROFILES)
def test_constant_stays_constant_whatever_the_profile(profile: str) -> None:
    image = torch.full((1, 1, 23, 17), 0.7)

    coarse = degrade_resolution(image, (2.7, 3.3), thickness=(1.6, 3.3), profile=profile)

    torch.testing.assert_close(coarse, image, rtol=2e-6, atol=0)


def test_acquire_and_restore_are_the_two_halves() -> None:
    image = torch.rand((2, 3, 30, 41, 12), generator=torch.Generator().manual_seed(0))
    factor = (1.0, 3.4, 2.0)
    matrices = sampling_of_axes(image.shape[2:], factor)

    coarse = acquire(image, matrices)

    assert coarse.shape == (2, 3, 30, 12, 6)
    assert torch.equal(restore(coarse, matrices), degrade_resolution(image, factor))


def test_axes_are_independent_of_their_order() -> None:
    image = torch.rand((1, 1, 20, 18, 22), generator=torch.Generator().manual_seed(0))
    one_by_one = image
    for axis, factor in enumerate((1.5, 4.0, 2.5)):
        alone = [1.0] * 3
        alone[axis] = factor
        one_by_one = degrade_resolution(one_by_one, alone)

    # float32 sums in another order
    torch.testing.assert_close(
        degrade_resolution(image, (1.5, 4.0, 2.5)), one_by_one, rtol=0, atol=1e-6
    )


def test_one_thickness_is_needed_for_each_axis() -> None:
    with pytest.raises(ValueError, match="thickness needs 2 entries, one an axis, got 1"):
        degrade_resolution(torch.zeros(1, 1, 4, 4), (2.0, 2.0), thickness=(2.0,))


def test_result_is_never_the_input_itself() -> None:
    image = torch.rand(1, 1, 4, 4)

    assert degrade_resolution(image, (1.0, 1.0)).data_ptr() != image.data_ptr()


@pytest.mark.parametrize("factor", [0.5, -1.0, math.nan, math.inf])
def test_factor_below_one_is_refused(factor: float) -> None:
    with pytest.raises(ValueError, match="factor must be finite and >= 1"):
        degrade_resolution(torch.zeros(1, 1, 4, 4), (factor, 1.0))


def test_one_factor_is_needed_for_each_axis() -> None:
    with pytest.raises(ValueError, match="factor needs 3 entries, one an axis, got 2"):
        degrade_resolution(torch.zeros(1, 1, 4, 4, 4), (1.0, 2.0))


@given(st.integers(1, 60), factors)
def test_acquired_size_is_that_of_the_matrix(size: int, factor: float) -> None:
    matrix, _ = acquisition_matrices(size, factor)

    assert len(matrix) == acquired_size(size, factor)


def test_matrices_of_drawn_factors_do_not_pile_up() -> None:
    for number in range(40):
        sampling_of_axes((30,), (1.5 + number / 100,))

    assert _axis_sampling.cache_info().currsize <= 8
