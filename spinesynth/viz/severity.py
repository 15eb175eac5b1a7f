"""Curves of a score against the severities of the robustness suite."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinesynth.viz.degradation import draw_curves
from spinesynth.viz.style import draw_legend_below, report_style

_COLUMNS = 4
_PANEL_INCHES = (2.9, 2.2)


def draw_severities(summary: pd.DataFrame, *, title: str) -> Figure:
    """Draw Dice against severity, a panel for each condition and a line for each model.

    Args:
        summary: one row for each point with ``condition, model, severity, level, dice,
            low, high``; one structure alone. Panels stand in the order of the rows.
        title: of the figure.

    Returns:
        Figure whose bands are the 95 % interval over patients. Ticks give the severity and
        below it the mean level reached.

    Raises:
        ValueError: if ``summary`` has no row.
    """
    if summary.empty:
        raise ValueError("summary must hold at least one row, got none")
    conditions = list(summary["condition"].unique())
    models = sorted(summary["model"].unique())
    width = min(_COLUMNS, len(conditions))
    height = -(-len(conditions) // width)
    with report_style():
        size = (0.5 + _PANEL_INCHES[0] * width, 1.2 + _PANEL_INCHES[1] * height)
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(height, width, squeeze=False, sharey=True)
        for axes in panels.flat[len(conditions) :]:
            axes.set_axis_off()
        for axes, condition in zip(panels.flat, conditions, strict=False):
            rows = summary[summary["condition"] == condition]
            draw_curves(axes, rows, models)
            _label_severities(axes, rows)
            axes.set_title(str(condition).replace("_", " "))
        panels[0, 0].set_ylim(0, 1)
        for row in panels:
            row[0].set_ylabel("Dice")
        draw_legend_below(
            figure, panels[0, 0],
            title="line: mean over patients, band: 95 % interval; ticks: severity, level below",
        )  # fmt: skip
        figure.suptitle(title)
    return figure


def _label_severities(axes: Axes, rows: pd.DataFrame) -> None:
    """Name severities and the levels that they came to."""
    levels = rows.groupby("severity", sort=True)["level"].mean()
    names = [
        f"{s:g}" + ("" if math.isnan(level) else f"\n{level:.3g}") for s, level in levels.items()
    ]
    axes.set_xticks(list(levels.index), names)
    axes.set_xlim(-0.2, 5.2)
