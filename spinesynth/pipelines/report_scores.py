"""Tables of scores in a report: models, contrasts, resolutions side by side.

Each takes the results of a run and returns a frame of text; ``None`` says that the run never
measured it. A mean always stands with its number of patients.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from spinesynth.anatomy.structures import REPORT_GROUPS
from spinesynth.metrics import HEADLINE_METRICS, METRICS, summarise
from spinesynth.pipelines.report_facts import standard_scores
from spinesynth.pipelines.report_format import (
    compare_side_by_side,
    in_report_order,
    interval_cell,
    list_further,
    number,
    plain,
    titled,
    with_interval,
)
from spinesynth.pipelines.results import Results
from spinesynth.pipelines.robustness import robustness_summary

_GROUP = ["source", "contrast", "structure"]


def _degraded(results: Results) -> pd.DataFrame | None:
    """Return the table of degraded conditions, None where there are no scores."""
    table = results.robustness
    if table is None or not table["metric"].isin(METRICS).any():
        return None
    return table


def list_comparison(results: Results) -> pd.DataFrame | None:
    """Return models side by side, a row for each source, contrast and structure."""
    table = standard_scores(results)
    return None if table is None else titled(compare_side_by_side(table, _GROUP))


def list_further_metrics(results: Results) -> pd.DataFrame | None:
    """Return the metrics beside the headline ones."""
    table = standard_scores(results)
    if table is None or table["metric"].isin(HEADLINE_METRICS).all():
        return None
    return titled(list_further(table, _GROUP))


def list_contrast_shift(results: Results) -> pd.DataFrame | None:
    """Return the Dice of each model on every contrast."""
    table = standard_scores(results)
    if table is None:
        return None
    keys = ["contrast", "source", "model"]
    summary = summarise(table[table["metric"] == "dice"], [*keys, "structure"])
    structures = [name for name in REPORT_GROUPS if name in set(summary["structure"])]
    rows = []
    for names, group in summary.groupby(keys, sort=True):
        counts = sorted(set(group["n_patients"]))
        row = dict(zip(keys, names, strict=True))
        row["Patients"] = "–".join(str(count) for count in {counts[0]: 0, counts[-1]: 0})
        for structure in structures:
            known = group[group["structure"] == structure]
            row[f"Dice {structure}"] = "" if known.empty else interval_cell(known, "dice")
        rows.append(row)
    return titled(pd.DataFrame(rows))


def list_resolution(results: Results) -> pd.DataFrame | None:
    """Return the scores at each factor of coarser voxels."""
    table = _degraded(results)
    if table is None:
        return None
    scores = table[table["metric"].isin(METRICS)]
    frame = compare_side_by_side(scores, ["condition", "structure", "severity"])
    keys = ["condition", "structure", "severity"]
    reached = robustness_summary(table).groupby(keys)["resolution_mm"].mean().reset_index()
    voxels = {
        (row["condition"], row["structure"], plain(row["severity"])): row["resolution_mm"]
        for row in reached.to_dict("records")
    }
    rows = zip(*(frame[key] for key in keys), strict=True)
    at = [number(voxels.get(row, float("nan")), 2) for row in rows]
    frame.insert(3, "Voxel (mm)", at)
    return titled(frame.rename(columns={"severity": "Factor"}))


def list_robustness(results: Results) -> pd.DataFrame | None:
    """Return what each model keeps of its Dice at each factor."""
    table = _degraded(results)
    if table is None:
        return None
    summary = robustness_summary(table)
    summary = in_report_order(
        summary[summary["severity"] > 1], ["condition", "structure", "severity", "model"]
    )
    rows = [
        {
            "condition": row["condition"], "structure": row["structure"],
            "Factor": plain(float(row["severity"])), "model": row["model"],
            "Patients": str(row["n_patients"]),
            "Dice": with_interval(row["dice"], row["low"], row["high"], 3),
            "Robustness score": number(row["robustness_score"], 3),
            "Absolute drop": number(row["absolute_drop"], 3),
        }
        for row in summary.to_dict("records")
    ]  # fmt: skip
    return titled(pd.DataFrame(rows)) if rows else None


def of_standard_scores(
    results: Results, build: Callable[[pd.DataFrame], pd.DataFrame | None]
) -> pd.DataFrame | None:
    """Build a table from the scores at the original condition, if there are any."""
    table = standard_scores(results)
    frame = None if table is None else build(table)
    return None if frame is None or frame.empty else titled(frame)
