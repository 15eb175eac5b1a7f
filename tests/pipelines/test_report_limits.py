"""A limit stands in the report where it is true of the run, and only there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from spinesynth.pipelines.report_limits import state_limits
from spinesynth.pipelines.results import Results
from tests.pipelines.fabricated_run import make_split, make_tables

SCORES, DEGRADED = make_tables()
RECORD = {
    "seed": 42, "commit": "c" * 40, "modified": False,
    "config": {"data": {"train_sources": ["spider_t2space"]}},
}  # fmt: skip


def _said(**fields: object) -> str:
    """Return the limits of a run as one text; by default of the fabricated one."""
    given: dict[str, Any] = {
        "folder": Path(), "metrics": SCORES, "robustness": DEGRADED, "failures": None,
        "training": {}, "manifest": RECORD, "split": make_split(),
    } | fields  # fmt: skip
    table = state_limits(Results(**given))
    assert table is not None
    assert table["No."].tolist() == [str(n + 1) for n in range(len(table))]
    return "\n".join(table["Limit"])


def test_the_size_is_that_of_the_tables() -> None:
    said = _said()
    assert "11 patients were scored (bodies 1, spider_t2space 7, two_contrasts 3)" in said
    assert "Of bodies, two_contrasts fewer than 6 were" in said
    assert "once, with seed 42" in said
    assert "which 7 patients of spider_t2space were held out" in said
    assert "body in bodies; canal in spider_t2space" in said
    assert "Scans of GRE, T1, T2, T2_SPACE come from one source each" in said
    assert "Degraded images are of 7 patients (spider_t2space), not of all 11." in said
    assert "share: identical images, identical label maps." in said
    assert "Age and sex of the patients are in no table" in said
    assert "nothing is said of other scanners" not in said


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("is nothing to compare", {"metrics": SCORES[SCORES["model"] == "A"]}),
        ("no test there can reach", {}),
        ("once in each fold", {"manifest": RECORD | {"folds": 5}}),
        ("changes that commit cccccccccccc", {"manifest": RECORD | {"modified": True}}),
        ("No commit is recorded", {"manifest": RECORD | {"commit": None}}),
        ("Degraded images were not scored", {"robustness": None}),
        ("of drawn phantoms", {"metrics": SCORES.assign(source="phantom")}),
        (
            "nothing is said of other scanners",
            {"metrics": SCORES[SCORES["source"] == "spider_t2space"]},
        ),
        ("different structures", {}),
    ],
)
def test_each_limit_stands_where_it_holds(text: str, fields: dict[str, Any]) -> None:
    assert text in _said(**fields)


def test_undefined_scores_are_counted() -> None:
    scores = SCORES.copy()
    one = (scores["metric"] == "dice") & (scores["case_id"] == "bodiesGRE0")
    scores.loc[one, "value"] = float("nan")  # of both models
    assert f"2 of {(scores['metric'] == 'dice').sum()} Dice are undefined" in _said(metrics=scores)


def test_limits_that_do_not_hold_are_not_told() -> None:
    whole = SCORES[SCORES["source"] == "spider_t2space"]
    digests = make_split().assign(image_sha256=range(19), label_sha256=range(19)).astype(str)
    said = _said(metrics=whole, split=digests)
    for text in (
        "different structures", "fewer than 6", "Degraded", "undefined", "compare", "share",
        "commit", "phantoms", "one source each", "could not be scored",
    ):  # fmt: skip
        assert text not in said


def test_failures_and_leaks_are_told() -> None:
    failures = pd.DataFrame({"case_id": ["torn", "torn"], "model": ["A", "B"]})
    assert "1 scan could not be scored at least once" in _said(failures=failures)
    split = make_split()
    split.loc[0, "patient_id"] = split.loc[split.index[-1], "patient_id"]
    assert "Leak: Patients stand in two parts" in _said(split=split)


def test_without_scores_nothing_is_said() -> None:
    assert state_limits(Results(Path(), None, None, None, {}, RECORD)) is None
