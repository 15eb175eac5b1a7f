"""Errors that a user can act on, each with a stable code and an exit status.

The command line turns every :class:`SpineSynthError` into one line without a
traceback. A message says what is wrong, where, and how to mend it.
"""

from __future__ import annotations

import copyreg
from typing import ClassVar


class SpineSynthError(Exception):
    """Signal a problem that the user can mend.

    Args:
        message: what is wrong, where, and the remedy, in one line.
        code: stable identifier such as ``E-IN-001``, searchable in the docs.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(f"[{code}] {message}")
        self.code = code

    def __reduce__(self) -> tuple[object, ...]:
        """Let an error pass from one process to another, whatever its class takes."""
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]  # not in its stub


class ConfigError(SpineSynthError):
    """A configuration or command-line value cannot be used (exit 2)."""

    exit_code = 2


class InputError(SpineSynthError):
    """An input file, mask or table was refused (exit 3)."""

    exit_code = 3


class OutputError(SpineSynthError):
    """An output could not be written completely (exit 4)."""

    exit_code = 4


class CheckpointError(SpineSynthError):
    """A checkpoint or its contents were refused (exit 5)."""

    exit_code = 5
