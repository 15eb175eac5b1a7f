"""Trainings that are killed, terminated or run out of disk, in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from spinesynth.io.checkpoint import load_training_state
from spinesynth.pipelines.results import training_csv
from spinesynth.pipelines.training_state import state_path
from tests.pipelines.test_experiment import three_patients
from tests.pipelines.tiny_training import STEPS, differences, tiny_config

ROOT = Path(__file__).parents[2]
_KILLS = 50
_START_S = 120  # importing torch on a busy machine


@pytest.mark.slow
def test_fifty_sudden_ends_change_nothing(tmp_path: Path) -> None:
    """SIGKILL at random instants, half of them within a write; every training ends as one."""
    data, root = three_patients(tmp_path), tmp_path / "runs"
    root.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.pipelines.kill_often", data, root, str(_KILLS), "0"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["ends"]["SIGKILL"] == _KILLS
    assert told["ends"]["whole done"] == told["ends"]["last done"] == 1
    assert "failed" not in told["ends"], done.stderr
    for number in range(1, told["rounds"] + 1):
        assert differences(root / "whole", root / str(number)) == []
        assert [path for path in (root / str(number)).rglob(".partial-*")] == []


def _command(folder: Path, config: Path, data: Path, *more: str) -> list[str]:
    words = ["train", "--config", config, "--data", data, "--save-dir", folder, *more]
    return [sys.executable, "-m", "spinesynth", *map(str, words)]


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(tiny_config(steps=400).model_dump(mode="json")))
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status", "workers"), [(signal.SIGTERM, 143, 0), (signal.SIGINT, 130, 2)]
)
def test_terminated_command_saves_and_says_how_to_go_on(
    tmp_path: Path, config_file: Path, number: signal.Signals, status: int, workers: int
) -> None:
    """To the whole group, as a terminal and a cluster send it: loaders get it too."""
    data, folder = three_patients(tmp_path), tmp_path / "run"
    config = yaml.safe_load(config_file.read_text())
    config["training"]["workers"] = workers
    config_file.write_text(yaml.safe_dump(config))
    process = subprocess.Popen(
        _command(folder, config_file, data),
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    until = time.monotonic() + _START_S
    while not (folder / training_csv("A")).exists():
        assert time.monotonic() < until, "no validation"
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    os.killpg(process.pid, number)
    asked = time.monotonic()
    _, said = process.communicate(timeout=_START_S)
    # the promise is 10 s, of a machine that has a core to spare: a busy one gives a share of it
    share = min(1.0, (os.cpu_count() or 1) / max(os.getloadavg()[0], 1e-9))
    assert time.monotonic() - asked < 10 / share
    assert process.returncode == status, said
    reached = load_training_state(state_path(folder, "A")).step
    assert f"model A: stopped by {number.name} after step {reached} of 400" in said
    assert "Traceback" not in said


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a file system of 256 KB, where this process may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("no right to mount a file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.slow
def test_full_disk_has_its_status_and_leaves_older_files(
    tmp_path: Path, config_file: Path, small_disk: Path
) -> None:
    """The first state fits beside the split, another checkpoint does not."""
    data, older = three_patients(tmp_path), small_disk / "older.csv"
    older.write_bytes(b"1" * 1000)
    done = subprocess.run(
        _command(small_disk, config_file, data), cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 4, done.stderr
    assert "[E-OUT-001]" in done.stderr
    assert "space left" in done.stderr
    assert "Traceback" not in done.stderr
    assert older.read_bytes() == b"1" * 1000
    assert [path for path in small_disk.rglob(".partial-*")] == []
    if state_path(small_disk, "A").exists():
        assert load_training_state(state_path(small_disk, "A")).step < STEPS
