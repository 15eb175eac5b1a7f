"""The make targets that the README and CI name, as they would run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def checkout(root: Path, tmp_path: Path) -> Path:
    """Return a new checkout, as far as make reads it."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(root / name, tmp_path)
    return tmp_path


def _dry_run(checkout: Path, *arguments: str) -> str:
    """Return what make would run."""
    # Without the flags that a surrounding make hands down.
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    command = ["make", "--dry-run", *arguments]
    run = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize(
    ("target", "last"),
    [
        ("run", ".venv/bin/python run_experiment.py --config configs/demo.yaml"),
        ("test", ".venv/bin/python -m pytest -q"),
        ("test-slow", ".venv/bin/python -m pytest -q -m slow"),
        ("lint", ".venv/bin/ruff format --check ."),
        ("contracts", ".venv/bin/lint-imports"),
    ],
)
def test_target_runs_its_command_last(target: str, last: str, checkout: Path) -> None:
    assert _dry_run(checkout, target).splitlines()[-1].strip() == last


def test_run_takes_another_configuration(checkout: Path) -> None:
    printed = _dry_run(checkout, "run", "CONFIG=configs/smoke.yaml", "ARGS=--seed 7")
    assert printed.splitlines()[-1].strip().endswith("--config configs/smoke.yaml --seed 7")


def test_torch_is_installed_alone_and_first(checkout: Path) -> None:
    printed = _dry_run(checkout, "install")
    assert printed.index("grep '^torch==' constraints.txt") < printed.index("--editable")


def test_second_call_installs_nothing(checkout: Path) -> None:
    assert "pip install" in _dry_run(checkout, "test")
    (checkout / ".venv" / "bin").mkdir(parents=True)
    for name in ("bin/python", ".installed"):
        (checkout / ".venv" / name).touch()
    assert "pip install" not in _dry_run(checkout, "test")


def test_changed_pins_install_again(checkout: Path) -> None:
    (checkout / ".venv" / "bin").mkdir(parents=True)
    for name in ("bin/python", ".installed"):
        (checkout / ".venv" / name).touch()
    later = (checkout / ".venv" / ".installed").stat().st_mtime + 10
    os.utime(checkout / "constraints.txt", (later, later))
    assert "pip install" in _dry_run(checkout, "test")


def test_ci_calls_only_targets_that_exist(root: Path, checkout: Path) -> None:
    script = (root / ".ci" / "run").read_text()
    assert "set -euo pipefail" in script
    targets = re.findall(r"^step '.+?' make (\S+)", script, re.MULTILINE)
    assert set(targets) == {
        "install",
        "lint",
        "types",
        "contracts",
        "test-slow",
        "test-clients",
        "run",
    }
    for target in targets:
        _dry_run(checkout, target)


def test_ci_runs_what_the_readme_gives(root: Path) -> None:
    assert "bash .ci/readme-commands" in (root / ".ci" / "run").read_text()
    command = ["bash", ".ci/readme-commands"]
    listing = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    assert {"make run", "make test"} <= set(listing.splitlines())
