"""Best, median and worst are named as the pictures show them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from spinesynth.pipelines.evaluate import LONG_COLUMNS
from spinesynth.pipelines.report_cases import best_median_worst, caption_overlays
from spinesynth.pipelines.results import Results


def _results(*rows: tuple[str, str, str, float]) -> Results:
    """Return scores from (source, case, structure, Dice) of model A."""
    table = pd.DataFrame(
        [
            ("r", "A", case, case, source, "T2", "standard", 1.0, structure, "dice", value, "1")
            for source, case, structure, value in rows
        ],
        columns=list(LONG_COLUMNS),
    )
    return Results(Path(), table, None, None, {}, None)


TWO_SOURCES = _results(
    ("s", "low", "disc", 0.2), ("s", "low", "canal", 0.4), ("s", "mid", "disc", 0.5),
    ("s t", "high", "disc", 0.9), ("s t", "high", "canal", 0.5),
    ("s t", "none", "disc", float("nan")),
)  # fmt: skip


def test_cases_are_ranked_by_their_mean_and_by_structure() -> None:
    table = best_median_worst(TWO_SOURCES)
    assert table is not None
    assert table.to_numpy().tolist() == [
        ["A", "mean of all", "3", "high (0.700)", "mid (0.500)", "low (0.300)"],
        ["A", "disc", "3", "high (0.900)", "mid (0.500)", "low (0.200)"],
        ["A", "canal", "2", "high (0.500)", "–", "low (0.400)"],
    ]


def test_an_only_case_is_neither_best_nor_worst() -> None:
    table = best_median_worst(_results(("s", "one", "disc", 0.5)))
    assert table is not None
    assert table["Best"].tolist() == ["one (0.500), the only case"] * 2
    assert table["Worst"].tolist() == ["–"] * 2


def test_captions_name_the_cases_of_each_picture() -> None:
    captions = caption_overlays(TWO_SOURCES)
    assert list(captions) == ["A", "A_s", "A_s_t"]
    assert captions["A"].endswith("best: high (0.700); median: mid (0.500); worst: low (0.300)")
    assert captions["A_s_t"].endswith("only case: high (0.700)")


def test_without_scores_nothing_is_named() -> None:
    nothing = Results(Path(), None, None, None, {}, None)
    assert best_median_worst(nothing) is None
    assert caption_overlays(nothing) == {}
    assert best_median_worst(_results(("s", "none", "disc", float("nan")))) is None
