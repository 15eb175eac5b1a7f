"""What segments in these tests: it does what the uploaded file says, in the worker process."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from spinesynth.errors import CheckpointError, InputError
from spinesynth.service.worker_process import SegmentFile

#: Longer than any test lasts.
_FOREVER_S = 600.0
_STEP_S = 0.01


def prepare(control: Path) -> SegmentFile:
    """Return what segments; ``control`` is a folder where tests and worker meet."""
    with (control / "workers").open("a") as file:
        file.write(f"{os.getpid()}\n")
    return partial(_segment, control)


def refuse_weights() -> SegmentFile:
    raise CheckpointError("weights are damaged", code="E-CKPT-002")


def _segment(control: Path, source: Path, output: Path) -> dict[str, Any]:
    word = source.read_bytes().decode()
    if word in _ACTS:
        _ACTS[word](control, source)
    (output / "labels.nii.gz").write_bytes(b"labels of " + word.encode())
    (output / "preview.png").write_bytes(b"picture")
    return {"word": word, "name": source.name}


def _refuse(control: Path, source: Path) -> None:
    raise InputError(f"{source}: file is cut off in {source.parent}/x", code="E-FMT-002")


def _defect(control: Path, source: Path) -> None:
    raise ZeroDivisionError(f"a defect at {source}")


def _die(control: Path, source: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_once(control: Path, source: Path) -> None:
    if not (control / "died").exists():
        (control / "died").touch()
        _die(control, source)


def _wait(control: Path, source: Path) -> None:
    (control / "running").touch()
    wait_until((control / "go").exists, limit_s=_FOREVER_S)


def _hang(control: Path, source: Path) -> None:
    (control / "running").touch()
    time.sleep(_FOREVER_S)


_ACTS: dict[str, Callable[[Path, Path], None]] = {
    "refuse": _refuse, "defect": _defect, "die": _die, "die once": _die_once, "wait": _wait,
    "hang": _hang,
}  # fmt: skip


def wait_until(holds: Callable[[], object], *, limit_s: float = 30.0) -> None:
    """Wait for something that happens soon; the limit only ends a test that is broken."""
    end_s = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < end_s, "it never happened"
        time.sleep(_STEP_S)


def is_running(pid: int) -> bool:
    """Say whether a process runs; one that has ended and waits for its parent does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
