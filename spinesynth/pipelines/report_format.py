"""Numbers as text: fixed digits, models side by side, rows in the order of the report."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from spinesynth.anatomy.structures import REPORT_GROUPS
from spinesynth.metrics import HEADLINE_METRICS, METRICS, summarise

UNDEFINED = "–"
#: Columns whose names a report begins with a capital letter.
_WITH_CAPITAL = (
    "model", "condition", "source", "contrast", "structure", "severity", "code", "message",
)  # fmt: skip


def number(value: float, digits: int) -> str:
    """Return a number with fixed digits, a dash where it is undefined."""
    if math.isnan(value):
        return UNDEFINED
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text  # no minus zero


def with_interval(mean: float, low: float, high: float, digits: int) -> str:
    """Return ``mean [low, high]``; without an interval (one patient) the mean alone."""
    if math.isnan(low):
        return number(mean, digits)
    return f"{number(mean, digits)} [{number(low, digits)}, {number(high, digits)}]"


def in_report_order(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Sort rows by columns, structures in the order of the report."""
    order = {name: place for place, name in enumerate(REPORT_GROUPS)}

    def key(column: pd.Series) -> pd.Series:
        if column.name != "structure":
            return column
        return column.map(lambda name: order.get(name, len(order)))

    return frame.sort_values(list(by), key=key, kind="stable").reset_index(drop=True)


def _counts(rows: pd.DataFrame, column: str) -> str:
    """Return one count where all models agree, else each with its model."""
    if rows[column].nunique() == 1:
        return str(rows[column].iloc[0])
    return ", ".join(f"{m} {n}" for m, n in zip(rows["model"], rows[column], strict=True))


def compare_side_by_side(table: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Put the models' means of the headline metrics side by side for each group.

    Args:
        table: long table of scores.
        by: columns that make a row, among them ``structure``.

    Returns:
        Text: ``*by, Patients``, one column for each metric and model, and
        ``Undefined scans`` (both masks empty, left out of the means).
    """
    headline = table[table["metric"].isin(HEADLINE_METRICS)]
    summary = summarise(headline, [*by, "metric", "model"])
    models = sorted(headline["model"].unique())
    groups = in_report_order(summary[list(by)].drop_duplicates(), by)
    rows = []
    for _, group in groups.iterrows():
        chosen = summary[(summary[list(by)] == group).all(axis=1)]
        row = {name: plain(group[name]) for name in by}
        first = chosen[chosen["metric"] == chosen["metric"].min()]
        row["Patients"] = _counts(first, "n_patients")
        for metric in HEADLINE_METRICS:
            of_metric = chosen[chosen["metric"] == metric]
            for model in models:
                cell = interval_cell(of_metric[of_metric["model"] == model], metric)
                row[f"{model} {METRICS[metric].label}"] = cell
        row["Undefined scans"] = _counts(first, "n_excluded")
        rows.append(row)
    return pd.DataFrame(rows)


def list_further(table: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """List every metric that is not a headline, one row for each group and model.

    Args:
        table: long table of scores.
        by: columns that make a group, among them ``structure``.

    Returns:
        Text: ``*by, model, Patients`` and one column for each such metric of the table.
    """
    keys = [*by, "model"]
    summary = summarise(table[~table["metric"].isin(HEADLINE_METRICS)], [*keys, "metric"])
    shown = [name for name in METRICS if name in set(summary["metric"])]
    groups = in_report_order(summary[keys].drop_duplicates(), keys)
    rows = []
    for _, group in groups.iterrows():
        chosen = summary[(summary[keys] == group).all(axis=1)]
        row = {name: plain(group[name]) for name in keys}
        row["Patients"] = str(chosen["n_patients"].max())
        for metric in shown:
            row[METRICS[metric].label] = interval_cell(chosen[chosen["metric"] == metric], metric)
        rows.append(row)
    return pd.DataFrame(rows)


def plain(value: object) -> str:
    """Return a cell as text, whole numbers without decimals."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def interval_cell(rows: pd.DataFrame, metric: str) -> str:
    """Return mean with interval of the first row of a summary, a dash where it has none."""
    if rows.empty:
        return UNDEFINED
    mean, low, high = (float(rows[name].iloc[0]) for name in ("mean", "low", "high"))
    return with_interval(mean, low, high, METRICS[metric].digits)


def titled(frame: pd.DataFrame) -> pd.DataFrame:
    """Give columns the names that readers see."""
    names = {"in_plane_factor": "in-plane", "through_plane_factor": "through-plane"}
    if "condition" in frame:
        frame = frame.assign(condition=frame["condition"].replace(names))
    capitals = {name: name.capitalize() for name in _WITH_CAPITAL}
    return frame.rename(columns=capitals)
