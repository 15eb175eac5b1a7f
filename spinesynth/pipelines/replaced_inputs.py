"""No output replaces an input, whatever other name or link the input has."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from spinesynth.errors import ConfigError


def refuse_replaced_inputs(outputs: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Raise if a file that would be written is one that is read.

    Args:
        outputs: files that would be written, there already or not.
        inputs: files that are read.

    Raises:
        ConfigError: naming the first of them and the input.

    Example:
        >>> refuse_replaced_inputs([Path("x/../a.nii")], [Path("a.nii")])
        Traceback (most recent call last):
        spinesynth.errors.ConfigError: [E-OUT-002] x/../a.nii: output would overwrite the input ...
    """
    known = {_identity(path): path for path in inputs}
    for path in outputs:
        if _identity(path) in known:
            raise ConfigError(
                f"{path}: output would overwrite the input {known[_identity(path)]}; choose "
                "another --output",
                code="E-OUT-002",
            )


def _identity(path: Path) -> tuple[int, int] | str:
    """Return what all names of a file have in common; of one that is not there, its own."""
    try:
        known = os.stat(path)
    except OSError:
        return os.path.realpath(path)
    return known.st_dev, known.st_ino
