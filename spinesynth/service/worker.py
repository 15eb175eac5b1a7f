"""The worker process as the server holds it: start, one job, kill."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from spinesynth.errors import (
    CheckpointError,
    ConfigError,
    InputError,
    OutputError,
    SpineSynthError,
)
from spinesynth.service.limits import Limits
from spinesynth.service.problem import Problem, ProblemError
from spinesynth.service.worker_process import Prepare, run_worker

#: How often it is asked whether to go on waiting.
_GLANCE_S = 0.2
_ERRORS: tuple[type[SpineSynthError], ...] = (
    ConfigError, InputError, OutputError, CheckpointError,
)  # fmt: skip


class WorkerDiedError(Exception):
    """The process ended before it answered."""


class WorkerLateError(Exception):
    """The process did not answer in time."""


class WorkerStoppedError(Exception):
    """The server stops and waits no longer."""


class Worker:
    """Hold one worker process.

    It must be started by a thread that lives as long as it shall: Linux ends it with that thread.

    Args:
        prepare: makes what segments, in the process.
        limits: its times and memory.
    """

    def __init__(self, prepare: Prepare, limits: Limits) -> None:
        # spawn: a fork of a process with threads may hang, and would hold the server's sockets
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=run_worker, args=(prepare, theirs, limits.memory_bytes), name="segmenter"
        )
        self._limits, self.jobs = limits, 0
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int | None:
        """Return the number of the process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.is_alive()

    def wait_ready(self, *, give_up: Callable[[], bool]) -> None:
        """Wait until weights are loaded.

        Args:
            give_up: asked again and again whether to stop waiting.

        Raises:
            SpineSynthError: as the process raised it; nothing will mend it but the user.
            WorkerDiedError: if it ended.
            WorkerLateError: if it took longer than it may.
            WorkerStoppedError: if ``give_up`` said so.
        """
        answer = self._receive(self._limits.start_s, give_up)
        if "ready" not in answer:
            kind = {error.exit_code: error for error in _ERRORS}.get(answer["exit"], ConfigError)
            raise kind(answer["refused"], code=answer["code"])

    def run(self, source: Path, output: Path, *, give_up: Callable[[], bool]) -> None:
        """Do one job.

        Args:
            source: file to segment.
            output: folder to make and fill.
            give_up: as of :meth:`wait_ready`.

        Raises:
            ProblemError: if the file is refused, or could not be segmented.
            WorkerDiedError: as of :meth:`wait_ready`, and so are the others.
        """
        self.jobs += 1
        asked = {"source": str(source), "output": str(output)}
        try:
            self._connection.send_bytes(json.dumps(asked).encode())
        except OSError:
            raise WorkerDiedError from None
        answer = self._receive(self._limits.job_s, give_up)
        if "done" not in answer:
            raise ProblemError(Problem(answer["status"], answer["code"], answer["detail"]))

    def kill(self) -> None:
        """End the process, whatever it is at."""
        self._process.kill()
        self._process.join()
        self._connection.close()

    def _receive(self, limit_s: float, give_up: Callable[[], bool]) -> dict[str, Any]:
        """Return what the process says next."""
        end_s = time.monotonic() + limit_s
        while not wait([self._connection, self._process.sentinel], timeout=_GLANCE_S):
            if give_up():
                raise WorkerStoppedError
            if time.monotonic() > end_s:
                raise WorkerLateError
        if not self._connection.poll():
            raise WorkerDiedError
        try:
            answer: dict[str, Any] = json.loads(self._connection.recv_bytes())
        except (EOFError, OSError):
            raise WorkerDiedError from None
        return answer
