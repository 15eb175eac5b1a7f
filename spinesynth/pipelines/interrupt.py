"""What becomes of SIGINT and SIGTERM: a training stops where it can go on later."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import active_children
from types import FrameType, TracebackType
from typing import Any, TypeVar

Item = TypeVar("Item")
_NUMBERS = (signal.SIGINT, signal.SIGTERM)
_STATUS_OF_SIGNALS = 128  # a shell adds the number of the signal


def _alone(number: int) -> int:
    return number


class Stopped(BaseException):
    """A signal asked to stop, at a point where that does no harm.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.name = signal.Signals(number).name
        super().__init__(self.name)

    def as_exit(self) -> BaseException:
        """Return what ends the program with the status that the signal stands for."""
        if self.name == "SIGINT":
            return KeyboardInterrupt()
        return SystemExit(_STATUS_OF_SIGNALS + signal.SIGTERM)


class SafeStops:
    """Hold SIGINT and SIGTERM back, but where stopping is allowed.

    Within ``with SafeStops() as stops`` the first signal raises :class:`Stopped`
    within :meth:`allowed`, at once or when it is next entered. The second does what
    it did before, so that a second Ctrl-C ends the program without waiting.

    Signals reach the main thread alone: in another one nothing is held back.

    Args:
        for_good: ignore every signal after the first, for the rest of the process:
            torchrun sends one of its own to ranks that have had the cluster's.

    Example:
        >>> with SafeStops() as stops:
        ...     sum(stops.each([1, 2, 3]))
        6
    """

    def __init__(self, *, for_good: bool = False) -> None:
        self._for_good = for_good
        self._asked: int | None = None
        self._allowed = False
        self._before: dict[int, Any] = {}
        self._process = os.getpid()

    def __enter__(self) -> SafeStops:
        """Hold signals back from now on."""
        if threading.current_thread() is threading.main_thread():
            self._before = {n: signal.signal(n, self._take_note) for n in _NUMBERS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the signals back."""
        self._give_back()

    def _give_back(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _take_note(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._process:  # forked: its parent decides when it ends
            return
        self._asked = number
        if self._for_good:
            ignore_signals()
            self._before = {}
        else:
            self._give_back()
        if self._allowed:
            raise Stopped(number)

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Let a signal interrupt what is done here: it must not change what is saved.

        Raises:
            Stopped: if a signal came since the last time, or comes now.
        """
        self._allowed = True
        try:
            self.check()
            yield
        finally:
            self._allowed = False

    def check(self) -> None:
        """Stop here if a signal came.

        Raises:
            Stopped: if one did.
        """
        if self._asked is not None:
            raise Stopped(self._asked)

    def check_together(self, agree: Callable[[int], int]) -> None:
        """Stop here if a signal came to any of several processes.

        Args:
            agree: returns the largest of the numbers that each of them calls it with.

        Raises:
            Stopped: in all of them, if one did.
        """
        number = agree(self._asked or 0)
        if number:
            raise Stopped(number)

    def each(
        self, items: Iterable[Item], *, agree: Callable[[int], int] = _alone
    ) -> Iterator[Item]:
        """Yield items; the wait for the next one may be interrupted.

        Args:
            items: as many in each of the processes that agree.
            agree: as of :meth:`check_together`; without others it returns its argument.

        Raises:
            Stopped: before an item is asked for, or while it is waited for.
        """
        iterator = iter(items)
        while True:
            item = None
            with suppress(Stopped), self.allowed():  # what was noted is asked for below
                item = next(iterator, None)
            self.check_together(agree)
            if item is None:
                return
            yield item


def ignore_signals() -> None:
    """Let SIGINT and SIGTERM do nothing in this process from now on."""
    for number in _NUMBERS:
        signal.signal(number, signal.SIG_IGN)


def end_quietly(worker: int) -> None:
    """Let SIGINT and SIGTERM end a process that loads data, as if its work were done.

    Both go to every process of a job. If they killed a loader, torch would raise
    an error somewhere in the training, perhaps in the middle of a step.

    Args:
        worker: its number, which ``worker_init_fn`` of a DataLoader is given.
    """

    def leave(number: int, frame: FrameType | None) -> None:
        os._exit(0)

    for number in _NUMBERS:
        signal.signal(number, leave)


def end_helpers() -> None:
    """Ask the processes to end that Python would end anyway when this one ends.

    Waiting for the sample that each is at could take longer than a cluster allows.
    """
    for child in active_children():
        if child.daemon:
            child.terminate()


@contextmanager
def exit_on_sigterm() -> Iterator[None]:
    """Let SIGTERM end the program as Ctrl-C does: files are tidied up, status 143."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    process = os.getpid()

    def leave(number: int, frame: FrameType | None) -> None:
        if os.getpid() != process:
            os._exit(_STATUS_OF_SIGNALS + number)
        raise SystemExit(_STATUS_OF_SIGNALS + number)

    before: Callable[..., Any] | int | None = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
