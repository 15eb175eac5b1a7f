"""Several processes that share the batches of one training."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn

from spinesynth.cli import run
from spinesynth.errors import ConfigError
from spinesynth.io.checkpoint import Checkpoint, load_training_state
from spinesynth.pipelines.datasets import KeySampler
from spinesynth.pipelines.follower import refuse_unshared
from spinesynth.pipelines.interrupt import SafeStops, Stopped
from spinesynth.pipelines.rank_place import RankPlace, find_place, refuse_other_commands
from spinesynth.pipelines.ranks import ALONE, current_ranks
from spinesynth.pipelines.training_state import state_path
from tests.pipelines.test_experiment import three_patients
from tests.pipelines.tiny_training import differences, table_of, tiny_config

ROOT = Path(__file__).parents[2]
#: Sums over a batch are taken in another order. After five steps that came to 6e-8, one rounding
#: of a weight near 1; 1e-5 leaves room for other processors, and is far below what steps change.
#: Plain steps alone: those of Adam are as large for a gradient that is a rounding as for any.
_TOLERANCE = 1e-5
TORCHRUN = {
    "RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1",
    "MASTER_ADDR": "localhost", "MASTER_PORT": "29500",
}  # fmt: skip


def test_process_without_torchrun_is_alone() -> None:
    assert find_place({}) is None
    assert find_place({"MASTER_ADDR": "node1", "LOCAL_RANK": "0"}) is None  # for another program
    assert find_place({**TORCHRUN, "RANK": "0", "WORLD_SIZE": "1"}) is None
    assert current_ranks() is ALONE


@pytest.mark.parametrize("name", ["RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"])
def test_incomplete_environment_is_refused(name: str) -> None:
    environment = {key: value for key, value in TORCHRUN.items() if key != name}
    with pytest.raises(ConfigError, match=rf"E-CONF-060.*: {name} not set beside .*WORLD_SIZE"):
        find_place(environment)


@pytest.mark.parametrize(
    ("name", "value"),
    [("RANK", "2"), ("RANK", "-1"), ("LOCAL_RANK", "2"), ("WORLD_SIZE", "x"), ("MASTER_PORT", "0")],
)
def test_impossible_environment_is_refused(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=r"E-CONF-060.*expected"):
        find_place({**TORCHRUN, name: value})


@pytest.mark.parametrize(("rank", "lines"), [("0", 1), ("1", 0)])
def test_only_rank_0_says_that_a_command_cannot_be_shared(
    rank: str, lines: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {**TORCHRUN, "LOCAL_RANK": "0", "RANK": rank}.items():
        monkeypatch.setenv(name, value)
    assert run(["predict", "--help"], command="test") == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == lines
    assert all("E-CONF-061" in line and "only train and experiment can" in line for line in said)


@pytest.mark.parametrize("words", [[], ["--help"], ["train"], ["experiment", "--resume"]])
def test_trainings_can_be_shared(words: list[str]) -> None:
    refuse_other_commands(words, RankPlace(0, 2, 0))


class _Three:
    """What is asked of ranks, without the other two."""

    rank, size = 0, 3


@pytest.mark.parametrize(("size", "nearest"), [(1, "3"), (8, "6 or 9")])
def test_batch_that_cannot_be_divided_is_refused(size: int, nearest: str) -> None:
    config = tiny_config(batch_size=size)
    with pytest.raises(ConfigError, match=rf"E-CONF-062.*multiple of the 3 .*use {nearest},"):
        refuse_unshared(config, _Three())  # type: ignore[arg-type]  # it looks at the size alone
    refuse_unshared(config, ALONE)


def test_batch_normalisation_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny_config(batch_size=3)
    refuse_unshared(config, _Three())  # type: ignore[arg-type]  # as above
    monkeypatch.setattr(
        "spinesynth.pipelines.follower.build_network", lambda _: nn.Sequential(nn.BatchNorm2d(2))
    )
    with pytest.raises(ConfigError, match=r"E-CONF-061.*batch normalisation"):
        refuse_unshared(config, _Three())  # type: ignore[arg-type]  # as above
    refuse_unshared(config, ALONE)


@pytest.mark.parametrize("size", [1, 2, 3, 6])
@pytest.mark.parametrize("skip", [0, 12])
def test_shares_of_a_batch_make_up_the_batch(size: int, skip: int) -> None:
    common: dict[str, Any] = {"samples": 24, "epoch": 3, "run_seed": 5, "skip": skip}
    whole = list(KeySampler(4, **common))
    shares = [
        list(KeySampler(4, **common, share=(rank, size), batch_size=6)) for rank in range(size)
    ]
    assert all(len(share) == len(whole) // size for share in shares)
    assert len(KeySampler(4, **common, share=(0, size), batch_size=6)) == len(shares[0])
    mine = 6 // size
    for batch in range(len(whole) // 6):
        joined = [key for share in shares for key in share[batch * mine : (batch + 1) * mine]]
        assert joined == whole[batch * 6 : (batch + 1) * 6]


def test_alone_nothing_is_asked_of_anybody() -> None:
    weight = nn.Parameter(torch.ones(2))
    weight.grad = torch.tensor([1.0, 2.0])
    assert ALONE.average_gradients([weight], 0.5) == 0.5
    assert weight.grad.tolist() == [1.0, 2.0]
    assert (ALONE.agree(15), ALONE.hand_out("x")) == (15, "x")
    ALONE.announce()


def test_all_stop_where_one_was_asked_to() -> None:
    """Another process was sent SIGTERM while the third item was waited for."""
    answers = iter([0, 0, 15])
    seen: list[int] = []
    with SafeStops() as stops, pytest.raises(Stopped, match="SIGTERM"):
        seen.extend(stops.each(range(1, 9), agree=lambda mine: mine or next(answers)))
    assert next(answers, None) is None  # it was asked three times


def _run_ranks(
    size: int, folder: Path, config: Path, data: Path, *more: str, disturb: str = "whole"
) -> dict[str, Any]:
    program = [sys.executable, "-m", "tests.pipelines.rank_processes"]
    words = [
        "train",
        "--config",
        str(config),
        "--data",
        str(data),
        "--save-dir",
        str(folder),
        *more,
    ]
    done = subprocess.run(
        [*program, str(size), disturb, folder, *words],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told | {"said": done.stderr}


def _write(path: Path, *, paint_on: str = "loader", **training: object) -> Path:
    values = tiny_config(**training).model_dump(mode="json")
    values["synthesis"]["paint_on"] = paint_on
    path.write_text(yaml.safe_dump(values))
    return path


def _state(folder: Path) -> Checkpoint:
    return load_training_state(state_path(folder, "A"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"accumulate_steps": 2, "workers": 1},
        {"centre_weight": 10.0},
        {"workers": 1, "paint_on": "device"},
    ],
    ids=["", "in parts", "centres", "painted"],
)
def test_two_ranks_train_as_one_with_the_same_batch(tmp_path: Path, more: dict[str, Any]) -> None:
    config = _write(
        tmp_path / "five.yaml", steps=5, validate_every=3, batch_size=4, precision="float32",
        optimiser="sgd", learning_rate=1e-2, **more,
    )  # fmt: skip
    data = three_patients(tmp_path)
    told = [_run_ranks(size, tmp_path / str(size), config, data)["statuses"] for size in (1, 2)]
    assert told == [[0], [0, 0]]
    one, two = (_state(tmp_path / name) for name in ("1", "2"))
    assert one.step == two.step == 5
    _assert_close(one, two)
    rows = [table_of(tmp_path / name)["train_loss"].astype(float).tolist() for name in ("1", "2")]
    assert rows[1] == pytest.approx(rows[0], rel=1e-5)


@pytest.mark.slow
def test_stopped_ranks_go_on_as_any_number_of_ranks(tmp_path: Path) -> None:
    config = _write(
        tmp_path / "tiny.yaml", batch_size=2, precision="float32", optimiser="sgd",
        learning_rate=1e-2, early_stopping_patience=9,
    )  # fmt: skip
    data = three_patients(tmp_path)
    whole, stopped, alone = (tmp_path / name for name in ("whole", "stopped", "alone"))
    assert _run_ranks(2, whole, config, data)["statuses"] == [0, 0]
    told = _run_ranks(2, stopped, config, data, disturb="all:15")
    assert told["statuses"] == [143, 143], told["said"]
    assert told["seconds"] < 10
    assert told["said"].count("stopped by SIGTERM") == 1
    assert 5 <= _state(stopped).step < 12
    shutil.copytree(stopped, alone)
    assert _run_ranks(2, stopped, config, data, "--resume")["statuses"] == [0, 0]
    assert differences(whole, stopped) == []
    assert _run_ranks(1, alone, config, data, "--resume")["statuses"] == [0]
    _assert_close(_state(whole), _state(alone))


@pytest.mark.slow
def test_error_of_the_leader_is_that_of_all_and_said_once(tmp_path: Path) -> None:
    config = _write(tmp_path / "tiny.yaml", batch_size=2, optimiser="sgd", learning_rate=1e30)
    told = _run_ranks(2, tmp_path / "run", config, three_patients(tmp_path))
    assert told["statuses"] == [2, 2]
    assert told["said"].count("E-TRAIN-001") == 1


@pytest.mark.slow
@pytest.mark.parametrize("killed", [0, 1])
def test_no_rank_waits_for_a_dead_one(tmp_path: Path, killed: int) -> None:
    config = _write(tmp_path / "tiny.yaml", batch_size=2, steps=400)
    disturb = f"{killed}:{signal.SIGKILL}"
    told = _run_ranks(2, tmp_path / "run", config, three_patients(tmp_path), disturb=disturb)
    statuses = told["statuses"]
    assert statuses.pop(killed) == -signal.SIGKILL
    assert statuses == [4]
    assert told["said"].count("E-RUN-003") == 1


def _assert_close(one: Checkpoint, other: Checkpoint) -> None:
    for name, value in one.weights.items():
        torch.testing.assert_close(other.weights[name], value, rtol=_TOLERANCE, atol=_TOLERANCE)
