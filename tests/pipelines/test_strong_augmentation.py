"""The strong augmentation of real images: wider shapes, every stage, and nothing by default."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from monai.transforms.compose import Compose

from spinesynth.errors import ConfigError
from spinesynth.io.case import Case
from spinesynth.io.manifest import read_manifest
from spinesynth.pipelines.chains import augmentation_chain
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.datasets import SampleKey
from spinesynth.pipelines.strong_augmentation import StandardUnits, strong_intensity
from spinesynth.pipelines.training_data import make_dataset
from tests.fabricate import write_manifest

SIZE = (32, 40)


def config(strength: str | None, **network: object) -> ExperimentConfig:
    values: dict[str, Any] = {
        "name": "x",
        "network": network,
        "training": {"patch_size": SIZE, "steps": 1},
    }
    return parse_config(values | ({"augmentation": {"strength": strength}} if strength else {}))


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    root = tmp_path_factory.mktemp("data")
    return [case for case in read_manifest(write_manifest(root)) if case.image and case.label]


def names(chain: Compose) -> list[str]:
    return [type(stage).__name__ for stage in chain.transforms]


def test_standard_is_the_chain_it_was() -> None:
    assert names(augmentation_chain(config(None))) == [
        *("RandSagittalSlabd", "_SlicesAsChannelsd", "RandDeformPatchd", "RandBiasGaind"),
        *("RandMagnitudeNoised", "RandGammaCurved", "PercentileNormalised"),
    ]
    assert config(None) == config("standard")


def test_strong_holds_all_of_standard_and_deforms_more() -> None:
    plain, strong = (augmentation_chain(config(s)) for s in ("standard", "strong"))
    assert set(names(plain)) < set(names(strong))
    before, after = (
        next(s.transform for s in chain.transforms if type(s).__name__ == "RandDeformPatchd")
        for chain in (plain, strong)
    )
    assert (before.rotation_deg, before.scale) == (15, 0.2)  # the recipe's
    assert (after.rotation_deg, after.scale) == (30, 0.3)
    assert (after.shear, after.elastic_mm) == (before.shear, before.elastic_mm)


def test_unknown_strength_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"augmentation\.strength.*did you mean 'strong'"):
        config("strnog")


@pytest.mark.parametrize("slices", [1, 3])
def test_sample_depends_on_its_name_alone_and_is_finite(cases: list[Case], slices: int) -> None:
    wanted = config("strong", slices=slices)
    data = make_dataset(cases, wanted, model="B")
    samples = [data[SampleKey(0, n % len(cases), n)] for n in range(12)]
    for sample in samples:
        assert sample["image"].shape == (slices, *SIZE)
        assert sample["image"].dtype == torch.float32
        assert bool(torch.isfinite(sample["image"]).all())
        assert sample["target"].shape == (1, *SIZE)
    for number in (11, 2):
        again = data[SampleKey(0, number % len(cases), number)]
        assert torch.equal(again["image"], samples[number]["image"])
        assert torch.equal(again["target"], samples[number]["target"])
    assert len({sample["image"].sum().item() for sample in samples}) == len(samples)


def test_global_generators_are_left_alone() -> None:
    stages = strong_intensity(SIZE, spacing_mm=1.0).set_random_state(3)
    before = torch.random.get_rng_state(), np.random.get_state(legacy=True)
    for _ in range(20):
        stages({"image": torch.rand((1, *SIZE), generator=torch.Generator().manual_seed(0))})
    assert torch.equal(before[0], torch.random.get_rng_state())
    assert str(before[1]) == str(np.random.get_state(legacy=True))


@pytest.mark.parametrize(
    ("size", "spacing_mm"), [(SIZE, 1.0), ((12, 20, 24), (4.0, 1.0, 1.0))], ids=["slice", "volume"]
)
def test_each_stage_changes_the_image_where_it_acts(
    size: tuple[int, ...], spacing_mm: float | tuple[float, ...]
) -> None:
    """Set to act, each alters a noisy image; those of one choice are tried one by one."""
    image = torch.rand((1, *size), generator=torch.Generator().manual_seed(0))
    flat = []
    for stage in strong_intensity(size, spacing_mm=spacing_mm).transforms:
        flat += _alone(stage)
    assert len(flat) == (3 if len(size) == 2 else 1) + 1 + 1 + 1 + 2 + 1 + 2 + 1 + 2 + 1
    for number, stage in enumerate(flat):
        inner = getattr(stage, "transform", stage)
        inner.prob = 1.0
        stage.set_random_state(number)
        changed = torch.as_tensor(stage({"image": image.clone()})["image"])
        assert not torch.allclose(changed, image), type(stage).__name__


def _alone(stage: Any) -> list[Any]:  # noqa: ANN401 of MONAI, or ours
    if isinstance(stage, Compose):
        return [one for member in stage.transforms for one in _alone(member)]
    return [stage]


def test_brightness_leaves_a_trace_in_the_units_of_the_image() -> None:
    """Half a standard deviation more: mean 5 and spread 2 become mean 6 and spread 2."""

    class Shift:
        def __call__(self, data: dict[str, Any]) -> dict[str, Any]:
            return {**data, "image": data["image"] + 0.5}

    image = torch.tensor([3.0, 5.0, 7.0, 5.0]).reshape(1, 2, 2)
    spread = image.std().item()
    changed = StandardUnits([Shift()])({"image": image})["image"]
    torch.testing.assert_close(changed, image + 0.5 * spread)
    blank = StandardUnits([Shift()])({"image": torch.full((1, 2, 2), 4.0)})["image"]
    assert torch.equal(blank, torch.full((1, 2, 2), 4.5))
