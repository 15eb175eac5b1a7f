"""A state is of this experiment, these data and whole, or nothing of it is used."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Literal

import pytest
import torch

from spinesynth.errors import CheckpointError, ConfigError
from spinesynth.io.case import Case
from spinesynth.io.checkpoint import (
    load_checkpoint,
    load_training_state,
    save_checkpoint,
)
from spinesynth.pipelines.checkpoint_shelf import checkpoint_path
from spinesynth.pipelines.data_digest import digest_cases
from spinesynth.pipelines.datasets import SliceDataset
from spinesynth.pipelines.train import Trainer
from spinesynth.pipelines.training_state import state_path
from tests.pipelines.tiny_training import Make, tiny_config


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"learning_rate": 0.5}, r"training\.learning_rate is 0\.5, was 0\.002"),
        ({"steps": 13}, r"training\.steps is 13, was 12"),
        (
            {"patch_size": [48, 32], "ema_decay": 0},
            r"ema_decay is 0\.0, was 0\.99; training\.patch_size is \[48, 32\], was \[32, 32\]",
        ),
    ],
    ids=["rate", "steps", "two"],
)
def test_another_configuration_is_refused_by_name(
    make: Make, tmp_path: Path, whole: Path, changes: dict[str, Any], said: str
) -> None:
    shutil.copytree(whole, tmp_path / "run")
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    with pytest.raises(ConfigError, match=rf"E-RUN-004.*model_A_state\.pt.*{said}.*--resume"):
        make(tmp_path / "run", tiny_config(**changes)).run(resume=True)
    assert before == {
        path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()
    }


def test_settings_that_change_nothing_may_differ(make: Make, tmp_path: Path, whole: Path) -> None:
    shutil.copytree(whole, tmp_path / "run")
    config = tiny_config(workers=3, checkpoint_every=7).model_copy(update={"name": "other"})
    make(tmp_path / "run", config).run(resume=True)


@pytest.mark.parametrize("model", ["A", "B"])
def test_other_data_are_refused_by_name(
    cases: list[Case], tmp_path: Path, model: Literal["A", "B"]
) -> None:
    train, held_out, config = cases[1:], cases[:1], tiny_config(steps=1)

    def start(*, train: list[Case], validation: list[Case], resume: bool = True) -> None:
        Trainer(config, model, train=train, validation=validation, folder=tmp_path).run(
            resume=resume
        )

    start(train=train, validation=held_out, resume=False)
    one, two = (case.case_id for case in train[:2])
    for other, said in (
        (train[1:], f"training case {one} is missing"),
        ([*train, *held_out], f"training case {held_out[0].case_id} is new"),
        (train[::-1], "the training cases stand in another order"),
    ):
        with pytest.raises(ConfigError, match=rf"E-RUN-004.*{said}"):
            start(train=other, validation=held_out)
    with pytest.raises(ConfigError, match=rf"validation case {two} is new"):
        start(train=train, validation=[*held_out, train[1]])
    start(train=train, validation=held_out)


def test_changed_voxels_or_another_grid_are_noticed(make: Make, tmp_path: Path) -> None:
    config = tiny_config(steps=1)
    make(tmp_path, config).run()
    for change in ("label", "affine"):
        trainer = make(tmp_path, config)
        assert isinstance(trainer.data, SliceDataset)
        volume = trainer.data.cache[0]["label"]
        (volume if change == "label" else volume.affine)[..., 0, 0] += 1
        trainer.state.cases["training"][:] = digest_cases(trainer.data)
        with pytest.raises(ConfigError, match=r"the content of training case .* has changed"):
            trainer.run(resume=True)


@pytest.fixture
def stopped(whole: Path, tmp_path: Path) -> Path:
    """Return the folder of a run whose state may be damaged."""
    shutil.copytree(whole, tmp_path / "run")
    return tmp_path / "run"


def test_damaged_state_is_refused_before_it_is_used(make: Make, stopped: Path) -> None:
    path = state_path(stopped, "A")
    whole = path.read_bytes()
    trainer = make(stopped)
    weights = {name: value.clone() for name, value in trainer.network.state_dict().items()}
    step = len(whole) // 11
    for place in range(step, len(whole) - step, step):
        for damaged in (
            whole[:place],
            whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :],
        ):
            path.write_bytes(damaged)
            try:
                trainer.state.restore(trainer.learner)
            except CheckpointError as error:
                assert "model_A_state.pt is refused" in str(error)  # noqa: PT017 it may not raise
                now = trainer.network.state_dict()
                assert all(torch.equal(value, now[name]) for name, value in weights.items())
            else:  # the bit fills a gap in the archive
                assert len(damaged) == len(whole)
                trainer = make(stopped)


@pytest.mark.parametrize(
    ("place", "value"),
    [("network.", torch.zeros(7)), ("average.", None), ("optimiser.3.", torch.zeros(7))],
    ids=["network", "average", "optimiser"],
)
def test_state_of_another_network_is_refused(
    make: Make, stopped: Path, place: str, value: torch.Tensor | None
) -> None:
    """Its configuration is the right one, its weights are not."""
    path = state_path(stopped, "A")
    saved = load_training_state(path)
    name = next(name for name in saved.weights if name.startswith(place))
    del saved.weights[name]
    if value is not None:
        saved.weights[name] = value
    save_checkpoint(path, saved)
    with pytest.raises(CheckpointError, match=r"E-CKPT-002.*contents do not fit the training"):
        make(stopped).run(resume=True)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("version", "9.9.9", "version 9.9.9 of the package wrote it, this is"),
        ("model", "B", "it is of model B, not A"),
    ],
)
def test_state_of_another_version_or_model_is_refused(
    make: Make, stopped: Path, field: str, value: str, said: str
) -> None:
    path = state_path(stopped, "A")
    saved = load_training_state(path)
    object.__setattr__(saved, field, value)
    save_checkpoint(path, saved)
    with pytest.raises(ConfigError, match=f"E-RUN-004.*{said}"):
        make(stopped).run(resume=True)


def test_checkpoint_and_state_are_not_taken_for_each_other(make: Make, stopped: Path) -> None:
    state, best = state_path(stopped, "A"), checkpoint_path(stopped, "A", "best")
    with pytest.raises(CheckpointError, match="not of the format spinesynth-checkpoint-2"):
        load_checkpoint(state)
    shutil.copy(best, state)
    with pytest.raises(CheckpointError, match="not of the format spinesynth-training-1"):
        make(stopped).run(resume=True)


def test_other_surroundings_are_told(
    make: Make, stopped: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = state_path(stopped, "A")
    saved = load_training_state(path)
    assert saved.training is not None
    saved.training["surroundings"]["torch"] = "1.0"
    save_checkpoint(path, saved)
    make(stopped).run(resume=True)
    assert "goes on with torch" in caplog.text
    assert "was 1.0: not bit for bit" in caplog.text
