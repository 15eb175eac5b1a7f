"""Orientation of the slices, stages at the acquired resolution, and what the stages refuse."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import spinesynth.transforms
from spinesynth.kernels.resolution import acquire, degrade_resolution, restore, sampling_of_axes
from spinesynth.transforms import (
    RandAcquiredResolution,
    RandChemicalShift,
    RandDeformPatch,
    RandFillContext,
    RandGammaCurve,
    RandKSpaceSpikes,
    RandMagnitudeNoise,
    RandMagnitudeNoised,
    RandSagittalSlice,
    RandSaturation,
    RandSideFlip,
    RandSurfaceCoil,
    RandSynthesizeMRI,
    RandTissueContrast,
)

_SLICES: dict[str, Any] = {
    "resolution_mm": (0.5, 1.0),
    "thickness_mm": (3.0, 4.0),
    "gap_mm": (0.3, 0.4),
}


def _image(*size: int) -> Tensor:
    return torch.rand((1, *size), generator=torch.Generator().manual_seed(0))


def _across(orientation: str, data: Tensor, seed: int = 0) -> list[int]:
    """Return the axes along which slices lie."""
    transform: Any = RandAcquiredResolution(orientation=orientation, **_SLICES)  # type: ignore[arg-type]  # parametrised
    transform.set_random_state(seed)(data)
    return [axis for axis, size in enumerate(transform.record.resolution_mm) if size > 1]


@pytest.mark.parametrize(
    ("orientation", "in_volume", "in_slice"),
    [("sagittal", [0], []), ("coronal", [1], [0]), ("axial", [2], [1])],
)
def test_slices_lie_across_the_axis_of_their_orientation(
    orientation: str, in_volume: list[int], in_slice: list[int]
) -> None:
    assert _across(orientation, torch.zeros(1, 4, 5, 6)) == in_volume
    assert _across(orientation, torch.zeros(1, 5, 6)) == in_slice


def test_random_orientation_takes_each_of_the_three() -> None:
    drawn = [_across("random", torch.zeros(1, 4, 5, 6), seed)[0] for seed in range(60)]

    # by chance below 5 of 60: less than 1e-5
    assert min(drawn.count(axis) for axis in range(3)) >= 5


def test_slices_are_thickness_and_gap_apart() -> None:
    transform: Any = RandAcquiredResolution(orientation="axial", **_SLICES).set_random_state(3)
    transform(torch.zeros(1, 4, 5, 6))
    record = transform.record

    assert record.thickness_mm[:2] == record.resolution_mm[:2]
    assert 3 <= record.thickness_mm[2] <= 4
    assert 0.3 <= record.resolution_mm[2] - record.thickness_mm[2] <= 0.4 + 1e-9


def test_thickness_and_spacing_become_voxels() -> None:
    image = _image(20, 21, 22)
    transform = RandAcquiredResolution(
        (2.0, 2.0),
        spacing_mm=(2.0, 1.0, 0.5),
        orientation="axial",
        thickness_mm=(3.0, 3.0),
        gap_mm=(1.0, 1.0),
        profile="box",
    )

    wanted = degrade_resolution(
        image[None], (1.0, 2.0, 8.0), thickness=(1.0, 2.0, 6.0), profile="box"
    )[0]
    assert torch.equal(transform(image), wanted)


def test_members_act_between_sampling_and_interpolation() -> None:
    image = _image(30, 32)
    noise: Any = RandMagnitudeNoise((0.1, 0.1))
    transform: Any = RandAcquiredResolution((3.0, 3.0), thick_axis_prob=0.0, during=[noise])
    result = transform.set_random_state(1)(image)

    matrices = sampling_of_axes((30, 32), (3.0, 3.0))
    coarse = acquire(image[None], matrices)[0]
    noisy = noise.apply(coarse, noise.read_record(transform.record.during[0]))
    assert coarse.shape == (1, 10, 11)
    assert torch.equal(result, restore(noisy[None], matrices)[0])


def test_members_act_on_the_fine_grid_where_nothing_is_coarser() -> None:
    image = _image(12, 13)
    noise: Any = RandMagnitudeNoise((0.1, 0.1))
    transform: Any = RandAcquiredResolution((0.3, 1.0), during=[noise])
    result = transform.set_random_state(1)(image)

    wanted = noise.apply(image, noise.read_record(transform.record.during[0]))
    assert torch.equal(result, wanted)


def test_member_that_does_not_act_leaves_none_in_the_record() -> None:
    transform: Any = RandAcquiredResolution(during=[RandGammaCurve(prob=0.0), RandMagnitudeNoise()])
    transform.set_random_state(2)(_image(9, 9))

    first, second = json.loads(json.dumps(transform.record.to_dict()))["during"]
    assert first is None
    assert set(second) == {"seed", "sigma", "correlation_vox", "g_factor"}


def test_members_follow_the_seed_of_the_whole() -> None:
    image = _image(16, 16)
    results = []
    for _ in range(2):
        noise = RandMagnitudeNoise((0.1, 0.1))
        noise(image)  # a used member, with a state of its own
        transform: Any = RandAcquiredResolution((2.0, 2.0), during=[noise])
        transform.set_random_state(4)
        results.append([transform(image) for _ in range(2)])

    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))
    assert not torch.equal(results[0][0], results[0][1])


def test_members_are_drawn_for_the_size_at_which_they_act() -> None:
    # spikes at the very edge of k-space, whose line numbers say how large it is
    spikes = RandKSpaceSpikes(count=(20, 20), radius=(1.0, 1.0))
    transform: Any = RandAcquiredResolution(
        (4.0, 4.0), spacing_mm=(1.0, 2.0), thick_axis_prob=0.0, during=[spikes]
    )

    transform.set_random_state(0)(_image(40, 40))

    (drawn,) = transform.record.during
    # 10 by 20 voxels are acquired
    assert max(abs(first) for first, _ in drawn["positions"]) == 5
    assert max(abs(second) for _, second in drawn["positions"]) == 10


def test_instances_of_the_caller_stay_as_they_are() -> None:
    noise, twin = (RandMagnitudeNoise().set_random_state(5) for _ in range(2))
    transform = RandAcquiredResolution((2.0, 2.0), during=[noise]).set_random_state(0)

    transform(_image(16, 16))

    assert noise.record is None
    assert torch.equal(noise(_image(9, 9)), twin(_image(9, 9)))


def test_magnitude_is_taken_of_a_ringing_profile() -> None:
    image = torch.zeros(1, 40, 40)
    image[:, 20:] = 1
    transform = RandAcquiredResolution((3.0, 3.0), profile="sinc", thick_axis_prob=0.0)

    result = transform(image)

    assert float(result.min()) >= 0
    assert float(result.max()) > 1.01


def test_neutral_parameters_take_no_draw() -> None:
    # seeds of recorded trainings keep their meaning: each default draws this and nothing more
    noise: Any = RandMagnitudeNoise().set_random_state(0)
    resolution: Any = RandAcquiredResolution().set_random_state(0)
    for_noise, for_resolution = (np.random.RandomState(0) for _ in range(2))
    for _ in range(4):
        noise(torch.zeros(1, 4, 4))
        resolution(torch.zeros(1, 4, 4))
        for_noise.rand()
        seed, sigma = for_noise.randint(2**31 - 1), for_noise.uniform(0.01, 0.05)
        for_noise.uniform(0, 0)
        assert noise.record.to_dict() == {
            "seed": seed,
            "sigma": sigma,
            "correlation_vox": 0,
            "g_factor": 1,
        }
        for_resolution.rand()
        size, alone = for_resolution.uniform(1, 4), for_resolution.rand() < 0.3
        axis, seed = for_resolution.randint(2), for_resolution.randint(2**31 - 1)
        assert resolution.record.seed == seed
        assert resolution.record.resolution_mm == tuple(
            1.0 if alone and n != axis else size for n in range(2)
        )
        assert (resolution.record.thickness_mm, resolution.record.during) == (None, ())


def test_saturation_clips_between_its_percentiles() -> None:
    image = torch.arange(1002.0).reshape(1, 2, 501)
    clip = RandSaturation((90.0, 90.0), low_percentile=(10.0, 10.0))

    # above the padding 0 stand 1 to 1001
    assert torch.equal(clip(image), image.clamp(101, 901))


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("RandAcquiredResolution", {"profile": "hat"}, r"profile must be one of \('gaussian', 'b"),
        ("RandAcquiredResolution", {"orientation": "oblique"}, "orientation must be one of"),
        ("RandAcquiredResolution", {"thickness_mm": (1.0, 2.0)}, "thickness_mm must be given with"),
        ("RandAcquiredResolution", {"orientation": "axial"}, "thickness_mm must be given with"),
        ("RandAcquiredResolution", {"gap_mm": (0.1, 0.2)}, r"gap_mm must be \(0, 0\)"),
        ("RandAcquiredResolution", {"gap_mm": (-0.1, 0.2)}, "gap_mm must be an ordered pair"),
        (
            "RandAcquiredResolution",
            {"orientation": "axial", "thickness_mm": (-1.0, 2.0)},
            "thickness_mm must be an ordered pair",
        ),
        (
            "RandAcquiredResolution",
            {"during": [RandMagnitudeNoised("image")]},
            "during must be array transforms .* got RandMagnitudeNoised",
        ),
        *[
            (
                "RandAcquiredResolution",
                {"during": [RandMagnitudeNoise(), member]},
                f"during must be stages that change one image .* got {type(member).__name__}",
            )
            for member in (
                RandSideFlip(),
                RandDeformPatch((8, 8)),
                RandSagittalSlice(),
                RandTissueContrast(),
                RandFillContext(),
                RandChemicalShift(),
                RandAcquiredResolution(),
                RandSynthesizeMRI(patch_size=(8, 8)),
            )
        ],
        (
            "RandAcquiredResolution",
            {"during": [RandSurfaceCoil()]},
            "got RandSurfaceCoil; it belongs before the acquisition",
        ),
        ("RandAcquiredResolution", {"spacing_mm": (1.0,) * 4}, "spacing_mm must be one number or"),
        ("RandAcquiredResolution", {"spacing_mm": 0.0}, "spacing_mm must be finite and > 0"),
        ("RandAcquiredResolution", {"spacing_mm": (1.0, -2.0)}, "spacing_mm must be finite"),
        ("RandSurfaceCoil", {"spacing_mm": math.nan}, "spacing_mm must be finite and > 0"),
        ("RandMagnitudeNoise", {"kind": "chi", "coils": 0}, "coils must be at least 1"),
        ("RandMagnitudeNoise", {"coils": 4}, "coils must be at least 1, .* unless kind is 'chi'"),
        ("RandMagnitudeNoise", {"kind": "chi", "coils": 2.5}, "coils must be .* a whole number"),
        (
            "RandMagnitudeNoise",
            {"kind": "gaussian", "correlation_vox": (0.0, 1.0)},
            r"correlation_vox must be \(0, 0\) for kind 'gaussian'",
        ),
        ("RandMagnitudeNoise", {"g_factor": (0.5, 1.0)}, "g_factor must be an ordered pair"),
        ("RandMagnitudeNoise", {"g_factor": (1.0, math.inf)}, "g_factor must be"),
        ("RandSaturation", {"high_percentile": (90.0, 101.0)}, "high_percentile must be"),
        ("RandSaturation", {"low_percentile": (-1.0, 0.0)}, "low_percentile must be"),
        ("RandSaturation", {"low_percentile": (0.0, 95.0)}, "low_percentile must end below"),
    ],
)
def test_impossible_parameters_are_refused(
    name: str, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        getattr(spinesynth.transforms, name)(**arguments)
