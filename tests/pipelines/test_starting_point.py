"""Training that starts from a checkpoint: its weights, its patients, its mode, or a refusal."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from spinesynth.errors import CheckpointError, ConfigError
from spinesynth.io.checkpoint import load_checkpoint
from spinesynth.io.manifest import read_manifest
from spinesynth.pipelines.checkpoint_shelf import checkpoint_path
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.experiment import run_experiment, train_models
from spinesynth.pipelines.results import RUN_JSON
from spinesynth.pipelines.starting_point import mode_of, read_start
from spinesynth.pipelines.train import Trainer
from tests.pipelines.many_patients import write_patients
from tests.pipelines.tiny_checkpoint import write_checkpoint
from tests.pipelines.tiny_training import tiny_values


def config(start: Path | None, **sections: Any) -> ExperimentConfig:  # noqa: ANN401 YAML
    values = tiny_values(
        {"start_from": str(start) if start else None},
        models=["B"],
        evaluation={"resolution_factors": [1]},
    )
    return parse_config(values | sections)


def test_weights_patients_and_mode_of_the_checkpoint_are_taken_over(tmp_path: Path) -> None:
    data = write_patients(tmp_path / "data", {"home": 3})
    start = write_checkpoint(tmp_path / "start.pt", seen_patients=("ann", "bob"))
    cases = read_manifest(data)
    trainer = Trainer(
        config(start), "B", train=cases[:1], validation=cases[1:2], folder=tmp_path / "run"
    )
    weights = load_checkpoint(start).weights
    for network in (trainer.network, trainer.average.module):
        taken = network.state_dict()
        assert all(torch.equal(taken[name], weights[name]) for name in weights)
    assert set(trainer.seen_patients) == {"ann", "bob", "home0", "home1"}
    trainer.run()
    saved = load_checkpoint(checkpoint_path(trainer.folder, "B", "best"))
    assert saved.mode == "phantom+real-images"  # the tiny checkpoint is of phantoms


def test_record_names_the_checkpoint_and_what_it_used(tmp_path: Path) -> None:
    data = write_patients(tmp_path / "data", {"home": 3})
    first = train_models(config(None), data=data, folder=tmp_path / "b", command="test")
    assert "Model B" in first
    start = checkpoint_path(tmp_path / "b", "B", "best")
    train_models(config(start, models=["A"]), data=data, folder=tmp_path / "a", command="test")
    record = json.loads((tmp_path / "a" / RUN_JSON).read_text())
    assert record["mode"] == "real-images+label-only"
    told = record["started_from"]
    assert told["sha256"] == hashlib.sha256(start.read_bytes()).hexdigest()
    assert (told["model"], told["mode"], told["seen_patients"]) == ("B", "real-images", 2)
    assert json.loads((tmp_path / "b" / RUN_JSON).read_text())["started_from"] is None


def test_mode_of_a_checkpoint_that_does_not_say_follows_from_its_configuration(
    tmp_path: Path,
) -> None:
    """Label maps of elsewhere are clusters; only real scans choose by whole volumes."""
    old = load_checkpoint(write_checkpoint(tmp_path / "old.pt"))
    data = {"train_sources": ["clinic"], "training_labels": "clusters/cases.csv"}
    found = [
        mode_of(tmp_path, replace(old, config={**old.config, "data": part}, selection=choice))
        for part in ({"train_sources": ["clinic"]}, data)
        for choice in ("", "real scans")
    ]
    assert found == ["label-only", "label-only+real-choice", "label+EM", "label+EM+real-choice"]
    assert mode_of(tmp_path, replace(old, model="B", selection="real scans")) == (
        "phantom+real-choice"
    )


@pytest.mark.parametrize(
    ("sections", "match"),
    [
        ({"network": {"base_features": 4}}, r"E-CKPT-002.*weights do not fit the network"),
        ({"network": {"slices": 3, "base_features": 2}}, "weights do not fit the network"),
        ({"target_scheme": "semantic4"}, "label scheme is spine6, that of the training is semant"),
    ],
)
def test_checkpoint_of_another_network_is_refused_before_anything_is_written(
    tmp_path: Path, sections: dict[str, Any], match: str
) -> None:
    data = write_patients(tmp_path / "data", {"home": 3})
    start = write_checkpoint(tmp_path / "start.pt")
    with pytest.raises(CheckpointError, match=match):
        train_models(config(start, **sections), data=data, folder=tmp_path / "run", command="t")
    assert not (tmp_path / "run").exists()


def test_missing_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"E-CKPT-001.*gone\.pt"):
        read_start(config(tmp_path / "gone.pt"))


def test_global_generator_is_left_alone(tmp_path: Path) -> None:
    start = write_checkpoint(tmp_path / "start.pt")
    before = torch.random.get_rng_state()
    assert read_start(config(start)) is not None
    assert torch.equal(before, torch.random.get_rng_state())


def test_patients_of_the_checkpoint_cannot_test(tmp_path: Path) -> None:
    data = write_patients(tmp_path / "data", {"home": 3})
    seen = tuple(f"home{n}" for n in range(3))
    start = write_checkpoint(tmp_path / "start.pt", seen_patients=seen)
    with pytest.raises(ConfigError, match=r"E-CONF-032.*would test it: home\d; use the split"):
        run_experiment(config(start), data=data, folder=tmp_path / "run", command="test")
    assert not (tmp_path / "run").exists()


def test_another_file_under_the_same_name_cannot_be_gone_on_with(tmp_path: Path) -> None:
    data = write_patients(tmp_path / "data", {"home": 3})
    start = write_checkpoint(tmp_path / "start.pt")
    train_models(config(start), data=data, folder=tmp_path / "run", command="test")
    write_checkpoint(start, seen_patients=("ann",))
    with pytest.raises(ConfigError, match=r"E-RUN-004.*content of starting case start\.pt has"):
        train_models(config(start), data=data, folder=tmp_path / "run", command="test", resume=True)
