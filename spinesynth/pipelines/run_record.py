"""What made a result: versions, seeds, machine, times, in one JSON file."""

from __future__ import annotations

import json
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from spinesynth import __version__
from spinesynth.io.write import atomic_write

_PACKAGES = ("torch", "monai", "torchio", "numpy", "nibabel", "SimpleITK", "pandas", "scipy")


def _git_state() -> dict[str, Any]:
    """Return the commit of the checkout that holds this package, if it is one."""
    folder = Path(__file__).resolve().parents[2]
    try:
        commit, status = (
            subprocess.run(
                ["git", "-C", str(folder), *words],
                capture_output=True, text=True, check=True, timeout=10,
            ).stdout.strip()
            for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "-uno"])
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return {"commit": None, "modified": None}
    return {"commit": commit, "modified": bool(status)}


def describe_run() -> dict[str, Any]:
    """Return versions, machine and thread counts as plain JSON types."""
    return {
        "spinesynth": __version__,
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in _PACKAGES},
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(0) if torch.cuda.is_available() else "cpu",
        **_git_state(),
    }


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write JSON with sorted keys, complete or not at all."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", "utf-8")
