"""A training of twelve steps, as small as it goes, and what is compared of its outcome."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from spinesynth.io.checkpoint import Checkpoint, load_checkpoint, load_training_state
from spinesynth.pipelines.checkpoint_shelf import checkpoint_path
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.results import MODELS, choice_csv, training_csv
from spinesynth.pipelines.train import Trainer
from spinesynth.pipelines.training_state import TrainingState, state_path

STEPS = 12
Make = Callable[..., Trainer]


class Snapshots:
    """Keep the folder of a run as it is after each saved state."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folders: list[Path] = []
        save = TrainingState.save

        def kept(state: TrainingState, *words: Any) -> None:  # noqa: ANN401 passed on
            save(state, *words)
            self.folders.append(root / str(len(self.folders)))
            shutil.copytree(state.path.parents[1], self.folders[-1])

        monkeypatch.setattr(TrainingState, "save", kept)


def tiny_values(training: Mapping[str, object] | None = None, **sections: object) -> dict[str, Any]:
    """Return what a configuration file of one step would hold.

    Args:
        training: settings of that section, beside those that keep it small.
        sections: that replace the others.
    """
    settings = {
        "steps": 1, "validate_every": 1, "batch_size": 1, "patch_size": [32, 32],
        "val_samples": 1, "workers": 0,
    }  # fmt: skip
    values = {
        "name": "tiny",
        "data": {"train_sources": ["home"], "test_patients": 1, "val_patients": 1},
        "network": {"base_features": 2},
        "training": settings | dict(training or {}),
    }
    return values | sections


def tiny_config(**training: object) -> ExperimentConfig:
    """Return 12 steps with validations after 5, 10 and 12."""
    settings = {"steps": STEPS, "validate_every": 5, "plateau_patience": 0} | training
    return parse_config(tiny_values(settings, models=["A"]))


def table_of(folder: Path, model: str = "A") -> pd.DataFrame:
    """Return the table of training but for the seconds, which no two runs share."""
    return pd.read_csv(folder / training_csv(model), dtype=str).drop(columns="seconds")


def _same(one: Checkpoint, other: Checkpoint) -> bool:
    return one.weights.keys() == other.weights.keys() and all(
        torch.equal(value, other.weights[name]) for name, value in one.weights.items()
    )


def _training(state: Checkpoint) -> dict[str, Any]:
    """Return what a state holds besides tensors, but for its seconds."""
    assert state.training is not None
    reached = dict(state.training["reached"], seconds=None)
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in reached["rows"]]
    return {**state.training, "reached": {**reached, "rows": rows}}


def differences(one: Path, other: Path, *, model: str = "A", exact: bool = True) -> list[str]:
    """Return what differs between what two runs have left of a model.

    Args:
        one: folder of a run.
        other: of another.
        model: whose.
        exact: compare the bytes of the checkpoints too, which hold the configuration.
    """
    found = []
    for name in ("best", "last"):
        files = [checkpoint_path(folder, model, name) for folder in (one, other)]
        if exact and files[0].read_bytes() != files[1].read_bytes():
            found.append(f"bytes of {name}")
        first, second = (load_checkpoint(path) for path in files)
        if not _same(first, second) or first.step != second.step:
            found.append(f"weights of {name}")
    kept = [
        {path.name: path.read_bytes() if exact else b"" for path in _kept(folder, model)}
        for folder in (one, other)
    ]
    if kept[0] != kept[1]:
        found.append("kept checkpoints")
    states = [load_training_state(state_path(folder, model)) for folder in (one, other)]
    if not _same(*states):
        found.append("tensors of the state")
    if _training(states[0]) != _training(states[1]):
        found.append("values of the state")
    if not table_of(one, model).equals(table_of(other, model)):
        found.append("table")
    choices = [folder / choice_csv(model) for folder in (one, other)]
    if len({path.read_bytes() if path.exists() else b"" for path in choices}) > 1:
        found.append("table of the final choice")
    return found


def _kept(folder: Path, model: str) -> list[Path]:
    return sorted((folder / MODELS).glob(f"model_{model}_step*.pt"))


def kept_steps(folder: Path, model: str = "A") -> list[int]:
    """Return the steps of the checkpoints that a run keeps, as they say themselves."""
    return [load_checkpoint(path).step for path in _kept(folder, model)]


def set_scores(monkeypatch: pytest.MonkeyPatch, trainer: Trainer, dice: list[float]) -> None:
    """Let the validation after step n score the n-th of some Dice."""
    monkeypatch.setattr(
        trainer,
        "validate",
        lambda: {"val_loss": 1.0, "val_dice_mean": dice[trainer.reached.step - 1]},
    )
