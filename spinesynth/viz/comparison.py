"""Bars with intervals: models side by side for each source and structure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinesynth.viz.style import draw_legend_below, model_look, report_style

_BAR_INCHES = 0.2
_MARGIN_INCHES = 1.3


def draw_comparison(
    summary: pd.DataFrame, *, title: str, label: str, groups: Sequence[str]
) -> Figure:
    """Draw the mean of each model with its 95 % interval, by source and structure.

    Args:
        summary: one row for each group and model with ``group`` (a row of the
            figure, such as source and contrast), ``structure``, ``model``,
            ``mean``, ``low``, ``high``, ``n_patients``; panels follow the order
            of first appearance.
        title: of the figure.
        label: of the value axis, with its unit.
        groups: the values of ``group`` from top to bottom.

    Returns:
        Figure with one panel for each structure; the number beside a bar is
        that of the patients. No interval is drawn where there is one patient.

    Raises:
        ValueError: if ``summary`` has no row.
    """
    if summary.empty:
        raise ValueError("summary must hold at least one row, got none")
    structures = list(summary["structure"].unique())
    models = sorted(summary["model"].unique())
    height = _MARGIN_INCHES + len(groups) * (len(models) + 0.8) * _BAR_INCHES
    with report_style():
        figure = Figure(figsize=(2.0 + 2.3 * len(structures), height), layout="constrained")
        panels = figure.subplots(1, len(structures), squeeze=False, sharey=True, sharex=True)[0]
        for axes, structure in zip(panels, structures, strict=True):
            rows = summary[summary["structure"] == structure]
            for place, model in enumerate(models):
                offset = (place - (len(models) - 1) / 2) / (len(models) + 0.8)
                _draw_bars(axes, rows[rows["model"] == model], list(groups), models, model, offset)
            axes.set_title(structure)
            axes.set_xlabel(label)
            axes.grid(False, axis="y")
        _finish(panels[0], list(groups), summary)
        draw_legend_below(
            figure, panels[0],
            title="bar: mean over patients, whisker: 95 % interval, number: patients",
        )  # fmt: skip
        figure.suptitle(title)
    return figure


def _draw_bars(
    axes: Axes, rows: pd.DataFrame, groups: list[str], models: list[str], model: str, offset: float
) -> None:
    """Draw the bars of one model in one panel, with whiskers and patient counts."""
    colour, _ = model_look(models)[model]
    places = np.array([groups.index(group) for group in rows["group"]], dtype=float) + offset
    means = rows["mean"].to_numpy(dtype=float)
    low, high = rows["low"].to_numpy(dtype=float), rows["high"].to_numpy(dtype=float)
    axes.barh(
        places, means, height=0.9 / (len(models) + 0.8), color=colour, alpha=0.85,
        hatch="//" if models.index(model) % 2 else None, edgecolor="white", linewidth=0,
        label=f"model {model}",
    )  # fmt: skip
    known = ~np.isnan(low) & ~np.isnan(means)
    whiskers = np.stack([means - low, high - means])[:, known].clip(min=0)
    axes.errorbar(
        means[known], places[known], xerr=whiskers, fmt="none", ecolor="#222222", elinewidth=1.0,
        capsize=2.0,
    )  # fmt: skip
    ends = np.where(known, high, means)
    for place, end, count in zip(places, ends, rows["n_patients"], strict=True):
        if not np.isnan(end):
            axes.annotate(
                f"{count}", (end, place), xytext=(4, 0), textcoords="offset points",
                va="center", fontsize=7, color="#555555",
            )  # fmt: skip


def _finish(axes: Axes, groups: list[str], summary: pd.DataFrame) -> None:
    """Name the rows, first on top, and leave room for the counts."""
    axes.set_yticks(range(len(groups)), groups)
    axes.set_ylim(len(groups) - 0.5, -0.5)
    top = np.nanmax([1e-9, summary["high"].max(), summary["mean"].max()])
    axes.set_xlim(0, 1.12 if top <= 1 else 1.15 * top)
