"""CPU time of libraries that take turns, and the memory that one call takes."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.synthesis_peers.work import Maker, Work, check_output

#: Make one sample and return its CPU time in ms.
Timer = Callable[[], float]

_STATUS = Path("/proc/self/status")
_RESET_PEAK = Path("/proc/self/clear_refs")


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Hold torch, ITK and every numerical library to one thread."""
    threadpools: Any = importlib.import_module("threadpoolctl")
    itk: Any = importlib.import_module("SimpleITK")
    before = torch.get_num_threads(), itk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    torch.set_num_threads(1)
    itk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        with threadpools.threadpool_limits(limits=1):
            yield
    finally:
        torch.set_num_threads(before[0])
        itk.ProcessObject.SetGlobalDefaultNumberOfThreads(before[1])


def cpu_ms(call: Callable[[], object]) -> float:
    """Return the CPU time of one call in ms."""
    start = time.process_time()
    call()
    return 1e3 * (time.process_time() - start)


def warm_timer(work: Work, make: Maker, codes: Tensor) -> Timer:
    """Make a first sample, which fills caches and is checked, and return the timer."""
    check_output(work, make(codes))
    return lambda: cpu_ms(lambda: make(codes))


def take_turns(timers: Mapping[str, Timer], rounds: int) -> dict[str, float]:
    """Let each make one sample per round; return the median of each in ms."""
    times_ms: dict[str, list[float]] = {name: [] for name in timers}
    for _ in range(rounds):
        for name, timer in timers.items():
            times_ms[name].append(timer())
    return {name: statistics.median(values) for name, values in times_ms.items()}


def _status_mib(field: str) -> float:
    (line,) = (x for x in _STATUS.read_text().splitlines() if x.startswith(f"{field}:"))
    return int(line.split()[1]) / 1024


def peak_growth_mib(call: Callable[[], object]) -> float | None:
    """Return by how much the resident memory of this process grows during one call.

    The heap is trimmed before, so that the call cannot reuse, unseen, what an
    earlier one left. None where the system does not tell (it needs Linux).
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
        gc.collect()
        trim(0)
        _RESET_PEAK.write_text("5")  # proc(5): sets the peak to what is resident now
        before = _status_mib("VmRSS")
    except (OSError, AttributeError):
        return None
    call()
    return max(0.0, _status_mib("VmHWM") - before)
