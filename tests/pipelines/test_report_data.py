"""The report counts who did what, and says what it knows of leaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from spinesynth.io.case import Case
from spinesynth.io.file_digest import digest_file
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.report_data import check_leaks, count_data
from spinesynth.pipelines.results import Results
from spinesynth.pipelines.split import Split
from spinesynth.pipelines.split_digest import table_with_digests
from tests.pipelines.fabricated_run import make_split, make_tables

COLUMNS = ["case_id", "patient_id", "source", "contrast", "split", "image_sha256", "label_sha256"]
CLEAN = [
    ("a", "1", "home", "T2", "train", "i1", "l1"),
    ("b", "2", "home", "T2", "validation", "i2", "l2"),
    ("c", "3", "home", "T1", "test", "i3", "l3"),
    ("d", "3", "away", "T2", "test", "i4", "l3"),  # one label map for two scans of a patient
]


def _results(rows: Sequence[tuple[str, ...]] | None = None, **fields: object) -> Results:
    split = None if rows is None else pd.DataFrame(rows, columns=COLUMNS)
    empty: dict[str, Any] = dict.fromkeys(("metrics", "robustness", "failures", "manifest"))
    return Results(folder=Path(), **(empty | {"training": {}, "split": split} | fields))


def _states(results: Results) -> dict[str, tuple[str, str]]:
    checks = check_leaks(results)
    assert checks is not None
    return {what: (state, found) for what, state, found in checks.to_numpy().tolist()}


def test_patients_and_scans_are_counted_by_source_contrast_and_part() -> None:
    table = count_data(_results(CLEAN))
    assert table is not None
    assert table.to_numpy().tolist() == [
        ["away", "T2", "–", "–", "1 (1)"],
        ["home", "T1", "–", "–", "1 (1)"],
        ["home", "T2", "1 (1)", "1 (1)", "–"],
        ["all", "all", "1 (1)", "1 (1)", "1 (2)"],  # the patient tested twice is one
    ]


def test_without_a_split_the_scored_scans_are_counted() -> None:
    table = count_data(_results(metrics=make_tables()[0]))
    assert table is not None
    total = table.iloc[-1]
    assert total["Test: patients (scans)"] == "11 (14)"  # 7, 3 of two contrasts, 1
    assert total["Training: patients (scans)"] == "–"
    assert count_data(_results()) is None


def test_parts_that_share_nothing_are_checked() -> None:
    assert _states(_results(CLEAN)) == dict.fromkeys(
        ("Patients", "Identical images", "Identical label maps"), ("checked", "none")
    )


@pytest.mark.parametrize(
    ("changed", "what", "found"),
    [
        (("d", "1", "away", "T2", "test", "i4", "l4"), "Patients", "1"),
        (("d", "4", "away", "T2", "test", "i1", "l4"), "Identical images", "a = d"),
        (("d", "4", "away", "T2", "validation", "i4", "l3"), "Identical label maps", "c = d"),
    ],
)
def test_a_leak_is_named(changed: tuple[str, ...], what: str, found: str) -> None:
    states = _states(_results([*CLEAN[:3], changed]))
    assert states.pop(what) == ("LEAK", found)
    assert set(states.values()) == {("checked", "none")}


def test_each_fold_is_checked_alone() -> None:
    rows = [*CLEAN, ("c", "3", "home", "T1", "train", "i3", "l3")]
    split = pd.DataFrame(rows, columns=COLUMNS).assign(fold=[1.0] * 4 + [2.0])
    assert _states(_results(split=split))["Patients"] == ("checked", "none")
    assert _states(_results(split=split.assign(fold=1.0)))["Patients"] == ("LEAK", "3")


def test_runs_without_digests_are_not_known() -> None:
    states = _states(_results(split=make_split()))
    assert states["Patients"] == ("checked", "none")
    assert states["Identical images"] == ("not known", "no digest is recorded")


def test_files_that_nobody_read_are_told() -> None:
    unread = [(*row[:5], "" if row[4] != "test" else row[5], row[6]) for row in CLEAN]
    assert _states(_results(unread))["Identical images"][0] == "not known"
    some = [(*CLEAN[0][:5], "", "l1"), *CLEAN[1:]]
    assert _states(_results(some))["Identical images"] == (
        "checked", "none among the 3 of 4 files that were read",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("record", "state"),
    [
        ({"seen_patients_known": False}, "not known"),
        ({"seen_patients_known": True, "seen_patients_left_out": 2}, "checked"),
        ({"seen_patients_known": True, "seen_patients_included": 2}, "LEAK"),
    ],
)
def test_a_tested_checkpoint_tells_whom_it_has_seen(record: dict[str, Any], state: str) -> None:
    results = _results(metrics=make_tables()[0], manifest=record)
    assert _states(results)["Patients that the checkpoint had seen"][0] == state


def test_scores_alone_leave_everything_unknown() -> None:
    results = _results(metrics=make_tables()[0])
    assert {state for state, _ in _states(results).values()} == {"not known"}
    assert check_leaks(_results()) is None


def _case(folder: Path, name: str) -> Case:
    for kind in ("image", "label"):
        (folder / f"{name}_{kind}").write_text(f"{name} {kind}")
    return Case(
        case_id=name, patient_id=name, source="s", contrast="T2", annotated=frozenset({"disc"}),
        scheme="parts", image=folder / f"{name}_image", label=folder / f"{name}_label",
    )  # fmt: skip


@pytest.mark.parametrize(("models", "read"), [(["A"], ["c"]), (["A", "B"], ["a", "b", "c"])])
def test_a_run_records_digests_of_what_it_reads(
    tmp_path: Path, models: list[str], read: list[str]
) -> None:
    a, b, c = (_case(tmp_path, name) for name in "abc")
    config = parse_config({"name": "x", "models": models, "data": {"train_sources": ["s"]}})
    table = table_with_digests(config, Split([a], [b], [c])).set_index("case_id")
    assert table["label_sha256"].tolist() == [digest_file(case.label) for case in (a, b, c)]  # type: ignore[arg-type]  # each has one
    assert [name for name in "abc" if table.loc[name, "image_sha256"]] == read
    assert table.loc["c", "image_sha256"] == digest_file(tmp_path / "c_image")


def test_a_case_without_files_has_no_digest(tmp_path: Path) -> None:
    a, b, c = (_case(tmp_path, name) for name in "abc")
    bare = replace(c, image=None, label=None)
    config = parse_config({"name": "x"})
    table = table_with_digests(config, Split([a], [b], [bare]))
    assert table[["image_sha256", "label_sha256"]].to_numpy().tolist()[2] == ["", ""]
