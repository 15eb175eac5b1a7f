"""Our stages as TorchIO transforms: what TorchIO's users rely on."""

from __future__ import annotations

import json
import pickle
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
import torchio as tio
from torch import Tensor

import spinesynth.transforms.torchio as faces
from spinesynth.transforms import PercentileNormalise
from spinesynth.transforms.base import RandomKernel, Record
from tests.transforms.contract_case import make_codes, make_image
from tests.transforms.torchio_subject import (
    SIZE,
    SPACING_MM,
    assert_same,
    differs,
    make_subject,
    scalar,
)

#: A visible setting of each random face.
MAKE: dict[str, Callable[..., tio.Transform]] = {
    "RandomAcquiredResolution": lambda **k: faces.RandomAcquiredResolution((3.0, 5.0), **k),
    "RandomBiasGain": lambda **k: faces.RandomBiasGain((0.3, 0.5), **k),
    "RandomDeformPatch": lambda **k: faces.RandomDeformPatch((4, 16, 18), **k),
    "RandomDirectionalBlur": lambda **k: faces.RandomDirectionalBlur((1.0, 2.0), **k),
    "RandomFillContext": lambda **k: faces.RandomFillContext(label_key="structure", **k),
    "RandomGammaCurve": lambda **k: faces.RandomGammaCurve((0.2, 0.4), **k),
    "RandomKSpaceMotion": lambda **k: faces.RandomKSpaceMotion(2.0, **k),
    "RandomKSpaceSpikes": lambda **k: faces.RandomKSpaceSpikes((0.3, 0.4), **k),
    "RandomPartialFourier": lambda **k: faces.RandomPartialFourier((0.55, 0.9), **k),
    "RandomPeriodicGhosting": lambda **k: faces.RandomPeriodicGhosting((0.2, 0.3), **k),
    "RandomGaussianBlur": lambda **k: faces.RandomGaussianBlur((0.5, 1.0), **k),
    "RandomSaturation": lambda **k: faces.RandomSaturation((80, 90), **k),
    "RandomTruncation": lambda **k: faces.RandomTruncation((0.4, 0.6), **k),
    "RandomWrapAround": lambda **k: faces.RandomWrapAround((0.6, 0.8), **k),
    "RandomMagnitudeNoise": lambda **k: faces.RandomMagnitudeNoise((0.05, 0.1), **k),
    "RandomSurfaceCoil": lambda **k: faces.RandomSurfaceCoil((10.0, 20.0), **k),
    "RandomTissuesToImage": lambda **k: faces.RandomTissuesToImage(
        "t2", label_key="tissues", image_key="painted", **k
    ),
}
BASES = {"RandomIntensityFace", "RandomSpineSynthTransform"}
INTENSITY = sorted(set(MAKE) - {"RandomDeformPatch", "RandomFillContext", "RandomTissuesToImage"})
every_face = pytest.mark.parametrize("name", sorted(MAKE))
intensity_face = pytest.mark.parametrize("name", INTENSITY)


def test_every_exported_face_is_tried_here() -> None:
    exported = {name for name in faces.__all__ if name.startswith("Random")}
    assert exported - BASES == set(MAKE)


def test_no_name_hides_one_of_torchio() -> None:
    assert [name for name in faces.__all__ if hasattr(tio, name)] == []


@every_face
def test_torch_seed_repeats_and_another_differs(name: str) -> None:
    def run(seed: int) -> tio.Subject:
        torch.manual_seed(seed)
        return MAKE[name]()(make_subject())

    assert_same(run(3), run(3))
    assert differs(run(3), run(4))


@every_face
def test_history_repeats_the_voxels_under_another_seed(name: str) -> None:
    subject = make_subject()
    result = MAKE[name]()(subject)
    torch.manual_seed(99)

    again = result.get_composed_history()(subject)

    assert len(result.history) == 1
    assert_same(again, result)
    assert_same(again.get_composed_history()(subject), result)


@every_face
def test_history_repeats_the_voxels_after_json_and_pickle(name: str) -> None:
    subject = make_subject()
    result = MAKE[name]()(subject)

    result.applied_transforms = json.loads(json.dumps(result.applied_transforms))
    again = pickle.loads(pickle.dumps(result)).get_composed_history()(subject)

    assert_same(again, result)


def test_history_of_a_chain_with_transforms_of_torchio_repeats_it() -> None:
    chain = tio.Compose(
        [
            faces.RandomDeformPatch((6, 16, 18), spacing_mm=SPACING_MM),
            faces.RandomTissuesToImage(label_key="tissues", image_key="painted"),
            tio.RandomFlip(axes=(1,), flip_probability=1.0),
            faces.RandomMagnitudeNoise(include=["painted"]),
            faces.RandomGammaCurve(p=0.5),
            faces.PercentileNormalization(),
        ]
    )
    subject = make_subject()
    result = chain(subject)
    torch.manual_seed(99)

    assert_same(result.get_composed_history()(subject), result)


@every_face
def test_input_subject_is_not_modified(name: str) -> None:
    subject, untouched = make_subject(), make_subject()

    result = MAKE[name]()(subject)

    assert_same(subject, untouched)
    assert subject.applied_transforms == []
    assert result["age"] == 61


@every_face
def test_only_torch_is_drawn_from_and_once(name: str) -> None:
    numpy_state, python_state = repr(np.random.get_state(legacy=False)), random.getstate()
    torch.manual_seed(5)
    MAKE[name]()(make_subject())
    left = torch.get_rng_state()

    torch.manual_seed(5)
    torch.rand(1)  # TorchIO's own, for p
    torch.randint(0, 2**31, (1,))  # the seed

    assert torch.equal(torch.get_rng_state(), left)
    assert repr(np.random.get_state(legacy=False)) == numpy_state
    assert random.getstate() == python_state


@every_face
def test_probability_zero_changes_nothing(name: str) -> None:
    subject = make_subject()
    result = MAKE[name](p=0)(subject)
    assert_same(result, make_subject())
    assert result.applied_transforms == []


@every_face
def test_prob_is_called_p_here(name: str) -> None:
    with pytest.raises(ValueError, match="prob must be given as p"):
        MAKE[name](prob=1.0)


@every_face
def test_unknown_parameter_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match="unheard_of"):
        MAKE[name](unheard_of=1)


def test_parameters_are_checked_when_the_face_is_made() -> None:
    with pytest.raises(ValueError, match="strength must be an ordered pair"):
        faces.RandomBiasGain(strength=(2.0, 1.0))


@intensity_face
def test_label_maps_are_left_alone_and_images_drawn_apart(name: str) -> None:
    subject = make_subject()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        result = MAKE[name]()(subject)

    for key in ("codes", "structure", "tissues"):
        assert torch.equal(result.get_image(key).data, subject.get_image(key).data)
        assert np.array_equal(result.get_image(key).affine, subject.get_image(key).affine)
    for key in ("t1", "t2"):
        assert result.get_image(key).data.dtype == torch.float32
        assert result.get_image(key).shape == subject.get_image(key).shape
        assert not torch.equal(result.get_image(key).data, subject.get_image(key).data)
    # equal voxels went in: two scans of one patient are two acquisitions
    assert not torch.equal(result.get_image("t1").data, result.get_image("t2").data)


@intensity_face
def test_include_names_the_images(name: str) -> None:
    subject = make_subject()
    result = MAKE[name](include=["t2"])(subject)
    assert torch.equal(result.get_image("t1").data, subject.get_image("t1").data)
    assert not torch.equal(result.get_image("t2").data, subject.get_image("t2").data)
    assert_same(result.get_composed_history()(subject), result)


@intensity_face
def test_tensors_and_images_are_taken_too(name: str) -> None:
    data = make_image(*SIZE)
    assert MAKE[name]()(data).shape == data.shape
    assert isinstance(MAKE[name]()(scalar(data)), tio.ScalarImage)


@intensity_face
def test_integer_scans_become_floats(name: str) -> None:
    scan = scalar((make_image(*SIZE) * 500).to(torch.int16))
    assert MAKE[name]()(scan).data.dtype == torch.float32


def test_replay_without_a_record_for_an_image_is_an_error() -> None:
    result = faces.RandomBiasGain(include=["t1"])(make_subject())
    ((name, arguments),) = result.applied_transforms
    replay = getattr(faces, name)(**{**arguments, "include": None})
    with pytest.raises(ValueError, match=r"records must hold one for image 't2', got \['t1'\]"):
        replay(make_subject())


def test_replay_of_an_unknown_face_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"face must be one of .*RandomBiasGain.*, got 'RandomX'"):
        faces.ReplayedIntensity("RandomX", parameters={}, records={})


def test_spacing_comes_from_the_affine() -> None:
    coarse = faces.RandomAcquiredResolution((4.0, 4.0), thick_axis_prob=0)
    data = make_image(*SIZE)
    isotropic = scalar(data, affine=np.diag([4.0, 4.0, 4.0, 1.0]))
    fine = scalar(data, affine=np.diag([4.0, 1.0, 1.0, 1.0]))

    # 4 mm voxels acquired at 4 mm: nothing to lose; 1 mm voxels lose in two axes
    assert torch.equal(coarse(isotropic).data, data)
    assert not torch.equal(coarse(fine).data, data)


def test_surface_coil_falls_off_along_the_anterior_axis_in_mm() -> None:
    affine = np.array(
        [[0, 0, -3.0, 0], [2.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 0, 1]]
    )  # A S L, 2 mm along the first axis
    image = scalar(torch.ones(1, 11, 3, 4), affine=affine)

    result = faces.RandomSurfaceCoil((20.0, 20.0), floor=(0.0, 0.0))(image)

    # ten steps of 2 mm are one decay length; the first voxel is nearest to the coil
    wanted = torch.exp(-torch.arange(11) * 2.0 / 20.0)
    # relative to float32: a division, an exponential and a product
    torch.testing.assert_close(result.data[0, :, 1, 2], wanted, rtol=1e-6, atol=0)


def test_surface_coil_refuses_an_image_that_looks_backwards() -> None:
    image = scalar(torch.ones(1, 4, 4, 4), affine=np.diag([1.0, -1.0, 1.0, 1.0]))
    with pytest.raises(ValueError, match=r"orientation RPS; put torchio\.ToCanonical before"):
        faces.RandomSurfaceCoil()(image)
    assert faces.RandomSurfaceCoil()(tio.ToCanonical()(image)).shape == (1, 4, 4, 4)


def test_percentiles_are_those_of_prediction() -> None:
    result = faces.PercentileNormalization()(make_subject())
    assert torch.equal(result.get_image("t1").data, PercentileNormalise()(make_image(*SIZE)))
    assert torch.equal(result.get_image("codes").data, make_codes(*SIZE))


@dataclass(frozen=True)
class OffsetRecord(Record):
    offset: float


class RandOffset(RandomKernel):
    record_class = OffsetRecord

    def draw(self, data: Tensor) -> OffsetRecord:
        return OffsetRecord(self.draw_seed(), self.uniform((1.0, 2.0)))

    def apply(self, data: Tensor, record: OffsetRecord) -> Tensor:
        return data + record.offset


class RandomOffset(faces.RandomIntensityFace):
    array_class = RandOffset


def test_a_stage_of_ones_own_becomes_a_face_in_one_line() -> None:
    subject = make_subject()
    result = RandomOffset(include=["t1"])(subject)
    added = result.get_image("t1").data - subject.get_image("t1").data

    made: Any = result.applied_transforms[0][1]
    # float32 sums of numbers below 3 round by less than 3e-7
    torch.testing.assert_close(
        added, torch.full_like(added, made["records"]["t1"]["offset"]), rtol=0, atol=3e-7
    )
    assert_same(result.get_composed_history()(subject), result)


@pytest.mark.slow
def test_transforms_load_without_torchio() -> None:
    program = "import sys, spinesynth.transforms; assert 'torchio' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


# Python 3.12 and later say so of every fork beside threads; torch's loader forks by default
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_workers_of_a_loader_draw_apart_and_repeatably() -> None:
    def epoch() -> list[Tensor]:
        data = tio.SubjectsDataset([make_subject()] * 4, transform=MAKE["RandomBiasGain"]())
        torch.manual_seed(0)
        loader = tio.SubjectsLoader(
            data, batch_size=1, num_workers=2, multiprocessing_context="fork"
        )
        return [batch["t1"][tio.DATA] for batch in loader]

    one, two = epoch(), epoch()

    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    assert not any(torch.equal(one[0], other) for other in one[1:])
