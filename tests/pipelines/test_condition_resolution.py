"""Conditions of resolution: larger pixels and thicker slices, told in mm and as factors."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch

from spinesynth.kernels.resolution import degrade_resolution
from spinesynth.pipelines.conditions import CONDITIONS, degrade_case, level_reached, obstacle
from spinesynth.pipelines.scan import open_scan
from tests.pipelines.condition_cases import SPACING_MM, case_of, degraded
from tests.pipelines.fabricated import make_case, make_loaded


def test_larger_pixels_are_told_in_mm() -> None:
    case = make_loaded(make_case("a"))  # 4 x 1 x 2 mm: pixels of 1.5 mm on average
    assert level_reached(case, "in_plane_resolution", 5) == (6.0, "mm")
    assert level_reached(case, "through_plane_resolution", 5) == (8.0, "mm")
    assert level_reached(case, "in_plane_resolution_mm", 3) == (4.0, "mm")
    assert level_reached(case, "through_plane_resolution_factor", 2) == (8.0, "mm")


def test_pixels_of_a_size_are_those_of_the_factors_that_give_it() -> None:
    image = torch.rand((3, 48, 24), generator=torch.Generator().manual_seed(0))
    image[0, 0, 0] = 0  # air
    _, along_mm, up_mm = SPACING_MM
    coarse = degrade_resolution(image[:, None], (4 / along_mm, 4 / up_mm))[:, 0]
    torch.testing.assert_close(degraded(case_of(image), "in_plane_resolution_mm", 3), coarse)


def test_an_axis_as_coarse_already_stays() -> None:
    case = make_loaded(make_case("a"))  # pixels of 1 x 2 mm
    assert obstacle(case, "in_plane_resolution_mm", 1) == "its pixels are 1.00 mm wide already"
    scan = open_scan(case)
    coarse = CONDITIONS["in_plane_resolution_mm"].degrade(scan, 2.0, torch.Generator()).image
    wanted = scan.with_image(degrade_resolution(scan.image[:, None], (2.0, 1.0))).image
    assert torch.equal(coarse, wanted)


def test_a_factor_and_its_thickness_are_one_condition() -> None:
    case = case_of(torch.rand((12, 8, 8), generator=torch.Generator().manual_seed(0)))
    by_factor = degraded(case, "through_plane_resolution_factor", 5)  # 4 times 1.5 mm
    assert torch.equal(by_factor, degraded(case, "through_plane_resolution", 4))  # 6 mm


def test_thick_slices_average_over_their_profile() -> None:
    image = torch.zeros(41, 4, 4)
    image[20] = 100
    image[0, 0, 0] = 1e-3  # the field is the whole volume
    image[40, 3, 3] = 1e-3
    thick = degraded(case_of(image), "through_plane_resolution", 4)[:, 1, 1]
    places = torch.arange(41) * SPACING_MM[0]
    mean = float((thick * places).sum() / thick.sum())
    spread = math.sqrt(float((thick * (places - mean) ** 2).sum() / thick.sum()))
    # the Gaussian of 6 mm less the 1.5 mm of the voxels, and the hat of linear interpolation
    # between slices 6 mm apart, of variance 6^2 / 6
    wanted = math.sqrt((6**2 - 1.5**2) / 2.3548**2 + 6)
    assert mean == pytest.approx(30, abs=0.5)  # nothing shifts
    assert spread == pytest.approx(wanted, rel=0.15)  # a few slices only make up the profile


def test_a_single_slice_takes_nothing_through_the_plane() -> None:
    case = make_loaded(make_case("a"), shape=(1, 16, 24))
    stopped = {name for name in CONDITIONS if obstacle(case, name, 5)}
    assert stopped == {
        "through_plane_resolution", "through_plane_resolution_factor", "missing_slices",
    }  # fmt: skip
    with pytest.raises(ValueError, match="missing_slices cannot be applied to case a: a single"):
        degrade_case(case, "missing_slices", 1)


def test_slices_that_are_thick_already_are_left_out_by_their_size() -> None:
    case = make_loaded(make_case("a"))
    told = partial(obstacle, case, "through_plane_resolution")
    assert told(3) == "its slices lie 4.00 mm apart already"
    assert told(4) == ""
