"""What docs/levels.md shows runs, and its tables are filled."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.levels import VIEWS

PAGE = Path(__file__).parents[2] / "docs" / "levels.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_first_block_runs() -> None:
    block = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)[0]
    exec(compile(block, "docs/levels.md", "exec"), {})


def test_tables_are_there() -> None:
    for view in VIEWS:
        assert f"| {view} |" in TEXT
    assert "| eroded |" in TEXT
    assert "| anatomical_order |" in TEXT
