"""What every test stands on: one thread, repeatable examples, and real scans on request."""

from __future__ import annotations

import os
from pathlib import Path

# Before torch is imported, and inherited by the processes that tests start: sums over several
# threads differ in the last bits, and tests run side by side must not fight for two cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)

# A shared machine pauses now and then, which says nothing about the code: no deadline. CI runs the
# same examples each time, so that a change is not blamed for what it did not touch.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(scope="session")
def real_data_dir() -> Path:
    """Return the folder of real scans with its ``cases.csv``, or skip the test."""
    folder = os.environ.get("SPINESYNTH_REAL_DATA")
    if not folder:
        pytest.skip("SPINESYNTH_REAL_DATA names no folder of real scans")
    if not (Path(folder) / "cases.csv").is_file():
        pytest.fail(f"SPINESYNTH_REAL_DATA must name a folder with cases.csv, got {folder}")
    return Path(folder)


@pytest.fixture(scope="session")
def cuda_device() -> torch.device:
    """Return the first CUDA device, or skip the test."""
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    return torch.device("cuda:0")
