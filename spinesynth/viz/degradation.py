"""Curves of a score against the severity of a degradation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinesynth.viz.style import draw_legend_below, model_look, report_style


def draw_degradation(summary: pd.DataFrame, *, title: str) -> Figure:
    """Draw Dice against severity for each condition, structure and model.

    Args:
        summary: one row for each point with ``condition, structure, model,
            severity, resolution_mm, dice, low, high``.
        title: of the figure.

    Returns:
        Figure with one row a condition and one column a structure; the band is
        the 95 % interval over patients. Ticks give factor and mean voxel size.

    Raises:
        ValueError: if ``summary`` has no row.
    """
    if summary.empty:
        raise ValueError("summary must hold at least one row, got none")
    conditions = list(summary["condition"].unique())
    structures = list(summary["structure"].unique())
    with report_style():
        size = (1.0 + 2.5 * len(structures), 1.1 + 2.3 * len(conditions))
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(
            len(conditions), len(structures), squeeze=False, sharey=True, sharex="row"
        )
        for row, condition in enumerate(conditions):
            for column, structure in enumerate(structures):
                chosen = (summary["condition"] == condition) & (summary["structure"] == structure)
                _draw_panel(panels[row, column], summary[chosen], summary)
                panels[row, column].set_xlabel(_axis_label(condition))
            panels[row, 0].set_ylabel("Dice")
        for axes, structure in zip(panels[0], structures, strict=True):
            axes.set_title(structure)
        panels[0, 0].set_ylim(0, 1)
        draw_legend_below(
            figure, panels[0, 0], title="line: mean over patients, band: 95 % interval"
        )
        figure.suptitle(title)
    return figure


def _axis_label(condition: str) -> str:
    """Return what a severity of this condition measures."""
    return f"{condition.removesuffix('_factor').replace('_', '-')} factor (voxel size, mm)"


def _draw_panel(axes: Axes, rows: pd.DataFrame, summary: pd.DataFrame) -> None:
    """Draw every model's curve of one condition and structure."""
    draw_curves(axes, rows, sorted(summary["model"].unique()))
    ticks = rows.groupby("severity", sort=True)["resolution_mm"].mean()
    names = [
        f"{severity:g}×" + ("" if np.isnan(mm) else f"\n{mm:.1f}") for severity, mm in ticks.items()
    ]
    axes.set_xticks(list(ticks.index), names)


def draw_curves(axes: Axes, rows: pd.DataFrame, models: Sequence[str]) -> None:
    """Draw Dice with its interval over severity, a line for each model.

    Args:
        axes: to draw into.
        rows: points with ``model, severity, dice, low, high``.
        models: all of the figure, for colours and markers.
    """
    look = model_look(models)
    for model, curve in rows.groupby("model", sort=True):
        colour, marker = look[str(model)]
        points = curve.sort_values("severity")
        severity = points["severity"].to_numpy(dtype=float)
        low, high = (points[name].to_numpy(dtype=float) for name in ("low", "high"))
        axes.plot(severity, points["dice"], color=colour, marker=marker, label=f"model {model}")
        axes.fill_between(severity, low, high, color=colour, alpha=0.15, linewidth=0)
