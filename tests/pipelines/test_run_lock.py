"""One run in a folder: the second learns who is there, and a dead one is no hindrance."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from filelock import FileLock

from spinesynth.errors import ConfigError
from spinesynth.pipelines import run_lock
from spinesynth.pipelines.run_lock import hold_folder

ROOT = Path(__file__).parents[2]
_HOLD = """
import sys, os, time
from pathlib import Path
from spinesynth.pipelines.run_lock import hold_folder
with hold_folder(Path(sys.argv[1])):
    if len(sys.argv) > 2 and os.fork() == 0:  # as a process that loads data
        time.sleep(float(sys.argv[2]))
        os._exit(0)
    print("held", flush=True)
    time.sleep(100)
"""


def _hold(folder: Path, *more: str) -> subprocess.Popen[str]:
    """Start a process that holds a folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(folder), *more],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.parametrize("ending", [(), ("2",)], ids=["alone", "a loader outlives it"])
def test_second_learns_who_holds_it_and_takes_over_from_the_dead(
    tmp_path: Path, ending: tuple[str, ...]
) -> None:
    holder = _hold(tmp_path, *ending)
    with (
        pytest.raises(
            ConfigError,
            match=rf"E-RUN-001.* in use by process {holder.pid} on \S+ since 2\d{{3}}-.*--save-dir",
        ),
        hold_folder(tmp_path),
    ):
        pytest.fail("two hold one folder")
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert holder.stdout is not None
    holder.stdout.close()
    with hold_folder(tmp_path):
        assert json.loads((tmp_path / ".lock.json").read_text())["pid"] == os.getpid()
    assert not (tmp_path / ".lock.json").exists()


def test_holder_is_told_from_when_on(tmp_path: Path) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    with hold_folder(tmp_path / "new"):
        holder = json.loads((tmp_path / "new" / ".lock.json").read_text())
    assert before <= datetime.fromisoformat(holder["since"]) <= datetime.now(UTC)


@pytest.mark.parametrize("note", [None, "no JSON", "[1]", '{"pid": "x"}'])
def test_unreadable_note_changes_no_more_than_the_message(tmp_path: Path, note: str | None) -> None:
    if note is not None:
        (tmp_path / ".lock.json").write_text(note)
    with (
        FileLock(tmp_path / ".lock"),
        pytest.raises(ConfigError, match=r"in use by (another run|process)"),
        hold_folder(tmp_path),
    ):
        pytest.fail("two hold one folder")
    with hold_folder(tmp_path):
        pass


def test_dead_process_of_another_machine_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".lock.json").write_text('{"pid": 999999999, "host": "far", "since": "now"}')
    monkeypatch.setattr(run_lock, "_DEATH_S", 1000)
    with (
        FileLock(tmp_path / ".lock"),
        pytest.raises(ConfigError, match="process 999999999 on far since now"),
        hold_folder(tmp_path),
    ):
        pytest.fail("two hold one folder")


def test_folder_is_free_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), hold_folder(tmp_path):
        raise ZeroDivisionError
    with hold_folder(tmp_path):
        pass
