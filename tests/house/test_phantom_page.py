"""What docs/phantom.md shows runs, and its pictures are there and small."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "phantom.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_first_block_runs() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    assert "draw_phantom_sheet(" in blocks[1]  # it takes half a minute, and has tests of its own
    exec(compile(blocks[0], "docs/phantom.md", "exec"), {})


def test_pictures_are_there_and_small() -> None:
    pictures = [PAGE.parent / name for name in re.findall(r"!\[[^]]*\]\(([^)]+)\)", TEXT)]
    assert len(pictures) == 3
    assert sum(picture.stat().st_size for picture in pictures) < 600_000
