"""Conditions of intensity: noise, shading and curves of grey do what their levels say."""

from __future__ import annotations

import math

import pytest
import torch

from spinesynth.anatomy.structures import Structure
from spinesynth.pipelines.conditions import CONDITIONS, SEVERITIES
from tests.pipelines.condition_cases import case_of, degraded, flat_case


def test_noise_has_the_spread_of_its_level() -> None:
    # far above the noise a Rician magnitude is Gaussian with spread sigma; 20 000 voxels tell
    # it to 0.5 %, and sigma^2 / (2 A) of bias is left out: 4 % is ample at 10 % noise
    for severity in (1, 2, 3):
        noisy = degraded(flat_case(), "noise", severity)[1:]
        assert float(noisy.std()) == pytest.approx(CONDITIONS["noise"].level(severity), rel=0.04)


def test_low_snr_is_reached_in_what_is_labelled() -> None:
    structure = torch.zeros(10, 40, 50)
    structure[:, 20:] = int(Structure.DISC)
    image = torch.full((10, 40, 50), 30.0)
    image[:, 20:] = 90.0
    image[0, 0, 0] = 0
    noisy = degraded(case_of(image, structure), "low_snr", 1)[:, 20:]
    # an interpolated voxel's noise is correlated over about 3.5 voxels in each in-plane axis
    # (2 sqrt(pi)): 10 000 / 12.6 independent ones tell the spread to 2.5 %
    assert float(noisy.mean() / noisy.std()) == pytest.approx(20, rel=0.1)


def test_the_negative_turns_the_order_of_greys_over() -> None:
    image = torch.linspace(0, 100, 4 * 10 * 10).reshape(4, 10, 10)
    negative = degraded(case_of(image), "inversion", 5).flatten()
    ordered = negative[:-3]  # the brightest half per cent take the value of its percentile
    assert bool((ordered.diff() < 0).all())


@pytest.mark.parametrize("severity", SEVERITIES)
def test_monotone_remap_keeps_the_order_of_greys(severity: int) -> None:
    image = torch.linspace(0, 100, 4 * 10 * 10).reshape(4, 10, 10)
    curve = degraded(case_of(image), "monotone_remap", severity).flatten()
    assert bool((curve.diff() >= -1e-4).all())  # float32 at 100
    assert curve[0] == 0


def test_gamma_bends_by_its_exponent() -> None:
    image = torch.linspace(0, 101, 400).clamp(max=100).reshape(4, 10, 10)
    bent = degraded(case_of(image), "gamma", 5)
    gamma = float(torch.log(bent[2, 0, 0] / 100) / torch.log(image[2, 0, 0] / 100))
    assert abs(math.log(gamma)) == pytest.approx(1.4, abs=1e-3)  # float32


@pytest.mark.parametrize("severity", SEVERITIES)
def test_clipping_leaves_its_share_at_either_end(severity: int) -> None:
    image = torch.arange(1001.0).reshape(7, 11, 13)  # one voxel of each value, padding is 0
    clipped = degraded(case_of(image), "clipping", severity)
    share = CONDITIONS["clipping"].level(severity) / 100
    for end in (clipped.max(), clipped.min()):
        # one voxel of rounding at the percentile, one of padding
        assert int((clipped == end).sum()) == pytest.approx(1000 * share, abs=2)


@pytest.mark.parametrize(("severity", "sigma"), [(1, 0.1), (5, 0.7)])
def test_bias_is_a_smooth_field_of_its_strength(severity: int, sigma: float) -> None:
    fields = [
        torch.log(degraded(flat_case(), "bias", severity, seed=seed)[1:] / 100)
        for seed in range(12)
    ]
    # B-splines keep (2/3)^(3/2) of the nodes' spread at the least, and all of it at corners
    spread = float(torch.stack(fields).std())
    assert 0.2 * sigma < spread < 1.2 * sigma
    step = max(float(field.diff(dim=2).abs().max()) for field in fields)
    assert step < 0.3 * sigma  # 50 voxels for 3 spans of nodes
