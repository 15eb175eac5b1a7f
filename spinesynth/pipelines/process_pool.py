"""Do many independent tasks on several cores, one thread each."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, TypeVar

import torch
from threadpoolctl import threadpool_limits

from spinesynth.errors import OutputError
from spinesynth.pipelines.progress import StepProgress

_NOTES = 10  # lines of progress in all, where there is no terminal

Task = TypeVar("Task")
Result = TypeVar("Result")


def run_each(
    work: Callable[[Task], Result], tasks: Sequence[Task], *, workers: int, title: str
) -> list[Result]:
    """Do a piece of work for each task; the tasks must not depend on each other.

    Every task runs on one thread, so that sums are added in one order and the
    number of workers changes no result.

    Args:
        work: function of a module, since other processes must find it.
        tasks: what it is called with, one at a time.
        workers: processes; 1 stays in this one.
        title: what is running, for the progress.

    Returns:
        What each task gave, in the order of the tasks.

    Raises:
        OutputError: if a process ended before its work was done.
        Exception: what the first failing task raised; tasks that have not begun
            are given up.
    """
    workers = min(workers, len(tasks))
    results: dict[int, Result] = {}
    with StepProgress(title, len(tasks)) as progress:
        ready = _alone(work, tasks) if workers <= 1 else _together(work, tasks, workers)
        for done, (index, result) in enumerate(ready, start=1):
            results[index] = result
            progress.advance()
            if done * _NOTES // len(tasks) > (done - 1) * _NOTES // len(tasks):
                progress.note(f"{done} done")
    return [results[index] for index in range(len(tasks))]


def _alone(work: Callable[[Any], Result], tasks: Sequence[Any]) -> Iterator[tuple[int, Result]]:
    for index, task in enumerate(tasks):
        with _one_thread():
            result = work(task)
        yield index, result


def _together(
    work: Callable[[Any], Result], tasks: Sequence[Any], workers: int
) -> Iterator[tuple[int, Result]]:
    # spawn: a fork of a process with threads (torch's) may hang
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin)
    try:
        futures: dict[Future[Result], int] = {
            pool.submit(work, task): index for index, task in enumerate(tasks)
        }
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool:
        raise OutputError(
            "a worker process ended before its work was done; give the same command again to go "
            "on, with fewer --workers if memory is short",
            code="E-RUN-003",
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """Prepare a process: one thread, and leave an interruption to the one that waits for it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    threadpool_limits(1)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)
