"""What docs/transforms.md shows is run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "transforms.md"
_PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r"^#+ (.+)$", re.MULTILINE)


def _snippets() -> dict[str, str]:
    """Return the Python blocks by the heading that they stand under, and their number."""
    text, found = PAGE.read_text(encoding="utf-8"), dict[str, str]()
    for number, block in enumerate(_PYTHON.finditer(text)):
        # a comment in a block looks like a heading
        prose = _PYTHON.sub("", text[: block.start()])
        found[f"{number} {_TITLE.findall(prose)[-1]}"] = block[1]
    return found


SNIPPETS = _snippets()


@pytest.mark.parametrize("title", SNIPPETS)
def test_python_of_the_page_runs(
    title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with torch.random.fork_rng(devices=[]):
        exec(compile(SNIPPETS[title], f"docs/transforms.md, {title}", "exec"), {})
    assert list(tmp_path.iterdir()) == []


def test_page_shows_every_way_to_use_a_stage() -> None:
    headings = {title.split(" ", 1)[1] for title in SNIPPETS}
    assert headings == {
        "Using the transforms",
        "In a MONAI script",
        "With a transform of TorchIO in it",
        "In a TorchIO script",
        "A whole recipe",
        "Label maps divided by intensity",
        "Contrasts from MR physics",
        "Measured maps",
        "Replaying a sample",
    }


def test_links_of_the_page_lead_somewhere() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", PAGE.read_text(encoding="utf-8"))
    assert [target for target in targets if not (PAGE.parent / target).exists()] == []
