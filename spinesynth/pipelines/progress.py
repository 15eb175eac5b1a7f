"""Progress: a bar with remaining time on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class StepProgress:
    """Report the steps of a long loop.

    Args:
        title: what is running.
        total: number of steps.
        done: steps that an earlier run has done.
    """

    def __init__(self, title: str, total: int, *, done: int = 0) -> None:
        self.title, self.total, self.done, self.before = title, total, done, done
        self.started = time.monotonic()
        self.bar = None
        if sys.stderr.isatty():
            self.bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[note]}"),
            )

    def __enter__(self) -> StepProgress:
        """Show the bar, if there is a terminal to show it on."""
        if self.bar:
            self.bar.start()
            self.task = self.bar.add_task(
                self.title, total=self.total, completed=self.done, note=""
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bar away."""
        if self.bar:
            self.bar.stop()

    def advance(self) -> None:
        """Count one step."""
        self.done += 1
        if self.bar:
            self.bar.advance(self.task)

    def note(self, text: str) -> None:
        """Show what was reached: beside the bar, or as a line with the time left."""
        if self.bar:
            self.bar.update(self.task, note=text)
            return
        elapsed = time.monotonic() - self.started
        left = elapsed / max(self.done - self.before, 1) * (self.total - self.done)
        sys.stderr.write(
            f"{self.title}: {self.done}/{self.total}, {text}, "
            f"{elapsed:.0f} s, about {left:.0f} s left\n"
        )
        sys.stderr.flush()
