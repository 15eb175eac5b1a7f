"""Conditions do what their levels say, on the grid, and nothing at severity 0."""

from __future__ import annotations

import pytest
import torch

from spinesynth.anatomy.structures import Structure
from spinesynth.errors import ConfigError
from spinesynth.pipelines.conditions import (
    CONDITIONS,
    SEVERITIES,
    check_conditions,
    check_severities,
    degrade_case,
)
from tests.pipelines.condition_cases import case_of, degraded
from tests.pipelines.fabricated import make_case, make_loaded


@pytest.mark.parametrize("name", CONDITIONS)
def test_severity_0_is_the_case_itself(name: str) -> None:
    case = make_loaded(make_case("a"))
    assert degrade_case(case, name, 0) is case


@pytest.mark.parametrize("name", CONDITIONS)
def test_grid_and_type_stay_and_the_input_is_not_touched(name: str) -> None:
    image = torch.rand((12, 20, 24), generator=torch.Generator().manual_seed(0)) * 50 - 20
    structure = torch.zeros(image.shape)
    structure[1:5, 5:15, 5:15] = int(Structure.VERTEBRAL_BODY)
    case = case_of(image, structure)
    assert case.image is not None
    before = case.image.as_tensor().clone()
    found = degrade_case(case, name, 5)
    assert found.image is not None
    assert found.structure is not None
    assert torch.equal(case.image.as_tensor(), before)
    assert found.image.shape == case.image.shape
    assert found.image.dtype == torch.float32
    assert found.structure.dtype == torch.uint8
    assert torch.equal(found.image.affine, case.image.affine)
    assert bool(torch.isfinite(found.image).all())
    assert not torch.equal(found.image.as_tensor(), before)


@pytest.mark.parametrize("name", CONDITIONS)
def test_draws_follow_seed_case_condition_and_severity_alone(name: str) -> None:
    image = torch.rand((12, 20, 24), generator=torch.Generator().manual_seed(0)) * 50
    codes = torch.full(image.shape, int(Structure.VERTEBRAL_BODY))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        first = degraded(case_of(image, codes), name, 4, seed=3)
        torch.manual_seed(2)
        degraded(case_of(image, codes), "noise", 1)  # order must not matter
        assert torch.equal(degraded(case_of(image, codes), name, 4, seed=3), first)
    if name in ("noise", "bias", "motion", "low_snr", "random_remap"):  # drawn from a continuum
        assert not torch.equal(degraded(case_of(image, codes), name, 4, seed=4), first)
        other = case_of(image, codes, case_id="b")
        assert not torch.equal(degraded(other, name, 4, seed=3), first)


def _marked(name: str, severity: int) -> torch.Tensor:
    """Return an image of bone that has a gradient along each axis, degraded."""
    ramp = torch.arange(12 * 20 * 24).reshape(12, 20, 24) % 97 + 10.0
    ramp[0, 0, 0] = 0
    codes = torch.full(ramp.shape, int(Structure.VERTEBRAL_BODY))
    return degraded(case_of(ramp, codes), name, severity)


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


def test_padding_around_the_scan_stays() -> None:
    image = torch.full((4, 20, 24), -1000.0)
    image[:, 4:16, 5:20] = torch.rand((4, 12, 15), generator=torch.Generator().manual_seed(0)) * 900
    for name in ("noise", "ghosting", "motion", "bias", "inversion"):
        found = degraded(case_of(image), name, 5)
        assert bool((found[:, :4] == -1000).all()), name
        assert bool((found[:, :, 20:] == -1000).all()), name


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
