"""What single stages promise beyond the contract: their draws, and what they refuse."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import spinesynth.transforms
from spinesynth.anatomy.tissues import TISSUE_PRIORS, Tissue
from spinesynth.transforms import (
    RandAcquiredResolution,
    RandFillContext,
    RandMagnitudeNoise,
    RandSagittalSlice,
    RandSideFlip,
    RandSurfaceCoil,
    RandTissueContrast,
)
from tests.transforms.contract_cases import CASES, class_name, make_array_form

_IMAGE_STAGES = [
    name
    for name, case in CASES.items()
    if case.random
    and not case.always
    and not getattr(spinesynth.transforms, class_name(name)).takes_codes
]
_STILL: dict[str, Any] = {"rotation_deg": 0.0, "scale": 0.0, "shear": 0.0, "elastic_mm": (0.0, 0.0)}


def _records(transform: Any, data: torch.Tensor, count: int = 300) -> list[Any]:  # noqa: ANN401
    transform.set_random_state(0)
    return [transform.draw(data) for _ in range(count)]


def test_slices_without_a_label_are_drawn_only_as_often_as_asked() -> None:
    volume = torch.zeros(1, 10, 4, 4)
    volume[:, 3:5] = 1

    never = [r.index for r in _records(RandSagittalSlice(0.0), volume)]
    always = [r.index for r in _records(RandSagittalSlice(1.0), volume)]

    assert set(never) == {3, 4}
    assert set(always) == set(range(10))
    assert {r.index for r in _records(RandSagittalSlice(0.0), 0 * volume)} == set(range(10))


@pytest.mark.parametrize(("contrast", "weighting"), [("t1", "t1"), ("t2", "t2")])
def test_means_come_from_the_ranges_of_the_prior(contrast: str, weighting: str) -> None:
    paint = RandTissueContrast(contrast, twins=False)  # type: ignore[arg-type]  # a parameter
    means = torch.tensor([r.means for r in _records(paint, torch.zeros(1, 2, 2))])

    for tissue in Tissue:
        low, high = getattr(TISSUE_PRIORS[tissue], weighting)
        drawn = means[:, tissue]
        assert low <= float(drawn.min()) <= float(drawn.max()) <= high
        # 300 draws leave no gap of a twentieth of the range at its ends
        assert float(drawn.max() - drawn.min()) >= 0.9 * (high - low)


@pytest.mark.parametrize("alpha", [0.0, 0.25, 1.0])
def test_interpolated_means_lie_between_both_priors(alpha: float) -> None:
    paint = RandTissueContrast("interpolated", alpha=(alpha, alpha), twins=False)

    for record in _records(paint, torch.zeros(1, 2, 2), 50):
        assert (record.prior, record.alpha) == ("interpolated", alpha)
        for tissue in Tissue:
            t1, t2 = TISSUE_PRIORS[tissue].t1, TISSUE_PRIORS[tissue].t2
            low, high = ((1 - alpha) * a + alpha * b for a, b in zip(t1, t2, strict=True))
            assert low - 1e-9 <= record.means[tissue] <= high + 1e-9


def test_mixed_contrast_is_random_or_interpolated_half_each() -> None:
    priors = [r.prior for r in _records(RandTissueContrast("mixed"), torch.zeros(1, 2, 2), 400)]

    assert set(priors) == {"random", "interpolated"}
    # five standard errors of 400 tosses
    assert abs(priors.count("random") - 200) < 50


def test_twins_share_their_mean_most_of_the_time() -> None:
    draws = _records(RandTissueContrast("random"), torch.zeros(1, 2, 2))
    means = torch.tensor([r.means for r in draws])

    near = (means[:, Tissue.MARROW_SACRUM] - means[:, Tissue.MARROW_BODY]).abs() < 0.15
    dark = means[:, Tissue.AIR] <= 0.04

    # shared in 85 %, near by chance in some more; five standard errors of 300 draws
    assert 0.75 < float(near.float().mean()) < 1
    assert float(dark.float().mean()) == pytest.approx(0.9 + 0.1 * 0.04, abs=0.09)


def test_one_thick_axis_is_as_frequent_as_asked() -> None:
    data = torch.zeros(1, 4, 5, 6)
    for share in (0.0, 0.4, 1.0):
        thick = RandAcquiredResolution((1.0, 4.0), thick_axis_prob=share)
        alone = [r.resolution_mm.count(1.0) == 2 for r in _records(thick, data)]

        # five standard errors of 300 draws
        assert sum(alone) / 300 == pytest.approx(share, abs=0.142 if share == 0.4 else 0)


def test_resolution_is_in_millimetres_of_each_axis() -> None:
    image = torch.rand(1, 12, 12)
    coarse = RandAcquiredResolution((3.0, 3.0), spacing_mm=(3.0, 1.0), thick_axis_prob=0.0)

    result = coarse(image)

    # 3 mm voxels stay as they are along the first axis and blur along the second
    rows = [coarse(row) for row in image.split(1, 1)]  # type: ignore[no-untyped-call]
    torch.testing.assert_close(result, torch.cat(rows, 1))
    assert float((result - image).abs().max()) > 0.1


def test_noise_is_relative_to_the_peak() -> None:
    noise = RandMagnitudeNoise((0.1, 0.1), kind="gaussian")
    noise.set_random_state(0)
    image = torch.full((1, 200, 200), 50.0)

    # five standard errors of 40 000 voxels
    assert float((noise(image) - 50).std()) == pytest.approx(5.0, abs=5 * 5 / 80_000**0.5)


def test_decays_of_the_coil_are_even_by_octave() -> None:
    draws = _records(RandSurfaceCoil((50.0, 200.0)), torch.zeros(1, 4, 4), 400)
    decays = [r.decay_mm for r in draws]

    assert 50 <= min(decays) <= max(decays) <= 200
    # half of them below the geometric mean; five standard errors of 400 draws
    assert abs(sum(d < 100 for d in decays) - 200) < 50


def test_context_needs_a_voxel_size() -> None:
    with pytest.raises(ValueError, match="spacing_mm must be given for a tensor without"):
        RandFillContext()(torch.zeros(1, 8, 8, dtype=torch.uint8))


@given(st.floats(0, 5), st.floats(0, 5))
def test_pairs_in_order_are_taken_and_others_refused(low: float, high: float) -> None:
    if low <= high:
        assert RandMagnitudeNoise((low, high)).sigma == (low, high)
    else:
        with pytest.raises(ValueError, match=r"sigma must be an ordered pair within \[0, inf\]"):
            RandMagnitudeNoise((low, high))


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("RandAcquiredResolution", {"resolution_mm": (0.0, 1.0)}, "resolution_mm must be"),
        ("RandAcquiredResolution", {"thick_axis_prob": 2.0}, "thick_axis_prob must be"),
        ("RandBiasGain", {"strength": (-1.0, 0.0)}, "strength must be"),
        ("RandBiasGain", {"nodes": 1}, "nodes must be at least 2, a whole number, got 1"),
        ("RandDeformPatch", {"patch_size": (4,)}, "patch_size must be 2 or 3 sizes"),
        ("RandDeformPatch", {"patch_size": (4, 0)}, "patch_size must be 2 or 3 sizes"),
        ("RandDeformPatch", {"patch_size": (4, 4.5)}, "patch_size must be .* whole numbers"),
        ("RandDeformPatch", {"patch_size": (4, 4), "spacing_mm": 0.0}, "spacing_mm must be finite"),
        ("RandDeformPatch", {"patch_size": (4, 4), "spacing_mm": math.nan}, "spacing_mm must be"),
        ("RandDeformPatch", {"patch_size": (4, 4), "spacing_mm": (1, -1)}, "spacing_mm must be f"),
        (
            "RandDeformPatch",
            {"patch_size": (4, 4), "spacing_mm": (1, 1, 1)},
            "spacing_mm must be one number or 2 numbers",
        ),
        ("RandDeformPatch", {"patch_size": (4, 4), "shear": 1.0}, "shear must be"),
        ("RandDeformPatch", {"patch_size": (4, 4, 4), "shear": 0.5}, "shear must be"),
        ("RandDeformPatch", {"patch_size": (4, 4), "scale": 0.8}, "scale must be"),
        ("RandDeformPatch", {"patch_size": (4, 4), "margin": 1.5}, "margin must be"),
        ("RandDeformPatch", {"patch_size": (4, 4), "rotation_deg": -1.0}, "rotation_deg must be"),
        ("RandDirectionalBlur", {"sigma_vox": (2.0, 1.0)}, "sigma_vox must be"),
        ("RandGammaCurve", {"log_gamma": (-9.0, 0.0)}, "log_gamma must be"),
        (
            "RandKSpaceMotion",
            {"max_moves": 0},
            "max_moves must be at least 1, a whole number, got 0",
        ),
        ("RandKSpaceMotion", {"max_shift_vox": -1.0}, "max_shift_vox must be"),
        ("RandMagnitudeNoise", {"kind": "poisson"}, "kind must be 'rician' or 'gaussian'"),
        ("RandMagnitudeNoise", {"sigma": (float("nan"), 1.0)}, "sigma must be"),
        ("RandSagittalSlice", {"any_slice_prob": 1.1}, "any_slice_prob must be in"),
        ("RandSurfaceCoil", {"decay_mm": (0.0, 1.0)}, "decay_mm must be"),
        ("RandSurfaceCoil", {"spacing_mm": 0.0}, "spacing_mm must be finite and > 0, got 0"),
        ("RandSurfaceCoil", {"spacing_mm": (1.0,)}, "spacing_mm must be one number or 2 or 3"),
        ("RandSurfaceCoil", {"axis": 0}, "axis must be .* as 0 holds the channels, got 0"),
        ("RandSurfaceCoil", {"axis": 7}, "axis must be .* got 7"),
        ("RandSurfaceCoil", {"axis": 3.5}, "axis must be a whole number, got 3.5"),
        ("RandSurfaceCoil", {"axis": None}, "axis must be a whole number, got None"),
        ("RandKSpaceSpikes", {"count": (1, 2.5)}, r"count must be whole numbers, got \(1, 2.5\)"),
        ("RandSideFlip", {"swap": ((1, 2.5),)}, "swap must be pairs of label values, whole"),
        ("RandTissueContrast", {"contrast": "t3"}, "contrast must be one of"),
        ("RandTissueContrast", {"alpha": (0.0, 1.1)}, "alpha must be"),
    ],
)
def test_impossible_parameters_are_refused(
    name: str, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        getattr(spinesynth.transforms, name)(**arguments)


@pytest.mark.parametrize(("axis", "same"), [(1, -2), (2, -1)])
def test_axes_of_the_coil_count_from_either_end(axis: int, same: int) -> None:
    data = torch.ones(1, 6, 7)
    one, two = (
        RandSurfaceCoil(axis=number, spacing_mm=(2.0, 5.0)).set_random_state(0)(data)
        for number in (axis, same)
    )

    assert torch.equal(one, two)
    assert not torch.equal(one, data)


def test_axis_of_the_coil_that_the_data_lack_is_refused() -> None:
    with pytest.raises(ValueError, match="axis must be a spatial axis of data of 3 dimensions"):
        RandSurfaceCoil(axis=3)(torch.ones(1, 6, 7))


@pytest.mark.parametrize("prob", [0.0, 1.0])
@pytest.mark.parametrize(
    ("given_dtype", "wanted"),
    [
        (torch.float16, torch.float16),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
        (torch.int16, torch.float32),
        (torch.uint8, torch.float32),
    ],
)
@pytest.mark.parametrize("name", _IMAGE_STAGES)
def test_type_of_an_image_does_not_depend_on_luck(
    name: str, given_dtype: torch.dtype, wanted: torch.dtype, prob: float
) -> None:
    image = (CASES[name].inputs()[0] * 100).to(given_dtype)
    stage = make_array_form(name, prob=prob).set_random_state(0)

    result = stage(image)

    assert result.dtype == wanted
    assert prob == 1 or torch.equal(result, image.to(wanted))
    assert result.data_ptr() != image.data_ptr()


@pytest.mark.parametrize("prob", [0.0, 1.0])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.float64])
def test_maps_keep_their_type(dtype: torch.dtype, prob: float) -> None:
    codes = torch.ones((1, 4, 4, 4), dtype=dtype)

    assert RandSideFlip(prob=prob)(codes).dtype == dtype


@pytest.mark.parametrize(
    ("codes", "match"),
    [(torch.tensor([0, 77, 201]), r"got \[77, 201\]"), (torch.tensor([0, -1]), r"got \[-1\]"),
     (torch.tensor([0.0, 2.7]), "got fractions"), (torch.tensor([0.0, torch.nan]), "fractions")],
)  # fmt: skip
def test_context_refuses_what_is_no_structure(codes: torch.Tensor, match: str) -> None:
    structure = codes.repeat(24)[:24].expand(1, 20, 24)
    with pytest.raises(ValueError, match=match):
        RandFillContext((1.0, 1.0)).set_random_state(0)(structure)
