"""Conditions do what their levels say, on the grid, and nothing at severity 0."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from monai.data.meta_tensor import MetaTensor

from spinesynth.anatomy.structures import Structure
from spinesynth.errors import ConfigError
from spinesynth.io.load_case import LoadedCase
from spinesynth.kernels.resolution import degrade_resolution
from spinesynth.pipelines.conditions import (
    CONDITIONS,
    SEVERITIES,
    check_conditions,
    check_severities,
    degrade_case,
    level_reached,
    obstacle,
)
from spinesynth.pipelines.scan import open_scan
from tests.pipelines.fabricated import make_case, make_loaded

SPACING_MM = (1.5, 1.0, 1.0)


def _case(
    image: torch.Tensor, structure: torch.Tensor | None = None, *, case_id: str = "a"
) -> LoadedCase:
    """Return a loaded case of a volume (I, J, K), all of it labelled disc unless told."""
    affine = torch.diag(torch.tensor([*SPACING_MM, 1.0], dtype=torch.float64))
    codes = torch.full(image.shape, int(Structure.DISC)) if structure is None else structure
    label = MetaTensor(codes.to(torch.uint8)[None], affine=affine)
    return LoadedCase(
        make_case(case_id), MetaTensor(image.float()[None], affine=affine), label, None
    )


def _degraded(case: LoadedCase, name: str, severity: int, **how: int) -> torch.Tensor:
    image = degrade_case(case, name, severity, **how).image
    assert image is not None
    return image.as_tensor()[0]


def _flat(value: float = 100.0) -> LoadedCase:
    """Return one grey value, but for a corner of air that gives the image its least voxel."""
    image = torch.full((10, 40, 50), value)
    image[0, 0, 0] = 0
    return _case(image)


@pytest.mark.parametrize("name", CONDITIONS)
def test_severity_0_is_the_case_itself(name: str) -> None:
    case = make_loaded(make_case("a"))
    assert degrade_case(case, name, 0) is case


@pytest.mark.parametrize("name", CONDITIONS)
def test_grid_and_type_stay_and_the_input_is_not_touched(name: str) -> None:
    image = torch.rand((12, 20, 24), generator=torch.Generator().manual_seed(0)) * 50 - 20
    structure = torch.zeros(image.shape)
    structure[1:5, 5:15, 5:15] = int(Structure.VERTEBRAL_BODY)
    case = _case(image, structure)
    assert case.image is not None
    before = case.image.as_tensor().clone()
    degraded = degrade_case(case, name, 5)
    assert degraded.image is not None
    assert degraded.structure is not None
    assert torch.equal(case.image.as_tensor(), before)
    assert degraded.image.shape == case.image.shape
    assert degraded.image.dtype == torch.float32
    assert degraded.structure.dtype == torch.uint8
    assert torch.equal(degraded.image.affine, case.image.affine)
    assert bool(torch.isfinite(degraded.image).all())
    assert not torch.equal(degraded.image.as_tensor(), before)


@pytest.mark.parametrize("name", CONDITIONS)
def test_draws_follow_seed_case_condition_and_severity_alone(name: str) -> None:
    image = torch.rand((12, 20, 24), generator=torch.Generator().manual_seed(0)) * 50
    codes = torch.full(image.shape, int(Structure.VERTEBRAL_BODY))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        first = _degraded(_case(image, codes), name, 4, seed=3)
        torch.manual_seed(2)
        _degraded(_case(image, codes), "noise", 1)  # order must not matter
        assert torch.equal(_degraded(_case(image, codes), name, 4, seed=3), first)
    if name in ("noise", "bias", "motion", "low_snr", "random_remap"):  # drawn from a continuum
        assert not torch.equal(_degraded(_case(image, codes), name, 4, seed=4), first)
        other = _case(image, codes, case_id="b")
        assert not torch.equal(_degraded(other, name, 4, seed=3), first)


def _marked(name: str, severity: int) -> torch.Tensor:
    """Return an image of bone that has a gradient along each axis, degraded."""
    ramp = torch.arange(12 * 20 * 24).reshape(12, 20, 24) % 97 + 10.0
    ramp[0, 0, 0] = 0
    codes = torch.full(ramp.shape, int(Structure.VERTEBRAL_BODY))
    return _degraded(_case(ramp, codes), name, severity)


@pytest.mark.parametrize("name", ["field_of_view", "missing_slices"])
def test_what_a_severity_empties_stays_empty_at_the_next(name: str) -> None:
    for severity in SEVERITIES[1:]:
        less, more = _marked(name, severity - 1) == 0, _marked(name, severity) == 0
        assert bool((more | ~less).all())
    assert int(_marked(name, 5).eq(0).sum()) > int(_marked(name, 1).eq(0).sum())


def test_the_shading_of_each_severity_is_one_field() -> None:
    plain = _marked("bias", 0)
    inside = plain > 0
    fields = [(_marked("bias", severity)[inside] / plain[inside]).log() for severity in SEVERITIES]
    for field in fields[1:]:
        # the same logarithm of the gain but for a factor; float32 leaves far less than 0.001
        assert float(torch.corrcoef(torch.stack([fields[0], field]))[0, 1]) > 0.999


def test_the_gamma_of_each_severity_goes_the_same_way() -> None:
    means = torch.tensor(
        [float(_marked("gamma", severity).mean()) for severity in (0, *SEVERITIES)]
    )
    steps = means.diff()
    assert bool((steps > 0).all()) or bool((steps < 0).all())


def test_noise_has_the_spread_of_its_level() -> None:
    # far above the noise a Rician magnitude is Gaussian with spread sigma; 20 000 voxels tell
    # it to 0.5 %, and sigma^2 / (2 A) of bias is left out: 4 % is ample at 10 % noise
    for severity in (1, 2, 3):
        noisy = _degraded(_flat(), "noise", severity)[1:]
        assert float(noisy.std()) == pytest.approx(CONDITIONS["noise"].level(severity), rel=0.04)


def test_low_snr_is_reached_in_what_is_labelled() -> None:
    structure = torch.zeros(10, 40, 50)
    structure[:, 20:] = int(Structure.DISC)
    image = torch.full((10, 40, 50), 30.0)
    image[:, 20:] = 90.0
    image[0, 0, 0] = 0
    noisy = _degraded(_case(image, structure), "low_snr", 1)[:, 20:]
    # an interpolated voxel's noise is correlated over about 3.5 voxels in each in-plane axis
    # (2 sqrt(pi)): 10 000 / 12.6 independent ones tell the spread to 2.5 %
    assert float(noisy.mean() / noisy.std()) == pytest.approx(20, rel=0.1)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_window_of_the_field_has_its_share_and_takes_the_reference_along(severity: int) -> None:
    case = _case(torch.full((4, 40, 60), 7.0) + torch.rand(4, 40, 60))
    degraded = degrade_case(case, "field_of_view", severity)
    assert degraded.structure is not None
    seen = degraded.structure.as_tensor()[0, 0] > 0
    share = CONDITIONS["field_of_view"].level(severity)
    rows, columns = seen.any(1), seen.any(0)
    assert (int(rows.sum()), int(columns.sum())) == (round(40 * share), round(60 * share))
    assert bool(seen[rows][:, columns].all())
    assert degraded.image is not None
    empty = degraded.image.as_tensor()[0, 0][~seen]
    assert torch.equal(empty, torch.full_like(empty, float(case.image.min())))  # type: ignore[union-attr]  # it has one


@pytest.mark.parametrize("severity", SEVERITIES)
def test_rotation_turns_image_and_reference_by_its_angle(severity: int) -> None:
    # a bar along J through the centre: its direction is that of its second moments
    codes = torch.zeros(3, 81, 81)
    codes[:, 10:71, 38:43] = int(Structure.DISC)
    degraded = degrade_case(_case(codes * 10, codes), "rotation", severity)
    assert degraded.image is not None
    assert degraded.structure is not None
    for plane in (degraded.image.as_tensor()[0, 1] > 15, degraded.structure.as_tensor()[0, 1] > 0):
        places = plane.nonzero().double()
        places -= places.mean(0)
        values, vectors = torch.linalg.eigh(places.T @ places)
        j, k = vectors[:, values.argmax()].tolist()
        # the staircase of a bar 61 voxels long leaves less than half a degree
        assert abs(math.degrees(math.atan(k / j))) == pytest.approx(
            CONDITIONS["rotation"].level(severity), abs=0.5
        )


def test_rotation_is_one_of_millimetres() -> None:
    # pixels of 1 x 2 mm: a square of 40 mm stays one when it turns, 40 x 20 voxels stay not
    affine = torch.diag(torch.tensor([4.0, 1.0, 2.0, 1.0], dtype=torch.float64))
    codes = torch.zeros(1, 3, 101, 51)
    codes[:, :, 30:71, 15:36] = int(Structure.DISC)
    case = LoadedCase(
        make_case("a"), MetaTensor(codes * 10, affine=affine),
        MetaTensor(codes.to(torch.uint8), affine=affine), None,
    )  # fmt: skip
    turned = degrade_case(case, "rotation", 5).structure
    assert turned is not None
    places = (turned.as_tensor()[0, 1] > 0).nonzero().double() * torch.tensor([1.0, 2.0])
    spread = places.var(0).sqrt()
    # of a square any direction has the same spread, to a voxel of 2 mm at the rim
    assert float(spread[0]) == pytest.approx(float(spread[1]), rel=0.05)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_missing_slices_are_empty_and_counted(severity: int) -> None:
    case = _case(torch.rand((20, 8, 8), generator=torch.Generator().manual_seed(0)) + 1)
    degraded = degrade_case(case, "missing_slices", severity)
    assert degraded.image is not None
    planes = degraded.image.as_tensor()[0].flatten(1)
    gone = int((planes.std(1) == 0).sum())
    share = CONDITIONS["missing_slices"].level(severity)
    assert gone == round(20 * share)
    assert level_reached(case, "missing_slices", severity) == (gone / 20, "share")
    assert torch.equal(degraded.structure, case.structure)  # type: ignore[arg-type]  # both are there


def test_the_negative_turns_the_order_of_greys_over() -> None:
    image = torch.linspace(0, 100, 4 * 10 * 10).reshape(4, 10, 10)
    negative = _degraded(_case(image), "inversion", 5).flatten()
    ordered = negative[:-3]  # the brightest half per cent take the value of its percentile
    assert bool((ordered.diff() < 0).all())


@pytest.mark.parametrize("severity", SEVERITIES)
def test_monotone_remap_keeps_the_order_of_greys(severity: int) -> None:
    image = torch.linspace(0, 100, 4 * 10 * 10).reshape(4, 10, 10)
    curve = _degraded(_case(image), "monotone_remap", severity).flatten()
    assert bool((curve.diff() >= -1e-4).all())  # float32 at 100
    assert curve[0] == 0


def test_gamma_bends_by_its_exponent() -> None:
    image = torch.linspace(0, 101, 400).clamp(max=100).reshape(4, 10, 10)
    bent = _degraded(_case(image), "gamma", 5)
    gamma = float(torch.log(bent[2, 0, 0] / 100) / torch.log(image[2, 0, 0] / 100))
    assert abs(math.log(gamma)) == pytest.approx(1.4, abs=1e-3)  # float32


@pytest.mark.parametrize("severity", SEVERITIES)
def test_clipping_leaves_its_share_at_either_end(severity: int) -> None:
    image = torch.arange(1001.0).reshape(7, 11, 13)  # one voxel of each value, padding is 0
    clipped = _degraded(_case(image), "clipping", severity)
    share = CONDITIONS["clipping"].level(severity) / 100
    for end in (clipped.max(), clipped.min()):
        # one voxel of rounding at the percentile, one of padding
        assert int((clipped == end).sum()) == pytest.approx(1000 * share, abs=2)


def test_gibbs_overshoots_at_a_step_as_fourier_series_do() -> None:
    image = torch.zeros(2, 64, 256)
    image[:, :, 64:192] = 100
    ringing = _degraded(_case(image), "gibbs", 5)
    # 8.95 % of the step (Wilbraham 1848), found to half a per cent at this many lines
    assert float(ringing.max()) == pytest.approx(108.95, abs=0.5)


def test_chemical_shift_leaves_a_void_where_fat_was() -> None:
    codes = torch.zeros(2, 60, 60)
    codes[:, 20:40, 20:40] = int(Structure.VERTEBRAL_BODY)
    image = torch.full(codes.shape, 100.0)
    image[0, 0, 0] = 0
    shifted = _degraded(_case(image, codes), "chemical_shift", 5)[1]
    # 0.4 of the marrow's signal moves by 4 voxels: 60 is left behind, 140 lies beyond
    assert int((shifted == 60).sum()) == int((shifted == 140).sum()) == 4 * 20
    assert float(shifted.sum()) == pytest.approx(100 * 3600, rel=1e-6)  # none is lost; float32


def test_ghosts_grow_with_their_amplitude() -> None:
    image = torch.full((2, 64, 64), 1.0)
    image[:, 30:34, 30:34] = 100
    image[0, 32, 32] = 0  # so that the rest is no padding
    small, large = (_degraded(_case(image), "ghosting", s) for s in (1, 5))
    changed = [float((ghosted - image).abs().mean()) for ghosted in (small, large)]
    # amplitudes of 0.1 and 0.8: the change is about eight times as large, but for magnitudes
    assert changed[1] > 4 * changed[0] > 0


def test_motion_of_more_mm_changes_more() -> None:
    image = torch.full((2, 64, 64), 1.0)
    image[:, 20:44, 20:44] = 100
    image[0, 32, 32] = 0  # so that the rest is no padding
    small, large = (
        torch.stack([_degraded(_case(image), "motion", s, seed=seed) - image for seed in range(8)])
        for s in (1, 5)
    )  # of one draw alone the instants decide more than the distance
    assert float(large.abs().mean()) > 2 * float(small.abs().mean()) > 0


@pytest.mark.parametrize(("severity", "sigma"), [(1, 0.1), (5, 0.7)])
def test_bias_is_a_smooth_field_of_its_strength(severity: int, sigma: float) -> None:
    fields = [
        torch.log(_degraded(_flat(), "bias", severity, seed=seed)[1:] / 100) for seed in range(12)
    ]
    # B-splines keep (2/3)^(3/2) of the nodes' spread at the least, and all of it at corners
    spread = float(torch.stack(fields).std())
    assert 0.2 * sigma < spread < 1.2 * sigma
    step = max(float(field.diff(dim=2).abs().max()) for field in fields)
    assert step < 0.3 * sigma  # 50 voxels for 3 spans of nodes


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
    torch.testing.assert_close(_degraded(_case(image), "in_plane_resolution_mm", 3), coarse)


def test_an_axis_as_coarse_already_stays() -> None:
    case = make_loaded(make_case("a"))  # pixels of 1 x 2 mm
    assert obstacle(case, "in_plane_resolution_mm", 1) == "its pixels are 1.00 mm wide already"
    scan = open_scan(case)
    coarse = CONDITIONS["in_plane_resolution_mm"].degrade(scan, 2.0, torch.Generator()).image
    wanted = scan.with_image(degrade_resolution(scan.image[:, None], (2.0, 1.0))).image
    assert torch.equal(coarse, wanted)


def test_a_factor_and_its_thickness_are_one_condition() -> None:
    case = _case(torch.rand((12, 8, 8), generator=torch.Generator().manual_seed(0)))
    by_factor = _degraded(case, "through_plane_resolution_factor", 5)  # 4 times 1.5 mm
    assert torch.equal(by_factor, _degraded(case, "through_plane_resolution", 4))  # 6 mm


def test_thick_slices_average_over_their_profile() -> None:
    image = torch.zeros(41, 4, 4)
    image[20] = 100
    image[0, 0, 0] = 1e-3  # the field is the whole volume
    image[40, 3, 3] = 1e-3
    thick = _degraded(_case(image), "through_plane_resolution", 4)[:, 1, 1]
    places = torch.arange(41) * SPACING_MM[0]
    mean = float((thick * places).sum() / thick.sum())
    spread = math.sqrt(float((thick * (places - mean) ** 2).sum() / thick.sum()))
    # the Gaussian of 6 mm less the 1.5 mm of the voxels, and the hat of linear interpolation
    # between slices 6 mm apart, of variance 6^2 / 6
    wanted = math.sqrt((6**2 - 1.5**2) / 2.3548**2 + 6)
    assert mean == pytest.approx(30, abs=0.5)  # nothing shifts
    assert spread == pytest.approx(wanted, rel=0.15)  # a few slices only make up the profile


def test_padding_around_the_scan_stays() -> None:
    image = torch.full((4, 20, 24), -1000.0)
    image[:, 4:16, 5:20] = torch.rand((4, 12, 15), generator=torch.Generator().manual_seed(0)) * 900
    for name in ("noise", "ghosting", "motion", "bias", "inversion"):
        degraded = _degraded(_case(image), name, 5)
        assert bool((degraded[:, :4] == -1000).all()), name
        assert bool((degraded[:, :, 20:] == -1000).all()), name


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


def test_chemical_shift_needs_bone() -> None:
    case = _case(torch.rand(4, 20, 20))  # of discs alone
    assert "no bone is labelled" in obstacle(case, "chemical_shift", 1)


def test_axial_slices_are_turned_in_their_own_plane() -> None:
    affine = torch.diag(torch.tensor([1.0, 1.0, 5.0, 1.0], dtype=torch.float64))
    codes = torch.zeros(1, 41, 41, 6)
    codes[:, 5:36, 18:23, 2] = int(Structure.DISC)
    case = LoadedCase(
        make_case("a"), MetaTensor(codes * 10, affine=affine),
        MetaTensor(codes.to(torch.uint8), affine=affine), None,
    )  # fmt: skip
    turned = degrade_case(case, "rotation", 5).structure
    assert turned is not None
    assert turned.as_tensor()[0].any(0).any(0).tolist() == [False, False, True, *[False] * 3]


def test_every_level_is_told_with_unit_and_source() -> None:
    for name, condition in CONDITIONS.items():
        assert condition.unit, name
        assert condition.source, name
        steps = torch.tensor(condition.levels).diff()
        assert bool((steps > 0).all()) or bool((steps < 0).all()), name


def test_unknown_names_and_severities_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"E-CONF-070.*did you mean 'rotation'"):
        check_conditions(["rotatoin"])
    for severities in ((), (0,), (1, 6)):
        with pytest.raises(ConfigError, match="severities must be one or more of"):
            check_severities(severities)
