"""The thread that gives jobs to the worker, and replaces the worker when it must."""

from __future__ import annotations

import logging
import math
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

from spinesynth.errors import OutputError, SpineSynthError
from spinesynth.service.job import MOST_ATTEMPTS, Job
from spinesynth.service.job_store import JobStore, worker_lost
from spinesynth.service.limits import Limits
from spinesynth.service.problem import Problem, ProblemError, refuse
from spinesynth.service.service_metrics import ServiceMetrics
from spinesynth.service.worker import (
    Worker,
    WorkerDiedError,
    WorkerLateError,
    WorkerStoppedError,
)
from spinesynth.service.worker_process import Prepare

_LOG = logging.getLogger(__name__)
#: Times in a row that a worker may fail to start, and how long is waited in between.
_MOST_STARTS, _PAUSE_S = 3, 1.0
#: How often old results are looked for, and whether the worker lives, while nothing is to do.
_IDLE_S = 1.0
#: Bounds of what clients are told to wait, and what a job takes until one has been measured.
_WAIT_S, _FIRST_GUESS_S = (1, 600), 10.0
#: Weight of the newest job in the running mean of their times.
_NEWEST = 0.3


class JobRunner:
    """Run the jobs of a store one by one in a worker process.

    Args:
        store: of the jobs.
        prepare: makes what segments, in the worker.
        limits: times and numbers.
        metrics: that it counts in.

    Attributes:
        failure: why no worker can be started; None while one can.
    """

    def __init__(
        self, store: JobStore, prepare: Prepare, *, limits: Limits, metrics: ServiceMetrics
    ) -> None:
        self._store, self._prepare, self._limits, self._metrics = store, prepare, limits, metrics
        self._worker: Worker | None = None
        self._wake, self._ready = threading.Event(), threading.Event()
        self._end_s = math.inf  # of waiting for what runs, once told to stop
        self._stopping = threading.Event()
        self._waiting: dict[str, Future[Problem | None]] = {}
        self._waiting_lock = threading.Lock()
        self._job_s = _FIRST_GUESS_S
        self._on_failure: Callable[[], None] = lambda: None
        self.failure: SpineSynthError | None = None
        self._thread = threading.Thread(target=self._loop, name="jobs", daemon=True)

    def start(self, *, on_failure: Callable[[], None] = lambda: None) -> None:
        """Begin, with a worker and the jobs that wait.

        Args:
            on_failure: called from the thread when no worker can be started.
        """
        self._on_failure = on_failure
        self._thread.start()

    @property
    def is_ready(self) -> bool:
        """Whether a worker has loaded its weights and jobs are taken."""
        return self._ready.is_set() and not self._stopping.is_set()

    @property
    def is_stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stopping.is_set()

    @property
    def worker_pid(self) -> int | None:
        """Return the number of the worker process, None while there is none."""
        worker = self._worker
        return None if worker is None else worker.pid

    def wake(self) -> None:
        """Say that a job waits."""
        self._wake.set()

    def expect(self, job_id: str) -> Future[Problem | None]:
        """Return what will hold a job's problem, or None, when it is finished.

        Args:
            job_id: of a job that has not been added yet.
        """
        with self._waiting_lock:
            return self._waiting.setdefault(job_id, Future())

    def retry_after_s(self) -> int:
        """Return after how many seconds a place in the queue may be free."""
        low, high = _WAIT_S
        return min(max(math.ceil(self._job_s), low), high)

    def stop(self) -> None:
        """Take no more jobs; the one that runs has ``drain_s`` to end, or waits again."""
        if not self._stopping.is_set():
            self._end_s = time.monotonic() + self._limits.drain_s
            self._stopping.set()
            self._wake.set()

    def close(self) -> None:
        """Stop and wait until the worker is gone."""
        self.stop()
        if self._thread.is_alive():
            self._thread.join()

    def _loop(self) -> None:
        try:
            while not self._stopping.is_set():
                self._turn()
        except SpineSynthError as error:
            self.failure = error
        except (sqlite3.Error, OSError) as error:
            self.failure = OutputError(
                f"{self._store.folder}: jobs cannot be kept there ({error}); check space and "
                "permissions",
                code="E-OUT-001",
            )
        finally:
            if self.failure is not None:
                self._on_failure()
            self._ready.clear()
            self._drop_worker()
            self._release_all()

    def _turn(self) -> None:
        """Do the next thing there is to do, or wait for one."""
        self._store.remove_old(self._limits)
        worker = self._living_worker()
        if worker is None:
            return
        job = self._store.claim()
        if job is None:
            self._wake.wait(_IDLE_S)
            self._wake.clear()
        else:
            self._do(worker, job)

    def _living_worker(self) -> Worker | None:
        """Return a worker that is ready; None if it was told to stop meanwhile.

        Raises:
            SpineSynthError: if none can be started.
        """
        worker = self._worker
        if worker is not None and worker.is_alive and worker.jobs < self._limits.jobs_a_worker:
            return worker
        for _ in range(_MOST_STARTS):
            self._drop_worker()
            self._worker = Worker(self._prepare, self._limits)
            try:
                self._worker.wait_ready(give_up=self._stopping.is_set)
            except WorkerStoppedError:
                return None
            except (WorkerDiedError, WorkerLateError):
                self._stopping.wait(_PAUSE_S)
            else:
                self._metrics.workers.inc()
                self._ready.set()
                return self._worker
        raise OutputError(
            f"no worker process could be started in {_MOST_STARTS} attempts; see the log above, "
            "and whether memory is short",
            code="E-RUN-003",
        )

    def _do(self, worker: Worker, job: Job) -> None:
        """Run one job, whatever becomes of it."""
        place, begun_s = self._store.place(job.id), time.monotonic()
        source = place / job.upload_name
        try:
            worker.run(source, place / job.output_name, give_up=self._is_over)
        except WorkerStoppedError:
            self._drop_worker()
            self._store.give_back(job.id)
        except WorkerLateError:
            self._drop_worker()
            limit_s = f"{self._limits.job_s:g}"
            self._finish(
                job, refuse("E-SERVE-009", f"the job took longer than {limit_s} s").problem
            )
        except WorkerDiedError:
            _LOG.warning("worker ended during job %s, attempt %d", job.id, job.attempts)
            self._drop_worker()
            if job.attempts < MOST_ATTEMPTS:
                self._store.give_back(job.id)
            else:
                self._finish(job, worker_lost())
        except ProblemError as error:
            self._finish(job, error.problem)
        else:
            taken_s = time.monotonic() - begun_s
            self._job_s += _NEWEST * (taken_s - self._job_s)
            self._metrics.seconds.observe(taken_s)
            self._finish(job, None)

    def _finish(self, job: Job, problem: Problem | None) -> None:
        self._store.finish(job.id, problem)
        self._metrics.finished.labels("done" if problem is None else problem.code).inc()
        self._release(job.id, problem)

    def _is_over(self) -> bool:
        return time.monotonic() > self._end_s

    def _drop_worker(self) -> None:
        self._ready.clear()
        if self._worker is not None:
            self._worker.kill()
            self._worker = None

    def forget(self, job_id: str, problem: Problem) -> None:
        """Tell whoever waits for a job that it will not be finished.

        Args:
            job_id: of the job.
            problem: that they are told.
        """
        self._release(job_id, problem)

    def _release(self, job_id: str, problem: Problem | None) -> None:
        with self._waiting_lock:
            future = self._waiting.pop(job_id, None)
        if future is not None and future.set_running_or_notify_cancel():
            future.set_result(problem)

    def _release_all(self) -> None:
        """Tell whoever still waits that the service stops."""
        with self._waiting_lock:
            waiting = list(self._waiting)
        stopped = refuse("E-SERVE-011", "the service is stopping; ask again later").problem
        for job_id in waiting:
            self._release(job_id, stopped)
