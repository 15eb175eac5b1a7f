"""Conditions of acquisition: Gibbs ringing, fat shift, ghosts and motion do what they say."""

from __future__ import annotations

import pytest
import torch

from spinesynth.anatomy.structures import Structure
from spinesynth.pipelines.conditions import obstacle
from tests.pipelines.condition_cases import case_of, degraded


def test_gibbs_overshoots_at_a_step_as_fourier_series_do() -> None:
    image = torch.zeros(2, 64, 256)
    image[:, :, 64:192] = 100
    ringing = degraded(case_of(image), "gibbs", 5)
    # 8.95 % of the step (Wilbraham 1848), found to half a per cent at this many lines
    assert float(ringing.max()) == pytest.approx(108.95, abs=0.5)


def test_chemical_shift_leaves_a_void_where_fat_was() -> None:
    codes = torch.zeros(2, 60, 60)
    codes[:, 20:40, 20:40] = int(Structure.VERTEBRAL_BODY)
    image = torch.full(codes.shape, 100.0)
    image[0, 0, 0] = 0
    shifted = degraded(case_of(image, codes), "chemical_shift", 5)[1]
    # 0.4 of the marrow's signal moves by 4 voxels: 60 is left behind, 140 lies beyond
    assert int((shifted == 60).sum()) == int((shifted == 140).sum()) == 4 * 20
    assert float(shifted.sum()) == pytest.approx(100 * 3600, rel=1e-6)  # none is lost; float32


def test_chemical_shift_needs_bone() -> None:
    case = case_of(torch.rand(4, 20, 20))  # of discs alone
    assert "no bone is labelled" in obstacle(case, "chemical_shift", 1)


def test_ghosts_grow_with_their_amplitude() -> None:
    image = torch.full((2, 64, 64), 1.0)
    image[:, 30:34, 30:34] = 100
    image[0, 32, 32] = 0  # so that the rest is no padding
    small, large = (degraded(case_of(image), "ghosting", s) for s in (1, 5))
    changed = [float((ghosted - image).abs().mean()) for ghosted in (small, large)]
    # amplitudes of 0.1 and 0.8: the change is about eight times as large, but for magnitudes
    assert changed[1] > 4 * changed[0] > 0


def test_motion_of_more_mm_changes_more() -> None:
    image = torch.full((2, 64, 64), 1.0)
    image[:, 20:44, 20:44] = 100
    image[0, 32, 32] = 0  # so that the rest is no padding
    small, large = (
        torch.stack([degraded(case_of(image), "motion", s, seed=seed) - image for seed in range(8)])
        for s in (1, 5)
    )  # of one draw alone the instants decide more than the distance
    assert float(large.abs().mean()) > 2 * float(small.abs().mean()) > 0
