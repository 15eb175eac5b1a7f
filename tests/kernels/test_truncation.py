"""Gibbs ringing against Wilbraham's constant and against sums of cosines."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from spinesynth.kernels.truncation import truncate_kspace, truncation_weights
from spinesynth.transforms import RandTruncation

#: Overshoot of a truncated Fourier series relative to the jump: Si(pi) / pi - 1 / 2.
WILBRAHAM = 0.0894899


def _step(size: int) -> Tensor:
    """Return a step from 2 to 3 and back, with room below for the undershoot."""
    image = torch.full((1, 1, size, 2), 2.0)
    image[:, :, size // 4 : 3 * size // 4] = 3
    return image


@pytest.mark.parametrize("fraction", [1 / 32, 1 / 16, 1 / 8])
def test_step_overshoots_by_nine_per_cent_of_the_jump(fraction: float) -> None:
    ringing = truncate_kspace(_step(1024), [fraction], axes=[2], hamming=False)

    # few lines, and a peak of at least 8 voxels seen at whole voxels: within a twentieth
    assert float(ringing.max()) - 3 == pytest.approx(WILBRAHAM, abs=0.004)
    assert 2 - float(ringing.min()) == pytest.approx(WILBRAHAM, abs=0.004)


def test_hamming_window_leaves_little_of_the_overshoot() -> None:
    ringing = truncate_kspace(_step(1024), [0.125], axes=[2], hamming=True)

    assert 0 <= float(ringing.max()) - 3 < WILBRAHAM / 10


def test_ringing_is_as_far_apart_as_the_pixels_that_were_acquired() -> None:
    ringing = truncate_kspace(_step(1024), [0.125], axes=[2], hamming=False)[0, 0, :, 0]

    inside = ringing[260:500]  # away from the edge itself
    peaks = [n for n in range(1, 239) if inside[n - 1] < inside[n] >= inside[n + 1]]
    # one period of the last kept line, 64 of 1024: 16 voxels, sampled at whole voxels
    assert np.diff(peaks[:6]).mean() == pytest.approx(16, abs=0.3)


@pytest.mark.parametrize("size", [16, 17])
@pytest.mark.parametrize(("hamming", "edge"), [(False, 1.0), (True, 0.08)])
def test_waves_within_the_limit_stay_and_those_beyond_go(
    size: int, hamming: bool, edge: float
) -> None:
    limit = 4
    fraction = 2 * limit / size
    for wave in range(size // 2 + 1):
        cosine = torch.cos(2 * torch.pi * wave * torch.arange(size) / size)
        weight = 0.54 + 0.46 * math.cos(math.pi * wave / limit) if hamming else 1.0
        wanted = 3 + (weight if wave <= limit else 0) * cosine
        if wave == 0:
            wanted = torch.full((size,), 4.0)

        kept = truncate_kspace(
            (3 + cosine).reshape(1, 1, size), [fraction], axes=[2], hamming=hamming
        )

        torch.testing.assert_close(kept.flatten(), wanted, rtol=0, atol=2e-6)
    assert float(truncation_weights(size, fraction, hamming=hamming)[limit]) == pytest.approx(edge)


@pytest.mark.parametrize("hamming", [False, True])
@pytest.mark.parametrize("axes", [[2], [3], [4], [2, 3, 4]])
def test_mean_is_kept(axes: list[int], hamming: bool) -> None:
    # 2 or more everywhere, so that nothing rings below zero
    image = torch.rand((1, 2, 9, 12, 10), generator=torch.Generator().manual_seed(0)) + 2

    cut = truncate_kspace(image, [0.5] * len(axes), axes=axes, hamming=hamming)

    torch.testing.assert_close(cut.mean((2, 3, 4)), image.mean((2, 3, 4)), rtol=1e-6, atol=0)
    assert not torch.allclose(cut, image, atol=1e-2)


@pytest.mark.parametrize("hamming", [False, True])
@pytest.mark.parametrize("size", [8, 9, 1])
def test_whole_of_kspace_is_the_identity(size: int, hamming: bool) -> None:
    image = torch.rand(1, 1, size, size)

    assert torch.equal(truncate_kspace(image, [1.0, 1.0], axes=[2, 3], hamming=hamming), image)


@pytest.mark.parametrize("hamming", [False, True])
@pytest.mark.parametrize(
    ("size", "fraction", "kept"), [(16, 0.5, 9), (15, 0.5, 7), (16, 0.4, 7), (15, 0.2, 3)]
)
def test_as_many_lines_are_kept_on_either_side_of_the_centre(
    size: int, fraction: float, kept: int, hamming: bool
) -> None:
    weights = truncation_weights(size, fraction, hamming=hamming)

    assert int((weights > 0).sum()) == kept
    assert torch.equal(weights[1:], weights[1:].flip(0))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"fraction": (0.0, 1.0)}, "fraction must be an ordered pair"),
        ({"fraction": (0.5, 1.5)}, "fraction must be an ordered pair"),
        ({"axes": ()}, r"axes must list one or more different axes, got \(\)"),
        ({"axes": (1, 1)}, r"axes must list one or more different axes, got \(1, 1\)"),
        ({"axes": (0,)}, "axes must be None or one of"),
        ({"window": "hann"}, "window must be one of .*, got 'hann'"),
    ],
)
def test_impossible_parameters_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RandTruncation(**parameters)


def test_random_window_draws_both() -> None:
    ring = RandTruncation()
    ring.set_random_state(0)

    windows = {ring.draw(torch.rand(1, 4, 4)).window for _ in range(20)}

    assert windows == {"none", "hamming"}
