"""Counters of the service, in the format of Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST
_BUCKETS_S = (0.5, 1, 2, 4, 8, 15, 30, 60, 120)


class ServiceMetrics:
    """Count requests and jobs, apart from what else the process may count.

    Attributes:
        requests: by method, route and status.
        finished: jobs by ``done`` or the code of their problem.
        seconds: that jobs took.
        workers: worker processes that were started.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "spinesynth_requests", "Requests answered.", ("method", "route", "status"),
            registry=self._registry,
        )  # fmt: skip
        self.finished = Counter(
            "spinesynth_jobs", "Jobs finished.", ("outcome",), registry=self._registry
        )
        self.seconds = Histogram(
            "spinesynth_job_seconds", "Time that a job took in the worker.",
            buckets=_BUCKETS_S, registry=self._registry,
        )  # fmt: skip
        self.workers = Counter(
            "spinesynth_workers", "Worker processes started.", registry=self._registry
        )

    def watch(self, name: str, meaning: str, read: Callable[[], float]) -> None:
        """Show a number that is read when it is asked for.

        Args:
            name: of the gauge, without the package's.
            meaning: in a line.
            read: returns the number.
        """
        Gauge(f"spinesynth_{name}", meaning, registry=self._registry).set_function(read)

    def text(self) -> bytes:
        """Return all of it as ``/metrics`` shows it."""
        return generate_latest(self._registry)
