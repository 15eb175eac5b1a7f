"""Overlays choose best, median and worst, and show only what is annotated."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.io.case import Case
from spinesynth.pipelines import overlays
from spinesynth.pipelines.evaluate import evaluate_cases
from spinesynth.pipelines.overlays import OverlayCollector, best_slice
from spinesynth.viz import Overlay, draw_overlays
from tests.pipelines.fabricated import make_case, make_codes, make_loaded, read_codes


class _WorseAndWorse:
    """Predict the first case perfectly and each one later a voxel further off."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, image: MetaTensor, /) -> Tensor:
        self.calls += 1
        return torch.roll(read_codes(image), self.calls - 1, dims=1)


def _collect(*cases: Case) -> OverlayCollector:
    collector = OverlayCollector("A")
    evaluate_cases(
        _WorseAndWorse(), cases, run="t", model="A", on_case=collector, loader=make_loaded
    )
    return collector


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[list[Overlay]]:
    """Return what is drawn, each picture's rows."""
    pictures: list[list[Overlay]] = []

    def record(rows: list[Overlay], *, title: str) -> object:
        pictures.append(rows)
        return draw_overlays(rows, title=title)

    monkeypatch.setattr(overlays, "draw_overlays", record)
    return pictures


def test_best_median_and_worst_are_chosen(tmp_path: Path, drawn: list[list[Overlay]]) -> None:
    written = _collect(*(make_case(name) for name in "abcde")).save(tmp_path / "overlays")
    assert [path.name for path in written] == ["A.png"]
    assert written[0].read_bytes().startswith(b"\x89PNG")
    titles = [row.title.splitlines()[0] for row in drawn[0]]
    assert titles == ["best: a · T2", "median: c · T2", "worst: e · T2"]


@pytest.mark.parametrize(("names", "ranks"), [("a", ["only case"]), ("ab", ["best", "worst"])])
def test_few_cases_are_shown_once(
    tmp_path: Path, drawn: list[list[Overlay]], names: str, ranks: list[str]
) -> None:
    _collect(*(make_case(name) for name in names)).save(tmp_path)
    assert [row.title.split(":")[0] for row in drawn[0]] == ranks


def test_each_source_has_a_picture_of_its_own(tmp_path: Path) -> None:
    collector = _collect(make_case("a", source="one"), make_case("b", source="the/other"))
    names = [path.name for path in collector.save(tmp_path)]
    assert names == ["A.png", "A_one.png", "A_the_other.png"]


def test_only_annotated_structures_are_shown(tmp_path: Path, drawn: list[list[Overlay]]) -> None:
    _collect(make_case("a", annotated=frozenset({"vertebra", "disc"}))).save(tmp_path)
    _collect(make_case("b", annotated=frozenset({"body", "posterior"}))).save(tmp_path)
    assert [list(rows[0].prediction) for rows in drawn] == [
        ["vertebra", "disc"],
        ["body", "posterior"],
    ]


def test_without_a_score_there_is_no_picture(tmp_path: Path) -> None:
    assert _collect().save(tmp_path) == []


def test_the_slice_with_most_annotation_is_shown() -> None:
    codes = make_codes()
    codes[5, 0, 0] = 1  # one voxel more in slice 5
    assert best_slice(codes) == 5
