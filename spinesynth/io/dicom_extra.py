"""The optional packages of DICOM, loaded on first use."""

from __future__ import annotations

import importlib
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from spinesynth.errors import ConfigError


def load_pydicom() -> Any:  # noqa: ANN401  # the module, which need not be installed
    """Return the module ``pydicom``.

    Raises:
        ConfigError: if it is not installed; names the extra.
    """
    return _load("pydicom")


def load_highdicom() -> Any:  # noqa: ANN401  # the module, which need not be installed
    """Return the module ``highdicom``.

    Raises:
        ConfigError: if it is not installed; names the extra.
    """
    return _load("highdicom")


def parse_errors() -> tuple[type[Exception], ...]:
    """Return what pydicom and its decoders raise on damaged bytes, depending on where."""
    errors = load_pydicom().errors
    return (
        *(ArithmeticError, AttributeError, EOFError, LookupError, NotImplementedError, OSError),
        *(RuntimeError, StopIteration, TypeError, ValueError, struct.error, zlib.error),
        *(errors.BytesLengthException, errors.InvalidDicomError),
    )


@contextmanager
def warnings_to_log() -> Iterator[None]:
    """Leave what pydicom warns of to its log, which is told each time as well.

    What matters of it is checked here and refused; the rest (a UID with a leading zero,
    say) must not stop a program that turns warnings into errors.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning)
        yield


def _load(name: str) -> Any:  # noqa: ANN401
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"DICOM needs the package {name}, which is not installed ({error}); "
            f"run: pip install 'spinesynth[dicom]'",
            code="E-DCM-001",
        ) from error
