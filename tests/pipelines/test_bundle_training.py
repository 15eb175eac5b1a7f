"""A bundle trains in MONAI's trainer on the samples of our training."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from spinesynth.cli import run
from spinesynth.io.checkpoint import load_checkpoint, save_checkpoint
from spinesynth.pipelines.bundle_train_config import training
from spinesynth.pipelines.bundle_training import (
    BundleLoss,
    EpochKeys,
    prepare_batch,
    training_samples,
)
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.datasets import SampleKey, make_loader
from tests.pipelines.tiny_checkpoint import write_checkpoint

# MONAI's bundle tools and ignite deprecate things of their own
pytestmark = pytest.mark.filterwarnings("ignore")

VALUES: dict[str, Any] = {
    "name": "tiny",
    "target_scheme": "spine6",
    "network": {"base_features": 2},
    "synthesis": {"phantom_share": 1.0, "phantoms": 1},
    "training": {
        "patch_size": [32, 32], "steps": 2, "validate_every": 1, "batch_size": 2, "workers": 0,
        "start_from": "here/m.pt",
    },
}  # fmt: skip


def checkpoint(folder: Path) -> Path:
    """Write a checkpoint of a training on one phantom alone."""
    path = write_checkpoint(folder / "m.pt")
    told = parse_config(VALUES).model_dump(mode="json")
    save_checkpoint(path, replace(load_checkpoint(path), config=told))
    return path


@pytest.fixture(scope="module")
def experiment() -> ExperimentConfig:
    return parse_config(VALUES)


def test_epochs_have_the_samples_of_our_training(experiment: ExperimentConfig) -> None:
    samples = training_samples(experiment, "A", "no such folder")
    keys = EpochKeys(samples, experiment, 2)
    assert len(keys) == 4
    epochs = [list(keys) for _ in range(2)]
    for number, names in enumerate(epochs):
        loader = make_loader(samples, samples=4, epoch=number, config=experiment)
        assert loader.sampler is not None
        assert names == list(loader.sampler)
    assert epochs[0] != epochs[1]


def test_loss_is_that_of_our_training(experiment: ExperimentConfig) -> None:
    samples = training_samples(experiment, "A", "")
    batch = samples.as_batch([samples[SampleKey(0, 0, number)] for number in range(2)])
    image, label = prepare_batch(batch, "cpu", False, further=1)
    logits = nn.Conv2d(1, 6, 3, padding=1)(image).detach()
    loss = BundleLoss(experiment)
    assert torch.equal(loss(logits, label), loss.loss(logits, batch["target"], batch["groups"]))


def test_configuration_has_every_property_that_monai_asks_for(tmp_path: Path) -> None:
    from monai.bundle.properties import TrainProperties
    from monai.utils.enums import BundleProperty, BundlePropertyConfig

    saved = load_checkpoint(checkpoint(tmp_path))
    content = training(saved, parse_config(saved.config))
    for entry in TrainProperties.values():
        place: Any = content
        if entry[BundleProperty.REQUIRED]:
            for key in str(entry[BundlePropertyConfig.ID]).split("::"):
                assert key in place, entry
                place = place[key]
    assert content["train"]["trainer"]["max_epochs"] == 2
    assert content["experiment"]["values"]["training"]["start_from"] is None
    assert "here" not in json.dumps(content)  # nothing of the disk that it was made on


@pytest.mark.slow
def test_command_run_trains_the_network_on(tmp_path: Path) -> None:
    """In a process of its own: pytest's strict warnings keep ignite from being imported here."""
    for package in ("fire", "ignite"):
        pytest.importorskip(package)
    words = ["--checkpoint", str(checkpoint(tmp_path)), "-o", str(tmp_path / "spine")]
    assert run(["export", "bundle", *words], command="test") == 0
    command = [sys.executable, "-m", "monai.bundle", "run", "--bundle_root", "."]
    command += ["--config_file", "configs/train.json", "--finetune", "True"]
    done = subprocess.run(command, cwd=tmp_path / "spine", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    models = tmp_path / "spine" / "models"
    before = torch.load(models / "model.pt", weights_only=True)
    after = torch.load(models / "model_trained.pt", weights_only=True)
    after = after.get("model", after)
    moved = [float((value - after[name]).abs().max()) for name, value in before.items()]
    # it learnt; two steps of Adam move a weight by little more than twice the learning rate
    rate = parse_config(VALUES).training.learning_rate
    assert 0 < max(moved) < 3 * rate
