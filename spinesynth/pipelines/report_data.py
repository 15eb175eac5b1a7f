"""Who trained, validated and tested, and whether anything is in two of these parts."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from spinesynth.few import name_few
from spinesynth.pipelines.report_facts import standard_scores
from spinesynth.pipelines.results import Results

#: Parts of a split in their order, and how a reader meets them.
PARTS = {"train": "Training", "validation": "Validation", "test": "Test"}
#: Column of the split -> what two parts must not share.
_CONTENT = {"image_sha256": "Identical images", "label_sha256": "Identical label maps"}
_NAMED = 5  # names in a cell
_FOLD = "fold"

CHECKED, NOT_KNOWN, LEAK = "checked", "not known", "LEAK"


def count_data(results: Results) -> pd.DataFrame | None:
    """Return patients and scans of each part by source and contrast, and of all.

    Without a split, as where a checkpoint was tested, the scans with a score stand for it.
    """
    table = _parts_of(results)
    if table is None:
        return None
    rows = [
        {"Source": source, "Contrast": contrast, **_counts(group)}
        for (source, contrast), group in table.groupby(["source", "contrast"], sort=True)
    ]
    return pd.DataFrame([*rows, {"Source": "all", "Contrast": "all", **_counts(table)}])


def _parts_of(results: Results) -> pd.DataFrame | None:
    if results.split is not None:
        return results.split
    scores = standard_scores(results)
    if scores is None:
        return None
    cases = scores[["case_id", "patient_id", "source", "contrast"]].drop_duplicates()
    return cases.assign(split="test")


def _counts(table: pd.DataFrame) -> dict[str, str]:
    """Return ``patients (scans)`` of each part."""
    cells = {}
    for part, title in PARTS.items():
        rows = table[table["split"] == part]
        patients, scans = rows["patient_id"].nunique(), rows["case_id"].nunique()
        cells[f"{title}: patients (scans)"] = f"{patients} ({scans})" if scans else "–"
    return cells


def check_leaks(results: Results) -> pd.DataFrame | None:
    """Return what was looked for in two parts of the data at once, and what was found.

    Of folds each is looked at alone, as everybody trains in some and is tested in one.
    """
    manifest = results.manifest or {}
    if results.split is None:
        if "seen_patients_known" not in manifest:
            return (
                None
                if standard_scores(results) is None
                else _frame(_unknown("no split is recorded"))
            )
        return _frame([_seen_patients(manifest)])
    rows = [_check(results.split, "patient_id", "Patients")]
    rows += [_check(results.split, column, what) for column, what in _CONTENT.items()]
    return _frame(rows)


def _frame(rows: list[tuple[str, str, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["In two parts", "State", "Found"])


def _unknown(why: str) -> list[tuple[str, str, str]]:
    return [(what, NOT_KNOWN, why) for what in ("Patients", *_CONTENT.values())]


def _seen_patients(manifest: dict[str, object]) -> tuple[str, str, str]:
    """Return what a record says of patients that the checkpoint had seen."""
    what = "Patients that the checkpoint had seen"
    if not manifest["seen_patients_known"]:
        return what, NOT_KNOWN, "the checkpoint does not name its patients"
    tested = manifest.get("seen_patients_included", 0)
    left_out = manifest.get("seen_patients_left_out", 0)
    return what, LEAK if tested else CHECKED, f"{tested} tested, {left_out} left out"


def _check(split: pd.DataFrame, column: str, what: str) -> tuple[str, str, str]:
    """Return what two parts share, by the values of a column."""
    if column not in split.columns:
        return what, NOT_KNOWN, "no digest is recorded"
    known = split[split[column] != ""]
    shared = list(dict.fromkeys(_shared(known, column)))
    if shared:
        return what, LEAK, name_few(shared, limit=_NAMED)
    if known["split"].nunique() < 2:
        return what, NOT_KNOWN, "digests of one part at most are recorded"
    if len(known) < len(split):
        return what, CHECKED, f"none among the {len(known)} of {len(split)} files that were read"
    return what, CHECKED, "none"


def _shared(split: pd.DataFrame, column: str) -> Iterator[str]:
    """Yield the cases (or patients) whose value stands in two parts of one fold."""
    folds = [column, _FOLD] if _FOLD in split.columns else [column]
    name = "patient_id" if column == "patient_id" else "case_id"
    for _, group in split.groupby(folds, sort=True):
        if group["split"].nunique() > 1:
            yield " = ".join(sorted(set(group[name])))
