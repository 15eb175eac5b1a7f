"""What the README shows is run: its Python here, its commands by CI as written."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
SNIPPETS = _PYTHON.findall((ROOT / "README.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_python_of_the_readme_runs(number: int) -> None:
    exec(compile(SNIPPETS[number], f"README.md, snippet {number}", "exec"), {})


def test_readme_has_snippets_and_the_two_commands() -> None:
    assert len(SNIPPETS) >= 2
    listed = subprocess.run(
        ["bash", str(ROOT / ".ci" / "readme-commands")], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert listed[:2] == ["make run", "make test"]


def test_links_of_the_readme_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []
