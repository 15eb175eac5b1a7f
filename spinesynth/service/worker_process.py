"""What runs in the worker process: one job after another, with weights loaded once.

Both sides speak JSON over a pipe, never pickles: what a scan made of the worker cannot make
anything of the server.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from spinesynth.errors import SpineSynthError
from spinesynth.io.atomic import write_text
from spinesynth.service.job import RESULT_FILES
from spinesynth.service.problem import problem_of

#: Segments a file into an empty folder, under the names of ``RESULT_FILES``; returns its report.
SegmentFile = Callable[[Path, Path], dict[str, Any]]
#: Makes one, in the worker; must survive pickling.
Prepare = Callable[[], SegmentFile]

_LOG = logging.getLogger(__name__)
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def run_worker(prepare: Prepare, connection: Connection, memory_bytes: int | None) -> None:
    """Answer jobs until the other side closes.

    Args:
        prepare: called once.
        connection: to the server.
        memory_bytes: of address space that may be used; None for no limit.
    """
    _die_with_parent()
    for number in (signal.SIGINT, signal.SIGTERM):  # the server decides when this ends
        signal.signal(number, signal.SIG_IGN)
    try:
        segment = prepare()
    except SpineSynthError as error:
        message = str(error).removeprefix(f"[{error.code}] ")
        _send(connection, {"refused": message, "code": error.code, "exit": error.exit_code})
        return
    if memory_bytes is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    _send(connection, {"ready": True})
    while True:
        try:
            asked = json.loads(connection.recv_bytes())
        except EOFError:
            return
        _send(connection, _answer(segment, Path(asked["source"]), Path(asked["output"])))


def _answer(segment: SegmentFile, source: Path, output: Path) -> dict[str, Any]:
    """Do one job and return what became of it."""
    try:
        output.mkdir(mode=0o700)
        report = segment(source, output)
        text = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False)
        write_text(output / RESULT_FILES["json"], text + "\n")
    except Exception as error:  # whatever one scan breaks is its answer; the worker takes the next
        if not isinstance(error, SpineSynthError):
            _LOG.exception("a job failed")
        names = {str(source): source.name, f"{source.parent}{os.sep}": ""}
        problem = problem_of(error, names=names)
        return {"status": problem.status, "code": problem.code, "detail": problem.detail}
    return {"done": True}


def _send(connection: Connection, message: dict[str, Any]) -> None:
    connection.send_bytes(json.dumps(message).encode())


def _die_with_parent() -> None:
    """End this process when the one that started it does, however that ends."""
    parent = parent_process()
    assert parent is not None  # it was spawned
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent.pid:  # it ended before this was asked
            os._exit(1)

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
