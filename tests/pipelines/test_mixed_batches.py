"""A share of real images among model A's samples: as many as asked, told, and none by default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from spinesynth.errors import ConfigError, InputError
from spinesynth.io.case import Case
from spinesynth.io.manifest import read_manifest
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.data_plan import read_split
from spinesynth.pipelines.datasets import SampleKey, SliceDataset
from spinesynth.pipelines.mixed_dataset import MixedDataset
from spinesynth.pipelines.train import Trainer
from spinesynth.pipelines.training_data import make_dataset, make_training_data
from tests.fabricate import write_manifest

HALF = 0.5


def config(real_share: float, **sections: Any) -> ExperimentConfig:  # noqa: ANN401 YAML
    training = {
        "steps": 2, "validate_every": 2, "batch_size": 2, "patch_size": [32, 32],
        "val_samples": 2, "workers": 0, "real_share": real_share,
    }  # fmt: skip
    values = {"name": "x", "models": ["A"], "network": {"base_features": 2}, "training": training}
    return parse_config(values | sections)


@pytest.fixture
def cases(tmp_path: Path) -> list[Case]:
    return [case for case in read_manifest(write_manifest(tmp_path)) if case.image and case.label]


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return torch.equal(one["image"], other["image"]) and torch.equal(one["target"], other["target"])


def test_without_a_share_nothing_holds_images(cases: list[Case]) -> None:
    data = make_training_data(cases, config(0), model="A")
    assert isinstance(data, SliceDataset)
    assert not data.with_image
    assert all("image" not in data.cache[n] for n in range(len(cases)))


def test_each_sample_is_that_of_a_or_that_of_b(cases: list[Case]) -> None:
    data = make_training_data(cases, config(HALF), model="A")
    assert isinstance(data, MixedDataset)
    a, b = (make_dataset(cases, config(0), model=model) for model in ("A", "B"))
    kinds = set()
    for variant in range(8):
        key = SampleKey(0, variant % len(cases), variant)
        index = data.real_case(key)
        kinds.add(index is None)
        expected = a[key] if index is None else b[SampleKey(0, index, variant)]
        assert same(data[key], expected)
    assert kinds == {True, False}


def test_share_is_what_was_asked_for_and_every_case_comes(cases: list[Case]) -> None:
    data = make_training_data(cases, config(0.3), model="A")
    assert isinstance(data, MixedDataset)
    drawn = [data.real_case(SampleKey(0, 0, n)) for n in range(1000)]
    real = [index for index in drawn if index is not None]
    assert abs(len(real) / 1000 - 0.3) < 0.06  # four standard deviations of the binomial
    assert set(real) == set(range(len(cases)))


def test_phantoms_with_real_images_have_seen_the_patients_and_train(
    cases: list[Case], tmp_path: Path
) -> None:
    mixed = config(HALF, synthesis={"phantom_share": 1, "phantoms": 1})
    trainer = Trainer(mixed, "A", train=cases, validation=cases[:1], folder=tmp_path / "run")
    patients = {case.patient_id for case in cases}
    assert set(trainer.seen_patients) == patients | {"phantom"}
    assert set(trainer.state.cases) == {
        *("training", "training image", "validation", "validation image"),
    }
    trainer.run()
    assert trainer.reached.step == 2


def test_images_that_cannot_be_read_stop_a_mixed_run_alone(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path)
    sources = sorted({case.source for case in read_manifest(manifest)})[:1]
    data = {"train_sources": sources, "test_patients": 1, "val_patients": 1}
    split = read_split(config(0, data=data), manifest)
    torn = next(case.image for case in split.train if case.image)
    torn.write_bytes(b"torn")
    read_split(config(0, data=data), manifest)
    with pytest.raises(InputError, match=torn.name):
        read_split(config(HALF, data=data), manifest)


def test_a_share_of_nothing_is_refused(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path)
    lines = manifest.read_text().splitlines()
    place = lines[0].split(",").index("image")
    without = [lines[0]]
    for line in lines[1:]:
        cells = line.split(",")
        cells[place] = ""
        without.append(",".join(cells))
    manifest.write_text("\n".join(without) + "\n")
    sources = sorted({case.source for case in read_manifest(manifest)})[:1]
    data = {"train_sources": sources, "test_patients": 1, "val_patients": 1}
    with pytest.raises(ConfigError, match=r"E-CONF-003.*real_share 0\.5 .*no training patient"):
        read_split(config(HALF, data=data), manifest)
    with pytest.raises(ConfigError, match=r"real_share: data\.training_labels are painted"):
        config(HALF, data={"training_labels": "em.csv"})
