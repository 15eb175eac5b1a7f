"""The checkout as the house tests see it."""

from __future__ import annotations

import importlib
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.house.command_line import Replace

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the top folder of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def project(root: Path) -> dict[str, Any]:
    """Return the table ``project`` of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    return table


@pytest.fixture(scope="session")
def kept_files(root: Path) -> list[Path]:
    """Return every file that git keeps, or would keep with the next ``git add``."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listing = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    files = [root / name for name in listing.split("\0") if name]
    return [path for path in files if path.is_file()]


@pytest.fixture
def replace(monkeypatch: pytest.MonkeyPatch) -> Replace:
    """Return a function that replaces ``module.name`` of the pipelines."""

    def put(target: str, value: object) -> None:
        module, name = target.split(".")
        home = importlib.import_module(f"spinesynth.pipelines.{module}")
        monkeypatch.setattr(home, name, value)

    return put
