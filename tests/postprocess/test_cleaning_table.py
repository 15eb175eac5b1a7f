from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmarks.cleaning import choose, format_table, variants
from spinesynth.io.case import Case


def test_table_holds_the_gain_over_the_raw_prediction() -> None:
    rows = [
        (case, "a clinic", "T2", "disc", name, 0.5 if name == "raw" else value)
        for case, value in (("x", 0.6), ("y", 0.8))
        for name in variants()
    ]
    names = ["case_id", "source", "contrast", "structure", "variant", "dice"]
    line = format_table(pd.DataFrame(rows, columns=names)).splitlines()[-1]
    # two cases whose mean rises from 0.5 to 0.7, by every variant
    expected = ["a clinic", "T2", "disc", "2", "0.5000", *["+0.2000"] * (len(variants()) - 1)]
    assert line == f"| {' | '.join(expected)} |"


def test_last_complete_cases_of_each_source_are_chosen() -> None:
    def case(name: str, source: str, *, image: bool = True) -> Case:
        path = Path(name)
        return Case(
            name, name, source, "T2", frozenset({"disc"}), "spine6", path if image else None, path
        )

    cases = [case("a", "s"), case("b", "s"), case("c", "s", image=False), case("d", "t")]
    assert [c.case_id for c in choose(cases, 1)] == ["b", "d"]
