"""What docs/robustness.md shows runs, and its table is that of the code."""

from __future__ import annotations

import re
from pathlib import Path

from spinesynth.pipelines.conditions import CONDITIONS

PAGE = Path(__file__).parents[2] / "docs" / "robustness.md"
TEXT = PAGE.read_text(encoding="utf-8")


def condition_rows() -> list[str]:
    """Return the rows of the page's table of conditions."""
    rows = []
    for name, condition in CONDITIONS.items():
        levels = [f"{level:g}" for level in condition.levels]
        unit = condition.unit.replace("|", "\\|")
        cells = [f"`{name}`", condition.what, unit, *levels, condition.source]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def test_table_of_conditions_is_that_of_the_code() -> None:
    shown = [line for line in TEXT.splitlines() if line.startswith("| `") and line.count("|") > 9]
    assert shown == condition_rows()


def test_python_of_the_page_runs() -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    exec(compile(block, "docs/robustness.md", "exec"), {})


def test_picture_is_there_and_small() -> None:
    (name,) = re.findall(r"!\[[^]]*\]\(([^)]+)\)", TEXT)
    assert (PAGE.parent / name).stat().st_size < 250_000
