"""Dice of a degraded scan beside that of the same scan untouched, for the same scans of all models.

Neither a scan that is left out nor a prediction that failed may raise a mean: what one model
has no score for counts for no model.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

#: Stands for the mean over a case's structures.
MEAN = "mean"
_ROW = ["model", "structure", "condition", "severity", "case_id", "patient_id"]


def pair_scores(
    table: pd.DataFrame, *, original: float, mean: bool = False, whole: bool = False
) -> pd.DataFrame:
    """Return the Dice of each degraded scan beside its original, where both are defined.

    At each condition and severity only those scans stay that every model with a score there
    has one for. The structure ``mean`` is the mean over a scan's structures that are so
    defined, the same ones for the original, and for every model.

    Args:
        table: long table of any number of models.
        original: severity of the untouched images, which each condition has.
        mean: add the structure ``mean``.
        whole: keep only scans that took every severity at which their condition was scored.

    Returns:
        One row for each model, structure, condition, severity and case: these, ``patient_id``,
        ``value`` and ``original``.
    """
    rows = _with_original(table, original)
    parts = [_of_all(rows, ["condition", "structure"], whole=whole)]
    if mean:
        shared = _of_all(rows, ["condition"], whole=whole)
        keys = [name for name in _ROW if name != "structure"]
        means = shared.groupby(keys, as_index=False)[["value", "original"]].mean()
        parts.append(means.assign(structure=MEAN)[list(rows.columns)])
    joined: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return joined


def count_original(table: pd.DataFrame, *, original: float, mean: bool = False) -> pd.DataFrame:
    """Return how many scans have a defined original score of any model.

    Returns:
        One row for each structure and condition: these and ``n_original``.
    """
    rows = _with_original(table, original)
    rows = rows[rows["severity"] == original]
    if mean:
        rows = pd.concat([rows, rows.assign(structure=MEAN)])
    counts = rows.groupby(["structure", "condition"])["case_id"].nunique()
    return counts.rename("n_original").reset_index()


def _with_original(table: pd.DataFrame, original: float) -> pd.DataFrame:
    """Return the defined rows of Dice with the defined ``original`` of the same case."""
    dice = table.loc[table["metric"] == "dice", [*_ROW, "value"]]
    same = ["model", "structure", "condition", "case_id"]
    untouched = dice[dice["severity"] == original].rename(columns={"value": "original"})
    return dice.merge(untouched[[*same, "original"]], on=same).dropna(subset=["value", "original"])


def _of_all(rows: pd.DataFrame, within: Sequence[str], *, whole: bool) -> pd.DataFrame:
    """Keep scans that every model has at a severity, and if ``whole`` at every severity.

    Models and severities are those that there are within equal values of some columns.
    """
    point = [*within, "severity"]
    models = rows.groupby(point)["model"].transform("nunique")
    scan = ["condition", "severity", "structure", "case_id"]
    kept = rows[rows.groupby(scan)["model"].transform("nunique") == models]
    if not whole:
        return kept
    severities = rows.groupby(list(within))["severity"].transform("nunique").loc[kept.index]
    curve = ["model", "condition", "structure", "case_id"]
    return kept[kept.groupby(curve)["severity"].transform("nunique") == severities]
