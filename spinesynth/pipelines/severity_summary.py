"""How much Dice is kept as severity rises: curves, the area under them, and the worst case."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from spinesynth.metrics import bootstrap_interval, patient_means

_SUMMARY_COLUMNS = (
    "model", "structure", "condition", "severity", "level", "dice", "low", "high",
    "robustness_score", "absolute_drop", "n_patients",
)  # fmt: skip
_AREA_COLUMNS = (
    "model", "structure", "condition", "severities", "area_dice", "area_score", "n_patients",
)  # fmt: skip
#: Stands for the mean over a case's structures.
MEAN = "mean"


def severity_summary(
    table: pd.DataFrame, *, original: float, record: str, seed: int = 0
) -> pd.DataFrame:
    """Return how much Dice each model keeps at each severity.

    A degraded mean is compared with the original mean of the same scans, so that scans which
    a severity leaves out do not count in either.

    Args:
        table: long table of any number of models.
        original: severity of the untouched images.
        record: metric of the rows that tell what a severity came to.
        seed: of the bootstrap interval of Dice.

    Returns:
        One row for each model, structure, condition and severity: mean ``level``
        reached, mean ``dice`` with its 95 % interval ``low, high``,
        ``robustness_score`` = degraded / original (NaN if the original is 0),
        ``absolute_drop`` = original - degraded, ``n_patients``.

    Example:
        A mean Dice of 0.9 that falls to 0.6 has the score 0.667 and the drop 0.3.
    """
    keys = ["model", "structure", "condition", "severity"]
    dice = _with_original(table[table["metric"] == "dice"], original)
    dice = _with_level(dice, table, record)
    level = dice.groupby(keys, as_index=False)["level"].mean()
    means = patient_means(dice, keys).drop(columns=["n_cases", "n_excluded"])
    untouched = patient_means(dice.assign(value=dice["original"]), keys)
    same = [*keys, "patient_id"]
    means = means.merge(untouched[[*same, "value"]].rename(columns={"value": "original"}), on=same)
    means = means.merge(level, on=keys)
    rows = []
    for names, group in means.groupby(keys, sort=True):
        interval = bootstrap_interval(group["value"].to_numpy(), seed=seed)
        before = float(group["original"].mean())
        score = interval.mean / before if before > 0 else float("nan")
        drop = before - interval.mean
        reached = float(group["level"].iloc[0])
        rows.append((*names, reached, *interval[:3], score, drop, interval.n))
    return pd.DataFrame(rows, columns=list(_SUMMARY_COLUMNS))


def _with_original(dice: pd.DataFrame, original: float) -> pd.DataFrame:
    """Return the defined rows of Dice with the defined ``original`` of the same case."""
    same = ["model", "structure", "condition", "case_id"]
    untouched = dice[dice["severity"] == original].rename(columns={"value": "original"})
    return dice.merge(untouched[[*same, "original"]], on=same).dropna(subset=["value", "original"])


def _with_level(dice: pd.DataFrame, table: pd.DataFrame, record: str) -> pd.DataFrame:
    """Return the rows of Dice with what the severity of each came to."""
    keys = ["model", "case_id", "condition", "severity"]
    reached = table.loc[table["metric"] == record, [*keys, "value"]]
    return dice.merge(reached.rename(columns={"value": "level"}), on=keys, how="left")


def with_mean_structure(table: pd.DataFrame) -> pd.DataFrame:
    """Add the mean Dice over the structures of each case, under the structure ``mean``.

    A structure without a defined score is left out of it.

    Args:
        table: long table.
    """
    dice = table[table["metric"] == "dice"]
    keys = [name for name in table.columns if name not in ("structure", "value")]
    means = dice.groupby(keys, sort=False, dropna=False, as_index=False)["value"].mean()
    added = means.assign(structure=MEAN)[list(table.columns)]
    joined: pd.DataFrame = pd.concat([table, added], ignore_index=True)
    return joined


def severity_areas(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the area under each curve over severity, divided by its span.

    Straight lines join the severities that were scored. 1 is no loss in ``area_score``
    and perfect segmentation in ``area_dice``.

    Args:
        summary: of :func:`severity_summary`.

    Returns:
        One row for each model, structure and condition: ``severities`` scored,
        ``area_dice``, ``area_score`` (NaN where a score is), least ``n_patients``. A
        curve of one point has none.

    Example:
        Dice 0.8, 0.8, 0.4 at severities 0, 1, 2 has the area (0.8 + 0.6) / 2 = 0.7.
    """
    keys = ["model", "structure", "condition"]
    rows = []
    for names, group in summary.groupby(keys, sort=False):
        curve = group.sort_values("severity")
        at = curve["severity"].to_numpy(dtype=float)
        if len(at) < 2:
            continue
        areas = [
            float(np.trapezoid(curve[name].to_numpy(dtype=float), at) / (at[-1] - at[0]))
            for name in ("dice", "robustness_score")
        ]
        told = " ".join(f"{severity:g}" for severity in at)
        rows.append((*names, told, *areas, int(curve["n_patients"].min())))
    return pd.DataFrame(rows, columns=list(_AREA_COLUMNS))


def worst_conditions(summary: pd.DataFrame, *, original: float = 0.0) -> pd.DataFrame:
    """Return where each model and structure does worst: the lowest mean Dice.

    Args:
        summary: of :func:`severity_summary`.
        original: severity that does not count.

    Returns:
        One row of the summary for each model and structure; of equals the first.
    """
    degraded = summary[summary["severity"] > original].dropna(subset=["dice"])
    chosen = degraded.groupby(["model", "structure"], sort=False)["dice"].idxmin()
    worst: pd.DataFrame = summary.loc[sorted(chosen)].reset_index(drop=True)
    return worst


def spread_original(table: pd.DataFrame, *, name: str, order: Sequence[str]) -> pd.DataFrame:
    """Give each condition the untouched scans of its cases as severity 0.

    Args:
        table: long table in which they stand once.
        name: condition of the untouched scans there.
        order: of the conditions.
    """
    untouched, degraded = table[table["condition"] == name], table[table["condition"] != name]
    parts = []
    for condition in order:
        own = degraded[degraded["condition"] == condition]
        if len(own):
            same = untouched[untouched["case_id"].isin(set(own["case_id"]))]
            parts += [same.assign(condition=condition), own]
    return pd.concat(parts, ignore_index=True) if parts else table.iloc[:0]
