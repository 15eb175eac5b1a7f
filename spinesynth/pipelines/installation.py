"""What is installed and what it can name, told without loading anything heavy."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from typing import TypedDict

from spinesynth import __version__
from spinesynth.anatomy.structures import REPORT_GROUPS, Structure

#: What results depend on, then what the extras bring.
_PACKAGES = (
    "torch", "monai", "torchio", "numpy", "scipy", "scikit-learn", "pandas", "nibabel", "SimpleITK",
    "pydicom", "highdicom", "fastapi", "pytorch-ignite", "onnxruntime", "tensorboard",
)  # fmt: skip


class Installation(TypedDict):
    """What :func:`describe_installation` tells, in plain JSON types."""

    spinesynth: str
    python: str
    machine: str
    cores: int
    packages: dict[str, str | None]
    structures: dict[str, int]
    report_groups: list[str]


def describe_installation() -> Installation:
    """Return versions, machine and structures; the version of what is missing is None.

    Example:
        >>> describe_installation()["structures"]["DISC"]
        3
    """
    return {
        "spinesynth": __version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count() or 1,
        "packages": {name: _version(name) for name in _PACKAGES},
        "structures": {member.name: int(member) for member in Structure},
        "report_groups": list(REPORT_GROUPS),
    }


def _version(package: str) -> str | None:
    """Return the version of a package, or None where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
