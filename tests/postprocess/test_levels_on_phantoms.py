"""Levels of phantoms, whose truth is known; docs/levels.md holds the figures of more of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import levels
from benchmarks.label_damage import DAMAGES


def _share(rows: list[levels.Row]) -> float:
    seen = [row for row in rows if row.sacrum]
    return sum(row.counted for row in seen) / len(seen)


def _confidently_wrong(rows: list[levels.Row]) -> int:
    return sum(row.confident and row.name != row.truth for row in rows if not row.sacrum)


def test_true_masks_are_counted_right(monkeypatch: pytest.MonkeyPatch) -> None:
    few = {name: levels.VIEWS[name] for name in ("3 slices of 4 mm", "upper half, 3 slices")}
    monkeypatch.setattr(levels, "VIEWS", few)
    rows = levels.measure(range(1, 3), damages=["none", "blobs added"])
    assert {row.view for row in rows} == set(few)
    assert {row.damage for row in rows} == {"none", "blobs added"}
    assert _share(rows) == 1.0
    assert _confidently_wrong(rows) == 0


@pytest.mark.slow
def test_damaged_masks_are_counted_right() -> None:
    rows = levels.measure(range(20), damages=tuple(DAMAGES))
    # a field of view that is misread costs all of its vertebrae at once, so that few phantoms
    # tell little; the page holds the shares over a hundred
    plain = [row for row in rows if row.damage == "none"]
    assert _share(plain) >= 0.98
    assert _share(rows) >= 0.9
    assert _confidently_wrong(rows) <= 0.02 * sum(not row.sacrum for row in rows)


def test_table_goes_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- views of the benchmarks -->\nold\n<!-- end -->\nb\n")
    row = levels.Row(0, "v", "none", 5, True, "L5", "L5", True, 0.9, True)
    levels.write_page(page, {"views": levels.format_rows([row], "view")})
    text = page.read_text()
    assert "100.0 % of 1" in text
    assert "old" not in text
    assert text.endswith("<!-- end -->\nb\n")
    with pytest.raises(ValueError, match="must hold the mark of damages once, got it 0 times"):
        levels.write_page(page, {"damages": "x"})
