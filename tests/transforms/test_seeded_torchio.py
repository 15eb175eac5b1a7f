"""TorchIO's transforms in a MONAI chain."""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import pytest
import torch
import torchio as tio
from monai.data.meta_tensor import MetaTensor
from monai.transforms.compose import Compose
from torch import Tensor

import spinesynth.transforms.torchio as faces
from spinesynth import transforms
from spinesynth.transforms.torchio import RandomBiasGain, SeededTorchIOd, seeded
from tests.transforms.contract_case import FAR_CODES, make_codes, make_image, with_affine

SIZE = (6, 20, 24)
TRANSFORMS = {
    "noise": tio.RandomNoise(std=(0.1, 0.2)),
    "affine": tio.RandomAffine(),
    "elastic": tio.RandomElasticDeformation(num_control_points=5, max_displacement=3),
    "motion": tio.RandomMotion(),
    "painted": tio.RandomLabelsToImage(label_key="label", image_key="image"),
    "ours": RandomBiasGain((0.3, 0.5)),
    "chain": tio.Compose([tio.RandomFlip(axes=(1, 2)), tio.RandomGamma(), tio.RandomBlur()]),
}
every_transform = pytest.mark.parametrize("name", sorted(TRANSFORMS))


Sample = dict[Hashable, Any]


def make_sample() -> Sample:
    return {
        "image": with_affine(make_image(*SIZE)),
        "label": with_affine(make_codes(*SIZE)),
        "case_id": "a",
    }


def make_seeded(name: str, seed: int = 0) -> Callable[[Sample], Sample]:
    keys = ("image", "label")
    chain: Callable[[Sample], Sample] = Compose(
        [SeededTorchIOd(keys, TRANSFORMS[name])]
    ).set_random_state(seed)
    return chain


def global_states() -> tuple[Any, ...]:
    numpy_state = np.random.get_state(legacy=False)
    return torch.get_rng_state().tolist(), repr(numpy_state), random.getstate()


def same(one: Sample, two: Sample) -> bool:
    return all(
        torch.equal(one[key], two[key]) and torch.equal(one[key].affine, two[key].affine)
        for key in ("image", "label")
    )


@every_transform
def test_monai_seed_repeats_whatever_torch_was_seeded_with(name: str) -> None:
    torch.manual_seed(1)
    one = make_seeded(name)(make_sample())
    torch.manual_seed(2)

    assert same(one, make_seeded(name)(make_sample()))
    assert not same(one, make_seeded(name, seed=1)(make_sample()))


@every_transform
def test_record_repeats_the_sample(name: str) -> None:
    stage = SeededTorchIOd(("image", "label"), TRANSFORMS[name]).set_random_state(3)
    stage(make_sample())
    two = stage(make_sample())
    assert stage.record is not None
    kept = stage.read_record(stage.record.to_dict())

    assert same(stage.apply(make_sample(), kept), two)


@every_transform
def test_global_generators_are_untouched(name: str) -> None:
    before = global_states()

    make_seeded(name)(make_sample())

    assert global_states() == before


def test_numpy_and_python_are_seeded_too_and_put_back_after_an_error() -> None:
    def draw(data: Tensor) -> Tensor:
        return torch.full_like(data, np.random.rand() + random.random())

    def fail(data: Tensor) -> Tensor:
        np.random.rand()
        raise RuntimeError("inside")

    def run(function: Any) -> Tensor:  # noqa: ANN401
        stage = SeededTorchIOd("image", tio.Lambda(function)).set_random_state(0)
        image: Tensor = stage(make_sample())["image"]
        return image

    before = global_states()
    assert torch.equal(run(draw), run(draw))
    with pytest.raises(RuntimeError, match="inside"):
        run(fail)
    assert global_states() == before


@every_transform
def test_input_and_other_keys_are_left_alone(name: str) -> None:
    sample, untouched = make_sample(), make_sample()

    result = make_seeded(name)(sample)

    assert same(sample, untouched)
    assert set(result) == {"image", "label", "case_id"}
    for key in ("image", "label"):
        assert isinstance(result[key], MetaTensor)
        assert result[key].dtype == sample[key].dtype
        assert result[key].meta["notes"] == [1, 2]


def test_labels_move_with_the_image_by_nearest_neighbour() -> None:
    codes = make_codes(*SIZE)
    sample: Sample = {"image": codes.float(), "label": codes, "soft": codes.float()}
    stage = SeededTorchIOd(("image", "label", "soft"), tio.RandomAffine(), label_keys=("soft",))

    result = stage.set_random_state(0)(sample)

    assert set(result["label"].unique().tolist()) <= set(FAR_CODES)
    assert torch.equal(result["soft"], result["label"].float())
    assert not set(result["image"].unique().tolist()) <= set(FAR_CODES)
    assert not isinstance(result["image"], MetaTensor)


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int16, torch.int64])
def test_every_integer_type_is_a_label_map_and_comes_back(dtype: torch.dtype) -> None:
    label = make_codes(*SIZE).to(dtype)
    result = SeededTorchIOd("label", tio.RandomFlip(axes=(0,), flip_probability=1))(
        {"label": label}
    )
    assert result["label"].dtype == dtype
    assert torch.equal(result["label"], label.flip(1))


def test_affine_follows_the_transform() -> None:
    cropped = SeededTorchIOd("image", tio.Crop((1, 0, 2, 0, 3, 0)))(make_sample())["image"]
    assert tuple(cropped.shape) == (1, 5, 18, 21)
    # origin (1, 2, 3) moves by 1, 2, 3 voxels of 4, 1.2 and 0.8 mm
    wanted = torch.tensor([5.0, 4.4, 5.4], dtype=torch.float64)
    torch.testing.assert_close(cropped.affine[:3, 3], wanted)


@pytest.mark.parametrize("rank", [3, 4])
def test_slices_of_monai_stay_slices(rank: int) -> None:
    affine = torch.eye(rank, dtype=torch.float64)
    affine[0, 0], affine[1, 1] = 1.2, 0.8
    image = MetaTensor(make_image(20, 24), affine=affine)

    result = SeededTorchIOd("image", tio.Crop((2, 0, 0, 0, 0, 0)))({"image": image})["image"]

    assert tuple(result.shape) == (1, 18, 24)
    assert tuple(result.affine.shape) == (rank, rank)
    assert float(result.affine[0, -1]) == pytest.approx(2.4)
    assert float(result.affine[1, 1]) == pytest.approx(0.8)


def test_slice_that_becomes_thick_is_refused() -> None:
    with pytest.raises(ValueError, match="transform must keep a slice flat"):
        SeededTorchIOd("image", tio.Pad((0, 0, 0, 0, 1, 1)))({"image": make_image(20, 24)})


def test_new_images_are_put_under_their_name() -> None:
    sample: Sample = {"label": with_affine(make_codes(*SIZE))}
    result = SeededTorchIOd("label", tio.RandomLabelsToImage(image_key="painted"))(sample)
    assert set(result) == {"label", "painted"}
    assert torch.equal(result["painted"].affine, sample["label"].affine)


def test_missing_key_is_an_error_unless_allowed() -> None:
    with pytest.raises(KeyError, match="image"):
        SeededTorchIOd("image", tio.RandomNoise())({})
    assert SeededTorchIOd("image", tio.RandomNoise(), allow_missing_keys=True)({}) == {}


def test_anything_but_a_torchio_transform_is_refused() -> None:
    with pytest.raises(TypeError, match=r"transform must be a torchio\.Transform"):
        SeededTorchIOd("image", "RandomNoise")  # type: ignore[arg-type]  # on purpose


def test_flat_array_is_refused() -> None:
    with pytest.raises(ValueError, match="'image' must have two or three spatial axes"):
        SeededTorchIOd("image", tio.RandomNoise())({"image": torch.zeros(3, 3)})


def test_plain_tensor_comes_back_on_its_device() -> None:
    image = tio.ScalarImage(tensor=torch.zeros(1, 4, 4, 4))  # type: ignore[no-untyped-call]  # TorchIO

    # a device that every machine has beside the processor
    assert seeded._array(image, like=torch.zeros(1, 4, 4, 4, device="meta")).device.type == "meta"


def test_numpy_array_comes_back_as_a_tensor() -> None:
    stage = SeededTorchIOd("image", tio.RandomNoise())

    result = stage({"image": make_image(*SIZE).numpy()})["image"]

    assert isinstance(result, Tensor)
    assert result.dtype == torch.float32


def test_every_stage_has_a_face_or_stands_in_the_documentation() -> None:
    shown = {getattr(face, "array_class", None) for face in vars(faces).values()}
    stages = {
        name[:-1]
        for name in transforms.__all__
        if name.endswith("d") and name[:-1] in transforms.__all__
    }
    without = sorted(name for name in stages if getattr(transforms, name) not in shown)

    assert without
    assert [name for name in without if f"``{name}``" not in (faces.__doc__ or "")] == []
