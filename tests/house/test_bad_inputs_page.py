"""The list of bad inputs holds each of them, and each of its tests and codes is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: How many kinds of bad input a scan, a label map or a folder can be.
KINDS = 62
_ROW = re.compile(r"^\| (\d+) \|(.+)\|(.+)\|(.+)\|(.+)\|$", re.MULTILINE)
_TEST = re.compile(r"`(\w+)::(\w+)`")
_CODE = re.compile(r"E-[A-Z]+-\d{3}")


def _rows() -> list[tuple[str, ...]]:
    return _ROW.findall((ROOT / "docs" / "bad_inputs.md").read_text(encoding="utf-8"))


def test_every_kind_has_one_row_with_a_response() -> None:
    rows = _rows()
    assert [int(row[0]) for row in rows] == list(range(1, KINDS + 1))
    assert [row[0] for row in rows if not row[2].strip()] == []


def test_every_row_names_tests_that_exist() -> None:
    sources = {
        path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")
    }
    missing = [
        f"{number}: {file}::{name}"
        for number, *_, tests in _rows()
        for file, name in _TEST.findall(tests) or [("no", "test")]
        if f"def {name}(" not in sources.get(file, "")
    ]
    assert missing == []


def test_every_code_of_a_row_is_one_that_its_tests_look_for() -> None:
    table = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    sources = {
        path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")
    }
    for number, _, _, codes, tests in _rows():
        looked_at = "".join(sources[file] for file, _ in _TEST.findall(tests))
        for code in _CODE.findall(codes):
            assert f"| {code} |" in table, (number, code)
            assert code in looked_at, (number, code)
