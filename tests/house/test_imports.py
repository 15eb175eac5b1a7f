"""What starts quickly loads nothing heavy."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    *("torch", "monai", "torchio", "pandas", "pandera", "scipy", "sklearn", "matplotlib"),
    "SimpleITK",
)
REPORT = f"print([name for name in {HEAVY!r} if name in sys.modules])"
COMMAND = """
from spinesynth.cli import main
try:
    main({arguments!r})
except SystemExit as leaving:
    assert not leaving.code, leaving.code
"""


def _heavy_modules_after(code: str) -> str:
    program = f"import sys\n{code}\n{REPORT}"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()[-1]


@pytest.mark.parametrize("module", ["spinesynth", "spinesynth.errors", "spinesynth.cli"])
def test_import_loads_nothing_heavy(module: str) -> None:
    assert _heavy_modules_after(f"import {module}") == "[]"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["demo", "--help"],
        ["train", "--help"],
        ["info"],
        ["info", "--json"],
        ["predict", "--help"],
        ["serve", "--help"],
        ["weights", "list"],
    ],
    ids=" ".join,
)
def test_command_loads_nothing_heavy(arguments: list[str]) -> None:
    assert _heavy_modules_after(COMMAND.format(arguments=arguments)) == "[]"
