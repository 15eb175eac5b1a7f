"""A training that was stopped goes on to what one uninterrupted run gives, bit for bit."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pytest
import torch
from torch import nn

from spinesynth.errors import OutputError
from spinesynth.io import atomic
from spinesynth.io.checkpoint import (
    load_checkpoint,
    load_training_state,
)
from spinesynth.pipelines.checkpoint_shelf import checkpoint_path
from spinesynth.pipelines.datasets import SliceDataset
from spinesynth.pipelines.results import training_csv
from spinesynth.pipelines.train import Trainer
from spinesynth.pipelines.training_state import state_path
from tests.pipelines.tiny_training import STEPS, Make, Snapshots, differences, table_of, tiny_config


@pytest.mark.parametrize(
    ("model", "schedule"),
    [
        pytest.param("A", "plateau", marks=pytest.mark.slow, id="A plateau"),
        pytest.param("B", "cosine", id="B cosine"),
    ],
)
def test_every_step_boundary_leads_to_the_same_end(
    make: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    model: Literal["A", "B"],
    schedule: str,
) -> None:
    config = tiny_config(schedule=schedule, checkpoint_every=1)
    with monkeypatch.context() as patch:
        snapshots = Snapshots(tmp_path / "at", patch)
        make(tmp_path / "whole", config, model=model).run()
    reached = [load_training_state(state_path(folder, model)).step for folder in snapshots.folders]
    # after each step, and after the validations at 5, 10 and 12 once more
    assert sorted(set(reached)) == list(range(STEPS + 1))
    assert len(reached) == STEPS + 1 + 3
    again = tiny_config(schedule=schedule)  # the same with fewer files
    for folder in snapshots.folders[:: 1 if model == "A" else 4]:
        make(folder, again, model=model).run(resume=True)
        assert differences(tmp_path / "whole", folder, model=model, exact=False) == []


def test_dropout_and_other_random_layers_go_on_too(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_dropout(folder: Path) -> Trainer:
        trainer = make(folder, tiny_config(checkpoint_every=1))
        learner, drop = trainer.learner, nn.Dropout(0.5)
        logits = learner.logits
        monkeypatch.setattr(learner, "logits", lambda net, image: drop(logits(net, image)))
        return trainer

    with monkeypatch.context() as patch:
        snapshots = Snapshots(tmp_path / "at", patch)
        with_dropout(tmp_path / "whole").run()
    torch.rand(3)  # the global generator stands elsewhere now
    with_dropout(snapshots.folders[7]).run(resume=True)
    weights = [
        load_checkpoint(checkpoint_path(folder, "A", "last")).weights
        for folder in (tmp_path / "whole", snapshots.folders[7])
    ]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_training_leaves_the_global_generators_alone(make: Make, tmp_path: Path) -> None:
    before = torch.random.get_rng_state()
    make(tmp_path, tiny_config(steps=1)).run()
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_do_not_change_the_weights(
    make: Make, tmp_path: Path, whole: Path, workers: int
) -> None:
    make(tmp_path, tiny_config(workers=workers)).run()
    assert table_of(tmp_path).equals(table_of(whole))
    weights = [
        load_checkpoint(checkpoint_path(folder, "A", "last")).weights
        for folder in (tmp_path, whole)
    ]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_finished_training_is_not_trained_again(
    make: Make, tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(whole, tmp_path / "run")
    trainer = make(tmp_path / "run")
    monkeypatch.setattr(trainer, "take_step", lambda batch: pytest.fail("it took a step"))
    seconds = trainer.run(resume=True)
    assert seconds >= pd.read_csv(whole / training_csv("A"))["seconds"].max()
    assert differences(whole, tmp_path / "run") == []


def test_without_resume_a_training_starts_anew(make: Make, tmp_path: Path, whole: Path) -> None:
    shutil.copytree(whole, tmp_path / "run")
    make(tmp_path / "run", tiny_config(steps=1)).run()
    assert list(table_of(tmp_path / "run")["step"]) == ["1"]
    assert load_training_state(state_path(tmp_path / "run", "A")).step == 1


def test_resume_without_a_state_starts_at_the_beginning(
    make: Make, tmp_path: Path, whole: Path
) -> None:
    make(tmp_path).run(resume=True)
    assert differences(whole, tmp_path) == []


def test_what_killed_writers_left_is_removed(make: Make, tmp_path: Path, whole: Path) -> None:
    shutil.copytree(whole, tmp_path / "run")
    left = [tmp_path / "run" / place / ".partial-12-model.pt" for place in ("models", "tables")]
    for path in left:
        path.write_bytes(b"half")
    make(tmp_path / "run").run(resume=True)
    assert [path for path in left if path.exists()] == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("place", ["step", "data", "validation"])
def test_signal_saves_and_leaves_with_its_status(
    make: Make,
    tmp_path: Path,
    whole: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    place: str,
) -> None:
    """Wherever it comes: in the seventh step, at its data, or in the second validation."""
    trainer = make(tmp_path, tiny_config())
    home, name, at, steps = {
        "step": (trainer, "take_step", 6, 7),  # the step is finished
        "data": (SliceDataset, "__getitem__", 6, 6),
        "validation": (trainer, "validate", 1, 10),
    }[place]
    original, calls = getattr(home, name), []

    def interrupted(*words: Any) -> Any:  # noqa: ANN401 passed on
        calls.append(1)
        if len(calls) == at + 1:
            os.kill(os.getpid(), number)
        return original(*words)

    monkeypatch.setattr(home, name, interrupted)
    before = signal.getsignal(number)
    with pytest.raises((SystemExit, KeyboardInterrupt)) as left:
        trainer.run()
    assert isinstance(left.value, KeyboardInterrupt) == (number == signal.SIGINT)
    assert getattr(left.value, "code", 143) == 143
    assert signal.getsignal(number) is before
    assert load_training_state(state_path(tmp_path, "A")).step == steps
    make(tmp_path, tiny_config()).run(resume=True)
    assert table_of(tmp_path).equals(table_of(whole))


def test_signal_after_the_last_step_ends_the_run_too(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make(tmp_path, tiny_config(steps=1))
    finish = trainer._finish_epoch

    def interrupted(scores: dict[str, float]) -> str:
        os.kill(os.getpid(), signal.SIGTERM)
        return finish(scores)

    monkeypatch.setattr(trainer, "_finish_epoch", interrupted)
    with pytest.raises(SystemExit, match="143"):
        trainer.run()


def _scores(monkeypatch: pytest.MonkeyPatch, trainer: Trainer, dice: list[float]) -> None:
    """Let validations score what is given, one after the other."""
    done = len(trainer.reached.rows)
    values = iter(dice[done:])
    monkeypatch.setattr(
        trainer, "validate", lambda: {"val_loss": 1.0, "val_dice_mean": next(values)}
    )


@pytest.mark.parametrize(
    ("patience", "validations"), [(1, 3), (2, 6), (None, 8)], ids=lambda v: f"{v}"
)
def test_training_ends_early_where_validation_stands_still(
    make: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    patience: int | None,
    validations: int,
) -> None:
    """The best are the second and the fourth; equal is not better."""
    dice = [0.1, 0.5, 0.5, 0.6, 0.2, 0.6, 0.3, 0.4]
    config = tiny_config(steps=8, validate_every=1, early_stopping_patience=patience)
    trainer = make(tmp_path, config)
    _scores(monkeypatch, trainer, dice)
    trainer.run()
    assert len(table_of(tmp_path)) == validations
    best = max(range(validations), key=lambda n: (dice[n], -n))
    assert load_checkpoint(checkpoint_path(tmp_path, "A", "best")).step == best + 1
    again = make(tmp_path, config)
    again.run(resume=True)  # it has ended, and stays so
    assert len(table_of(tmp_path)) == validations


def test_count_to_the_early_end_survives_a_stop(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_config(steps=8, validate_every=1, early_stopping_patience=3)
    with monkeypatch.context() as patch:
        snapshots = Snapshots(tmp_path / "at", patch)
        trainer = make(tmp_path / "whole", config)
        _scores(patch, trainer, [0.5, 0.4, 0.4, 0.4])
        trainer.run()
    for folder in snapshots.folders[1::3]:
        rows = load_training_state(state_path(folder, "A")).training["reached"]["rows"]  # type: ignore[index]  # a state has it
        trainer = make(folder, config)
        with monkeypatch.context() as patch:
            trainer.reached.rows = rows  # so that the scores go on where they were
            _scores(patch, trainer, [0.5, 0.4, 0.4, 0.4])
            trainer.run(resume=True)
        assert len(table_of(folder)) == 4


def test_full_disk_leaves_the_older_state(
    make: Make, tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full from the fourth state on, half-way through the file."""
    sync, calls = atomic._sync, []

    def full(path: Path) -> None:
        if "state.pt" in path.name:
            calls.append(path)
            if len(calls) > 4:  # the first is that before all steps
                path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
                raise OSError(28, "No space left on device")
        sync(path)

    monkeypatch.setattr(atomic, "_sync", full)
    with pytest.raises(OutputError, match=r"E-OUT-001.*model_A_state\.pt: could not be written"):
        make(tmp_path, tiny_config(checkpoint_every=1)).run()
    monkeypatch.undo()
    assert load_training_state(state_path(tmp_path, "A")).step == 3
    assert [path for path in tmp_path.rglob(".partial-*")] == []
    make(tmp_path).run(resume=True)
    assert differences(whole, tmp_path) == []
