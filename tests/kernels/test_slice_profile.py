"""Slice profiles against hand-computed ramps, the error function, and integrals on a fine grid."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import special
from torch import Tensor

from spinesynth.kernels.slice_profile import PROFILES, profile_weights

_FWHM_PER_SIGMA = 2.3548200450309493  # 2 sqrt(2 ln 2)
_SIZE = 121

every_profile = pytest.mark.parametrize("profile", PROFILES)
widths = st.floats(1.0, 5.0)


def _weights(centres: Tensor, thickness: float, profile: str) -> Tensor:
    """Weigh voxels -60 to 60 about each centre."""
    fine = torch.arange(_SIZE, dtype=torch.float64) - _SIZE // 2
    return profile_weights(centres.double()[:, None] - fine, thickness, profile=profile)


def _step(centres: Tensor, thickness: float, profile: str) -> np.ndarray:
    """Return the response to an edge at 0.5: voxels above 0 are 1."""
    edge = (torch.arange(_SIZE, dtype=torch.float64) > _SIZE // 2).double()
    response: np.ndarray = (_weights(centres, thickness, profile) @ edge).numpy()
    return response


@every_profile
@given(widths, st.floats(-2, 2))
def test_weights_sum_to_one_and_lie_about_their_centre(
    profile: str, thickness: float, centre: float
) -> None:
    weights = _weights(torch.tensor([centre]), thickness, profile)[0]

    assert float(weights.sum()) == pytest.approx(1)
    mean = float((weights * (torch.arange(_SIZE) - _SIZE // 2)).sum())
    # the narrowest sinc is sampled at less than two points a lobe, and cut at its window
    assert mean == pytest.approx(centre, abs=0.05 if profile == "sinc" else 0.011)


@given(widths, st.floats(-2, 2))
def test_box_lies_exactly_about_its_centre_and_is_never_negative(
    thickness: float, centre: float
) -> None:
    weights = _weights(torch.tensor([centre]), thickness, "box")[0]

    mean = float((weights * (torch.arange(_SIZE) - _SIZE // 2)).sum())
    assert mean == pytest.approx(np.float32(centre), abs=1e-9)
    assert float(weights.min()) >= 0


@pytest.mark.parametrize("thickness", [1.0, 2.0, 3.0, 4.0])
def test_box_on_an_edge_is_a_ramp_of_its_thickness(thickness: float) -> None:
    # whole boxes: their two ends cut voxels alike, so that nothing has to be put right
    centres = torch.arange(-4, 5.125, 0.125, dtype=torch.float64)
    wanted = np.clip(0.5 + (centres.numpy() - 0.5) / thickness, 0, 1)

    np.testing.assert_allclose(_step(centres, thickness, "box"), wanted, atol=1e-12)


@given(widths)
def test_box_of_any_thickness_is_the_ramp_but_for_its_cut_voxels(thickness: float) -> None:
    centres = torch.arange(-5, 6.125, 0.125, dtype=torch.float64)
    wanted = np.clip(0.5 + (centres.numpy() - 0.5) / thickness, 0, 1)

    # an end voxel of share v is at most v (1 - v) / 2 <= 1/8 aside, made good over the ends'
    # distance, which is at least the thickness less one
    allowed = 0.125 / thickness / max(1, math.ceil(thickness - 1))
    np.testing.assert_allclose(_step(centres, thickness, "box"), wanted, atol=allowed + 1e-9)


def test_box_of_two_and_a_half_voxels_by_hand() -> None:
    # centre 0: voxels -1, 0, 1 with shares 0.75, 1, 0.75
    weights = _weights(torch.tensor([0.0]), 2.5, "box")[0, 58:63]

    assert weights.tolist() == pytest.approx([0, 0.3, 0.4, 0.3, 0])


@pytest.mark.parametrize("thickness", [2.5, 3.0, 5.0])
def test_gaussian_on_an_edge_is_the_error_function(thickness: float) -> None:
    sigma = math.sqrt(thickness**2 - 1) / _FWHM_PER_SIGMA
    centres = torch.arange(-6, 7, 0.25, dtype=torch.float64)
    wanted = 0.5 * (1 + special.erf((centres.numpy() - 0.5) / (sigma * math.sqrt(2))))

    # a sum over voxels for an integral: the midpoint rule errs by h^2 |g'| / 24, and
    # by a tenth more at the narrowest, from its next term
    allowed = math.exp(-0.5) / (math.sqrt(2 * math.pi) * sigma**2) / 24
    np.testing.assert_allclose(_step(centres, thickness, "gaussian"), wanted, atol=1.1 * allowed)


@pytest.mark.parametrize("thickness", [1.0, 1.7, 3.0])
@pytest.mark.parametrize("centre", [0.0, 0.3, -0.5])
def test_sinc_is_the_integral_of_its_window_over_each_voxel(
    thickness: float, centre: float
) -> None:
    parts = 1000
    place = (np.arange(_SIZE * parts) + 0.5) / parts - _SIZE / 2  # voxel n spans n +- 1/2
    x = (place - centre) / thickness
    profile = np.sinc(x) * (0.54 + 0.46 * np.cos(np.pi * x / 3)) * (np.abs(x) <= 3)
    wanted = profile.reshape(_SIZE, parts).sum(1)

    weights = _weights(torch.tensor([centre]), thickness, "sinc")[0].numpy()

    # the window ends, with a kink, within a voxel, where the three-point rule errs by 4e-4 of 1
    np.testing.assert_allclose(weights, wanted / wanted.sum(), atol=1e-3)


def test_sinc_rings_and_vanishes_one_thickness_from_its_centre() -> None:
    weights = _weights(torch.tensor([0.0]), 8.0, "sinc")[0, _SIZE // 2 :]

    assert bool((weights[9:16] < 0).all())
    assert bool((weights[17:24] > 0).all())
    assert not weights[26:].any()
    # the voxel about the first zero averages over it
    assert abs(float(weights[8])) < 0.02 * float(weights[0])


@every_profile
def test_less_than_a_voxel_counts_as_a_voxel(profile: str) -> None:
    centres = torch.tensor([0.0, 0.4])

    assert torch.equal(_weights(centres, 0.2, profile), _weights(centres, 1.0, profile))


@pytest.mark.parametrize("thickness", [0.0, -1.0, math.inf, math.nan])
def test_impossible_thickness_is_refused(thickness: float) -> None:
    with pytest.raises(ValueError, match="thickness must be finite and > 0, got"):
        _weights(torch.zeros(1), thickness, "box")


def test_unknown_profile_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"must be one of \('gaussian', 'box', 'sinc'\), got 'tri"):
        _weights(torch.zeros(1), 2.0, "triangle")
