"""The robustness suite in numbers: its tables as CSV, and as text for reports."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from spinesynth.anatomy.structures import REPORT_GROUPS
from spinesynth.io.tables import write_csv
from spinesynth.metrics import METRICS
from spinesynth.pipelines.conditions import CONDITIONS, ORIGINAL, SEVERITIES
from spinesynth.pipelines.paired_scores import MEAN
from spinesynth.pipelines.report_format import UNDEFINED, number, plain, with_interval
from spinesynth.pipelines.results import (
    CONDITIONS_AREA_CSV,
    CONDITIONS_CSV,
    CONDITIONS_DIFFERENCES_CSV,
    CONDITIONS_FAILURES_CSV,
    CONDITIONS_LEFT_OUT_CSV,
    CONDITIONS_SUMMARY_CSV,
    CONDITIONS_WORST_CSV,
    TABLES,
    Results,
)
from spinesynth.pipelines.severity_summary import (
    model_differences,
    severity_areas,
    severity_summary,
    spread_original,
    worst_conditions,
)
from spinesynth.pipelines.suite import LEVEL, SuiteResult


class SuiteNumbers(NamedTuple):
    """Hold what the suite's scores come to, the structure ``mean`` besides the others.

    Attributes:
        summary: of ``severity_summary``, in the order of ``CONDITIONS``.
        areas: of ``severity_areas``.
        worst: of ``worst_conditions``.
        differences: of ``model_differences``; empty of one model.
    """

    summary: pd.DataFrame
    areas: pd.DataFrame
    worst: pd.DataFrame
    differences: pd.DataFrame


def summarise_suite(table: pd.DataFrame, *, seed: int = 0) -> SuiteNumbers:
    """Return mean Dice and what is kept of it by model, structure, condition and severity.

    Args:
        table: long table of :func:`spinesynth.pipelines.suite.evaluate_conditions`.
        seed: of the bootstrap intervals.
    """
    spread = spread_original(table, name=ORIGINAL, order=tuple(CONDITIONS))
    summary = _in_order(
        severity_summary(spread, original=0.0, record=LEVEL, seed=seed, mean=True),
        ["condition", "structure", "model", "severity"],
    )
    areas = _in_order(severity_areas(spread, mean=True), ["condition", "structure", "model"])
    differences = model_differences(spread, seed=seed, mean=True)
    by = ["condition", "structure", "model", "other", "severity"]
    return SuiteNumbers(summary, areas, worst_conditions(summary), _in_order(differences, by))


def _in_order(table: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    orders = {
        "condition": {name: place for place, name in enumerate(CONDITIONS)},
        "structure": {name: place for place, name in enumerate([MEAN, *REPORT_GROUPS])},
    }

    def key(column: pd.Series) -> pd.Series:
        return column.map(orders[str(column.name)]) if column.name in orders else column

    return table.sort_values(list(by), key=key, kind="stable").reset_index(drop=True)


def write_suite(folder: Path, result: SuiteResult) -> None:
    """Write all tables of the suite into a run's folder.

    Raises:
        OutputError: if a file cannot be written.
    """
    (folder / TABLES).mkdir(parents=True, exist_ok=True)
    numbers = summarise_suite(result.table)
    for path, table in (
        (CONDITIONS_CSV, result.table),
        (CONDITIONS_SUMMARY_CSV, numbers.summary),
        (CONDITIONS_AREA_CSV, numbers.areas),
        (CONDITIONS_WORST_CSV, numbers.worst),
        (CONDITIONS_DIFFERENCES_CSV, numbers.differences),
        (CONDITIONS_LEFT_OUT_CSV, result.left_out),
        (CONDITIONS_FAILURES_CSV, result.failures),
    ):
        write_csv(folder / path, table)


@lru_cache(maxsize=1)  # every table and figure of a report asks for the same numbers
def suite_numbers(results: Results) -> SuiteNumbers | None:
    """Return what a run's suite comes to, None where there is none."""
    if results.conditions is None:
        return None
    numbers = summarise_suite(results.conditions)
    return None if numbers.summary.empty else numbers


def untouched(results: Results) -> pd.DataFrame | None:
    """Return the scores of the suite's untouched scans as those of a standard test."""
    table = results.conditions
    if table is None:
        return None
    table = table[table["metric"].isin(METRICS) & (table["condition"] == ORIGINAL)]
    return table.assign(condition="standard", severity=1.0) if len(table) else None


def list_levels(results: Results) -> pd.DataFrame | None:
    """Return what the severities of each condition came to, as text."""
    if results.conditions is None:
        return None
    table = results.conditions[results.conditions["metric"] == LEVEL]
    cases = table.drop_duplicates(["condition", "severity", "case_id"])  # models see the same
    rows = []
    for name, condition in CONDITIONS.items():
        levels = cases[cases["condition"] == name].groupby("severity")["value"].mean()
        if levels.empty:
            continue
        row = {"Condition": name, "What": condition.what}
        row |= {str(s): _level(levels.get(float(s), float("nan"))) for s in SEVERITIES}
        rows.append(row | {"Unit": condition.reached_unit or condition.unit})
    return pd.DataFrame(rows) if rows else None


def _level(value: float) -> str:
    return UNDEFINED if math.isnan(value) else f"{value:.3g}"


def list_curves(results: Results) -> pd.DataFrame | None:
    """Return the curves, a row for each condition, structure and model, as text."""
    numbers = suite_numbers(results)
    if numbers is None:
        return None
    rows = []
    for names, group in numbers.summary.groupby(["condition", "structure", "model"], sort=False):
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
    numbers = suite_numbers(results)
    if numbers is None:
        return None
    rows = [
        {
            "Condition": row["condition"], "Structure": row["structure"], "Model": row["model"],
            "Severities": row["severities"], "Dice": number(row["area_dice"], 3),
            "Robustness score": number(row["area_score"], 3),
            "Patients": str(row["n_patients"]),
        }
        for row in numbers.areas.to_dict("records")
    ]  # fmt: skip
    return pd.DataFrame(rows) if rows else None


def list_worst(results: Results) -> pd.DataFrame | None:
    """Return the worst condition and severity of each model and structure, as text."""
    numbers = suite_numbers(results)
    if numbers is None:
        return None
    rows = [
        {
            "Model": row["model"], "Structure": row["structure"], "Condition": row["condition"],
            "Severity": plain(float(row["severity"])), "Level": _level(row["level"]),
            "Dice": with_interval(row["dice"], row["low"], row["high"], 3),
            "Drop": number(row["absolute_drop"], 3),
            "Robustness score": with_interval(
                row["robustness_score"], row["score_low"], row["score_high"], 3
            ),
            "Patients": str(row["n_patients"]), "Scans dropped": str(row["n_dropped"]),
        }
        for row in numbers.worst.to_dict("records")
    ]  # fmt: skip
    return pd.DataFrame(rows).sort_values("Model", kind="stable") if rows else None


def list_scores(results: Results) -> pd.DataFrame | None:
    """Return the robustness scores with their intervals, as text."""
    numbers = suite_numbers(results)
    if numbers is None:
        return None
    kept = numbers.summary[numbers.summary["severity"] > 0]
    names = {"condition": "Condition", "structure": "Structure", "model": "Model"}
    return _across_severities(kept, names, ("robustness_score", "score_low", "score_high"))


def list_differences(results: Results) -> pd.DataFrame | None:
    """Return the differences of each pair of models with their intervals, as text."""
    numbers = suite_numbers(results)
    if numbers is None or numbers.differences.empty:
        return None
    names = {
        "condition": "Condition", "structure": "Structure", "model": "Model", "other": "Minus",
    }  # fmt: skip
    return _across_severities(numbers.differences, names, ("difference", "low", "high"))


def _across_severities(
    table: pd.DataFrame, names: Mapping[str, str], shown: tuple[str, str, str]
) -> pd.DataFrame | None:
    """Return a row for each of some names, with a number and its interval at each severity."""
    rows = []
    for told, group in table.groupby(list(names), sort=False):
        row = dict(zip(names.values(), map(str, told), strict=True))
        row |= {plain(float(severity)): UNDEFINED for severity in sorted(set(table["severity"]))}
        for point in group.to_dict("records"):
            middle, low, high = (point[name] for name in shown)
            cell = with_interval(middle, low, high, 3)
            row[plain(float(point["severity"]))] = cell
        rows.append(row)
    return pd.DataFrame(rows) if rows else None


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
