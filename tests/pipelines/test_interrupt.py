"""Signals: held back where they would harm, heard where they would not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from spinesynth.pipelines.interrupt import SafeStops, Stopped, exit_on_sigterm


def _signal(number: int = signal.SIGTERM) -> None:
    os.kill(os.getpid(), number)


def test_signal_waits_until_it_is_allowed() -> None:
    done = []
    with SafeStops() as stops, pytest.raises(Stopped, match="SIGTERM"):  # noqa: PT012 the order
        _signal()
        done.append("the step")
        with stops.allowed():
            done.append("no more")
    assert done == ["the step"]


def test_signal_interrupts_what_may_be_interrupted() -> None:
    done = []
    with SafeStops() as stops, stops.allowed(), pytest.raises(Stopped, match="SIGINT"):  # noqa: PT012 the order
        _signal(signal.SIGINT)
        done.append("no more")
    assert done == []


def test_items_are_whole_or_not_asked_for() -> None:
    asked: list[int] = []
    used: list[int] = []

    def items() -> Iterator[int]:
        for number in range(9):
            asked.append(number)
            if number == 5:
                _signal()  # while it is waited for
            yield number

    with SafeStops() as stops, pytest.raises(Stopped):
        used.extend(stops.each(items()))
    assert (asked, used) == ([0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4])

    used.clear()
    with SafeStops() as stops, pytest.raises(Stopped):  # noqa: PT012 the loop is what stops
        for number in stops.each(range(9)):
            used.append(number)
            if number == 3:
                _signal()  # while it is used
            used.append(number)
    assert used == [0, 0, 1, 1, 2, 2, 3, 3]


@pytest.fixture
def interrupting() -> Iterator[None]:
    """Give SIGINT the handler of a terminal; a shell's background job starts with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupting")
def test_second_signal_ends_at_once() -> None:
    with SafeStops(), pytest.raises(KeyboardInterrupt):  # noqa: PT012 the order
        _signal(signal.SIGINT)
        _signal(signal.SIGINT)


def test_handlers_are_given_back() -> None:
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    with SafeStops():
        assert signal.getsignal(signal.SIGTERM) is not before[1]
    with exit_on_sigterm():
        assert signal.getsignal(signal.SIGTERM) is not before[1]
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before


def test_other_threads_are_left_alone() -> None:
    """Python lets the main thread alone set handlers."""
    summed: list[int] = []

    def work() -> None:
        with exit_on_sigterm(), SafeStops() as stops:
            summed.append(sum(stops.each([1, 2, 3])))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert summed == [6]


@pytest.mark.parametrize(
    ("number", "kind", "status"),
    [(signal.SIGTERM, SystemExit, 143), (signal.SIGINT, KeyboardInterrupt, None)],
)
def test_signal_has_its_status(
    number: signal.Signals, kind: type[BaseException], status: int | None
) -> None:
    ending = Stopped(number).as_exit()
    assert isinstance(ending, kind)
    assert getattr(ending, "code", None) == status


def test_sigterm_tidies_up_before_the_program_ends() -> None:
    program = (
        "import os, signal\n"
        "from spinesynth.pipelines.interrupt import exit_on_sigterm\n"
        "with exit_on_sigterm():\n"
        "    try: os.kill(os.getpid(), signal.SIGTERM)\n"
        "    finally: print('tidy')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (143, "tidy\n", "")
