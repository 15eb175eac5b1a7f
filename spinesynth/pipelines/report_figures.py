"""The figures of a report: drawn from the run's tables alone, so they may be committed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from spinesynth.io.atomic import atomic_write
from spinesynth.metrics import get_metric, summarise
from spinesynth.pipelines.paired_scores import MEAN
from spinesynth.pipelines.report_format import in_report_order
from spinesynth.pipelines.results import CURVES, Results
from spinesynth.pipelines.robustness import robustness_summary
from spinesynth.pipelines.statistics_figures import build_agreement, build_boxes
from spinesynth.pipelines.suite_tables import suite_numbers
from spinesynth.viz import (
    draw_comparison,
    draw_degradation,
    draw_severities,
    draw_training,
    encode_png,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class ReportFigure:
    """Describe one figure of the report.

    Args:
        caption: below the figure, and its text for readers who cannot see it.
        build: draws it, ``None`` where nothing was measured.
    """

    caption: str
    build: Callable[[Results], Figure | None]


def _training(results: Results) -> Figure | None:
    return draw_training(results.training) if results.training else None


def _comparison(results: Results, *, metric: str) -> Figure | None:
    table = results.metrics
    if table is None:
        return None
    chosen = table[(table["metric"] == metric) & (table["condition"] == "standard")]
    keys = ["source", "contrast", "structure", "model"]
    summary = summarise(chosen, keys).dropna(subset=["mean"])
    if summary.empty:
        return None
    summary["group"] = summary["source"] + " · " + summary["contrast"]
    rows = {group: place for place, group in enumerate(summary["group"].unique())}
    summary["row"] = summary["group"].map(rows)
    kind = get_metric(metric)
    return draw_comparison(
        in_report_order(summary, ["structure", "row", "model"]).drop(columns="row"),
        title=f"{kind.title} by source, contrast and structure ({kind.better} is better)",
        label=kind.label,
        groups=list(rows),
    )


def _degradation(results: Results) -> Figure | None:
    if results.robustness is None:
        return None
    summary = robustness_summary(results.robustness)
    if summary.empty:
        return None
    ordered = in_report_order(summary, ["condition", "structure", "model", "severity"])
    return draw_degradation(ordered, title="Dice at falling resolution")


def _severities(results: Results) -> Figure | None:
    numbers = suite_numbers(results)
    if numbers is None:
        return None
    means = numbers.summary[numbers.summary["structure"] == MEAN]
    if means.empty:  # no structure that every model has
        return None
    return draw_severities(means, title="Dice by condition and severity, mean of structures")


def _of_standard(results: Results, build: Callable[[pd.DataFrame], Figure | None]) -> Figure | None:
    table = results.metrics
    return None if table is None else build(table[table["condition"] == "standard"])


#: Name in a marker and of the file -> figure, in the order of the report.
REPORT_FIGURES: dict[str, ReportFigure] = {
    "training": ReportFigure(
        "Losses and validation Dice by optimiser step, each model.", _training
    ),
    "dice": ReportFigure(
        "Mean Dice of each model with 95 % interval, by source, contrast and structure.",
        partial(_comparison, metric="dice"),
    ),
    "hd95": ReportFigure(
        "Mean HD95 in mm of each model with 95 % interval, by source, contrast and structure.",
        partial(_comparison, metric="hd95"),
    ),
    "resolution": ReportFigure(
        "Mean Dice of each model with 95 % interval against the loss of resolution.", _degradation
    ),
    "severities": ReportFigure(
        "Mean Dice over structures of each model with 95 % interval by condition and severity of "
        "the robustness suite.",
        _severities,
    ),
    "box_dice": ReportFigure(
        "Dice of every patient by contrast and overall, each model.",
        partial(_of_standard, build=partial(build_boxes, metric="dice")),
    ),
    "box_hd95": ReportFigure(
        "HD95 in mm of every patient by contrast and overall, each model.",
        partial(_of_standard, build=partial(build_boxes, metric="hd95")),
    ),
    "bland_altman": ReportFigure(
        "Predicted minus true volume against their mean, with bias and limits of agreement.",
        partial(_of_standard, build=build_agreement),
    ),
}


def write_figures(results: Results, names: Iterable[str] = REPORT_FIGURES) -> dict[str, Path]:
    """Draw the figures that the results allow into the run's folder ``curves``.

    Args:
        results: of a run.
        names: keys of :data:`REPORT_FIGURES`.

    Returns:
        Name -> file written, in the order of ``names``.

    Raises:
        OutputError: if a file cannot be written.
    """
    written: dict[str, Path] = {}
    for name in names:
        figure = REPORT_FIGURES[name].build(results)
        if figure is None:
            continue
        folder = results.folder / CURVES
        folder.mkdir(parents=True, exist_ok=True)
        written[name] = folder / f"{name}.png"
        with atomic_write(written[name]) as temporary:
            temporary.write_bytes(encode_png(figure))
    return written
