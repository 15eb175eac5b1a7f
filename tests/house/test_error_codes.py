"""Every error code is explained, and no explanation outlives its code."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_CODE = re.compile(r"\bE-[A-Z]+-\d{3}\b")


def test_docs_list_exactly_the_codes_of_the_source() -> None:
    used = {
        code
        for path in (ROOT / "spinesynth").rglob("*.py")
        for code in _CODE.findall(path.read_text(encoding="utf-8"))
    }
    table = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| (E-[A-Z]+-\d{3}) \|", table, re.MULTILINE)
    assert sorted(listed) == sorted(set(listed))
    assert set(listed) == used
