"""The robustness suite in numbers: its tables as CSV, and as text for reports."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd

from spinesynth.anatomy.structures import REPORT_GROUPS
from spinesynth.io.tables import write_csv
from spinesynth.metrics import METRICS
from spinesynth.pipelines.conditions import CONDITIONS, ORIGINAL, SEVERITIES
from spinesynth.pipelines.report_format import UNDEFINED, number, plain, with_interval
from spinesynth.pipelines.results import (
    CONDITIONS_AREA_CSV,
    CONDITIONS_CSV,
    CONDITIONS_FAILURES_CSV,
    CONDITIONS_LEFT_OUT_CSV,
    CONDITIONS_SUMMARY_CSV,
    CONDITIONS_WORST_CSV,
    TABLES,
    Results,
)
from spinesynth.pipelines.severity_summary import (
    MEAN,
    severity_areas,
    severity_summary,
    spread_original,
    with_mean_structure,
    worst_conditions,
)
from spinesynth.pipelines.suite import LEVEL, SuiteResult


def summarise_suite(table: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Return mean Dice and what is kept of it by model, structure, condition and severity.

    Args:
        table: long table of :func:`spinesynth.pipelines.suite.evaluate_conditions`.
        seed: of the bootstrap intervals.

    Returns:
        As of ``severity_summary``, with the structure ``mean`` besides the others, in the
        order of ``CONDITIONS``.
    """
    spread = spread_original(with_mean_structure(table), name=ORIGINAL, order=tuple(CONDITIONS))
    summary = severity_summary(spread, original=0.0, record=LEVEL, seed=seed)
    orders = {
        "condition": {name: place for place, name in enumerate(CONDITIONS)},
        "structure": {name: place for place, name in enumerate([MEAN, *REPORT_GROUPS])},
    }
    by = ["condition", "structure", "model", "severity"]

    def key(column: pd.Series) -> pd.Series:
        return column.map(orders[str(column.name)]) if column.name in orders else column

    return summary.sort_values(by, key=key, kind="stable").reset_index(drop=True)


def write_suite(folder: Path, result: SuiteResult) -> None:
    """Write all tables of the suite into a run's folder.

    Raises:
        OutputError: if a file cannot be written.
    """
    (folder / TABLES).mkdir(parents=True, exist_ok=True)
    summary = summarise_suite(result.table)
    for path, table in (
        (CONDITIONS_CSV, result.table),
        (CONDITIONS_SUMMARY_CSV, summary),
        (CONDITIONS_AREA_CSV, severity_areas(summary)),
        (CONDITIONS_WORST_CSV, worst_conditions(summary)),
        (CONDITIONS_LEFT_OUT_CSV, result.left_out),
        (CONDITIONS_FAILURES_CSV, result.failures),
    ):
        write_csv(folder / path, table)


def suite_summary(results: Results) -> pd.DataFrame | None:
    """Return the summary of a run's suite, None where there is none."""
    if results.conditions is None:
        return None
    summary = summarise_suite(results.conditions)
    return None if summary.empty else summary


def untouched(results: Results) -> pd.DataFrame | None:
    """Return the scores of the suite's untouched scans as those of a standard test."""
    table = results.conditions
    if table is None:
        return None
    table = table[table["metric"].isin(METRICS) & (table["condition"] == ORIGINAL)]
    return table.assign(condition="standard", severity=1.0) if len(table) else None


def list_levels(results: Results) -> pd.DataFrame | None:
    """Return what the severities of each condition came to, as text."""
    summary = suite_summary(results)
    if summary is None:
        return None
    rows = []
    for name, group in summary.groupby("condition", sort=False):
        condition = CONDITIONS[str(name)]
        levels = group.groupby("severity")["level"].mean()
        row = {"Condition": str(name), "What": condition.what}
        row |= {str(s): _level(levels.get(float(s), float("nan"))) for s in SEVERITIES}
        rows.append(row | {"Unit": condition.reached_unit or condition.unit})
    return pd.DataFrame(rows)


def _level(value: float) -> str:
    return UNDEFINED if math.isnan(value) else f"{value:.3g}"


def list_curves(results: Results) -> pd.DataFrame | None:
    """Return the curves, a row for each condition, structure and model, as text."""
    summary = suite_summary(results)
    if summary is None:
        return None
    rows = []
    for names, group in summary.groupby(["condition", "structure", "model"], sort=False):
        row = dict(zip(("Condition", "Structure", "Model"), map(str, names), strict=True))
        counts = sorted(group["n_patients"])
        row["Patients"] = "–".join(str(count) for count in dict.fromkeys((counts[0], counts[-1])))
        row |= {str(severity): UNDEFINED for severity in (0, *SEVERITIES)}
        for point in group.to_dict("records"):
            cell = with_interval(point["dice"], point["low"], point["high"], 3)
            row[plain(float(point["severity"]))] = cell
        rows.append(row)
    return pd.DataFrame(rows)


def list_areas(results: Results) -> pd.DataFrame | None:
    """Return the areas under the curves, as text."""
    summary = suite_summary(results)
    if summary is None:
        return None
    rows = [
        {
            "Condition": row["condition"], "Structure": row["structure"], "Model": row["model"],
            "Severities": row["severities"], "Dice": number(row["area_dice"], 3),
            "Robustness score": number(row["area_score"], 3),
            "Least patients": str(row["n_patients"]),
        }
        for row in severity_areas(summary).to_dict("records")
    ]  # fmt: skip
    return pd.DataFrame(rows) if rows else None


def list_worst(results: Results) -> pd.DataFrame | None:
    """Return the worst condition and severity of each model and structure, as text."""
    summary = suite_summary(results)
    if summary is None:
        return None
    rows = [
        {
            "Model": row["model"], "Structure": row["structure"], "Condition": row["condition"],
            "Severity": plain(float(row["severity"])), "Level": _level(row["level"]),
            "Dice": with_interval(row["dice"], row["low"], row["high"], 3),
            "Robustness score": number(row["robustness_score"], 3),
            "Patients": str(row["n_patients"]),
        }
        for row in worst_conditions(summary).to_dict("records")
    ]  # fmt: skip
    return pd.DataFrame(rows).sort_values("Model", kind="stable") if rows else None


def list_left_out(results: Results) -> pd.DataFrame | None:
    """Return what was left out and why, as text, with the number of scans."""
    table = results.left_out
    if table is None:
        return None
    keys = ["condition", "severity", "reason"]
    rows = [
        {"Condition": name, "Severity": plain(float(str(severity))), "Reason": reason,
         "Scans": str(len(group))}
        for (name, severity, reason), group in table.groupby(keys, sort=True)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["Condition", "Severity", "Reason", "Scans"])
