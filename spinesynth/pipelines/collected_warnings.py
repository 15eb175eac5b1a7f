"""What the readers warn of, kept for the report of a scan."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from spinesynth.errors import InputError
from spinesynth.printable import printable

_PACKAGE = __name__.partition(".")[0]


class _Collector(logging.Handler):
    """Keep the text of each warning."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self.lines.append(printable(record.getMessage()))


@contextmanager
def collect_warnings() -> Iterator[list[str]]:
    """Give a list that fills with what this package warns of meanwhile.

    Example:
        >>> with collect_warnings() as lines:
        ...     logging.getLogger("spinesynth.io").warning("only %d voxels", 3)
        >>> lines
        ['only 3 voxels']
    """
    collector, log = _Collector(), logging.getLogger(_PACKAGE)
    log.addHandler(collector)
    try:
        yield collector.lines
    finally:
        log.removeHandler(collector)


def refuse_warnings(lines: Sequence[str]) -> None:
    """Refuse a scan that was read with warnings.

    Args:
        lines: what was warned of.

    Raises:
        InputError: if there is any.

    Example:
        >>> refuse_warnings([])
    """
    if lines:
        raise InputError(
            f"{'; '.join(lines)}; repair it: spinesynth predict without --strict reads it with "
            "this warning",
            code="E-IN-007",
        )
