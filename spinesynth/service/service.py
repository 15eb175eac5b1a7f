"""What the routes share: the store of jobs, who runs them, limits, token, counters."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spinesynth.service.job_runner import JobRunner
from spinesynth.service.job_store import JobStore
from spinesynth.service.limits import Limits
from spinesynth.service.problem import refuse
from spinesynth.service.service_metrics import ServiceMetrics
from spinesynth.service.worker_process import Prepare


class Service:
    """Hold one service's parts.

    Args:
        folder: of the jobs; made, and readable by nobody else.
        prepare: makes what segments, in the worker process.
        limits: that bound it.
        token: that requests must bear; None for none.
        model: name of what segments, for ``/v2/models``.
    """

    def __init__(
        self,
        folder: Path,
        prepare: Prepare,
        *,
        limits: Limits | None = None,
        token: str | None = None,
        model: str = "default",
    ) -> None:
        self.limits, self.token, self.model = limits or Limits(), token, model
        self.metrics = ServiceMetrics()
        self.store = JobStore(folder)
        self.runner = JobRunner(self.store, prepare, limits=self.limits, metrics=self.metrics)
        self._receiving, self._lock = 0, threading.Lock()
        self.metrics.watch("jobs_waiting", "Jobs that wait.", self.store.waiting)
        self.metrics.watch(
            "ready", "1 while a worker is ready.", lambda: float(self.runner.is_ready)
        )

    def close(self) -> None:
        """Stop, wait until the worker is gone, and close the store."""
        self.runner.close()
        self.store.close()

    @contextmanager
    def place_in_queue(self) -> Iterator[None]:
        """Hold a place of the queue while a request is received.

        Raises:
            ProblemError: if there is none, or the service stops.
        """
        if self.runner.is_stopping:
            raise refuse(
                "E-SERVE-011", "the service is stopping; ask again later",
                headers={"Retry-After": "30"},
            )  # fmt: skip
        with self._lock:
            if self.store.waiting() + self._receiving >= self.limits.queue:
                wait_s = self.runner.retry_after_s()
                raise refuse(
                    "E-SERVE-007",
                    f"{self.limits.queue} jobs wait already; ask again in {wait_s} s",
                    headers={"Retry-After": str(wait_s)},
                )
            self._receiving += 1
        try:
            yield
        finally:
            with self._lock:
                self._receiving -= 1
