"""Where networks run."""

from __future__ import annotations

import torch

from spinesynth.errors import ConfigError


def best_device() -> torch.device:
    """Return the first CUDA device, or the CPU where there is none."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def read_device(name: str) -> torch.device:
    """Return the device of a name.

    Args:
        name: ``auto`` for the best there is, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        ConfigError: if there is no such device on this machine.

    Example:
        >>> read_device("cpu")
        device(type='cpu')
    """
    if name == "auto":
        return best_device()
    if name == "cpu":
        return torch.device("cpu")
    count = torch.cuda.device_count()
    word, _, number = name.partition(":")
    if word == "cuda" and (not number or number.isdecimal()) and int(number or 0) < count:
        return torch.device(name)
    raise ConfigError(
        f"device must be auto, cpu, cuda or cuda:N of {count} CUDA devices, got {name!r}; "
        "auto takes what there is",
        code="E-CONF-093",
    )
