"""Sizes, times and numbers that bound the service."""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """Bound what clients can ask for; all numbers are nominal.

    Args:
        upload_bytes: of a request's body.
        queue: jobs that wait; one more is refused.
        receive_s: within which a request must have come in.
        job_s: that a job may take; its worker is killed then.
        start_s: that loading the weights may take.
        drain_s: that the running job has once the service is told to stop.
        keep_s: that a finished job is kept.
        keep_jobs: finished jobs kept, the newest.
        keep_bytes: of all finished jobs together.
        connections: at one time; more are answered 503.
        header_bytes: of a request's head.
        jobs_a_worker: after which a worker is replaced, so that no leak lasts.
        memory_bytes: of address space that a worker may use; None for no limit.

    Example:
        >>> Limits(queue=2).queue
        2
    """

    upload_bytes: int = 256 * _MIB
    queue: int = 8
    receive_s: float = 60.0
    job_s: float = 120.0
    start_s: float = 120.0
    drain_s: float = 25.0
    keep_s: float = 3600.0
    keep_jobs: int = 500
    keep_bytes: int = 2048 * _MIB
    connections: int = 64
    header_bytes: int = 16 * 1024
    jobs_a_worker: int = 200
    memory_bytes: int | None = None
