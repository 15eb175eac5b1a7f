"""Boxplots with every patient in them, models side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from spinesynth.viz.style import model_look, report_style

#: Quartiles of fewer points are read off two or three of them: only the points are drawn.
_LEAST_FOR_BOX = 5
_GROUP_INCHES = 0.2
_SPREAD = 0.5  # of the points of a box, as a share of its width


def draw_boxes(points: pd.DataFrame, *, title: str, label: str, groups: Sequence[str]) -> Figure:
    """Draw a box and the points of each group, structure and model.

    Args:
        points: one row for each point with ``group``, ``structure``, ``model`` and
            ``value``; panels follow the order of first appearance of the structures.
        title: of the figure.
        label: of the value axis, with its unit.
        groups: the values of ``group`` from left to right.

    Returns:
        Figure with one panel a structure: median, quartiles, whiskers to the last point
        within 1.5 times the distance of the quartiles, and every point; below 5 points
        there is no box.

    Raises:
        ValueError: if ``points`` has no row.
    """
    if points.empty:
        raise ValueError("points must hold at least one row, got none")
    structures = list(points["structure"].unique())
    models = sorted(points["model"].unique())
    shown = {
        structure: [
            g for g in groups if g in set(points["group"][points["structure"] == structure])
        ]
        for structure in structures
    }
    counts = [len(shown[structure]) for structure in structures]
    with report_style():
        width = 1.2 + _GROUP_INCHES * (len(models) + 0.8) * sum(counts) + 0.3 * len(structures)
        figure = Figure(figsize=(max(4.5, width), 4.6), layout="constrained")
        panels = figure.subplots(
            1, len(structures), squeeze=False, sharey=True, width_ratios=counts
        )[0]
        for axes, structure in zip(panels, structures, strict=True):
            rows = points[points["structure"] == structure]
            for place, group in enumerate(shown[structure]):
                _draw_group(axes, rows[rows["group"] == group], models, place)
            names = [group.replace(" · ", "\n") for group in shown[structure]]
            axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
            axes.set_xlim(-0.6, len(names) - 0.4)
            axes.grid(False, axis="x")
            axes.set_title(structure)
        panels[0].set_ylabel(label)
        _add_legend(figure, models)
        figure.suptitle(title)
    return figure


def _draw_group(axes: Axes, rows: pd.DataFrame, models: list[str], place: int) -> None:
    """Draw the boxes and points of all models of one group."""
    look, width = model_look(models), 1 / (len(models) + 0.8)
    for number, model in enumerate(models):
        values = np.sort(rows["value"][rows["model"] == model].to_numpy(dtype=float))
        if len(values) == 0:
            continue
        colour, marker = look[model]
        at = place + (number - (len(models) - 1) / 2) * width
        if len(values) >= _LEAST_FOR_BOX:
            line = {"color": colour, "linewidth": 1.0}
            axes.boxplot(
                [values], positions=[at], widths=0.85 * width, showfliers=False, manage_ticks=False,
                boxprops=line, whiskerprops=line, capprops=line,
                medianprops=line | {"linewidth": 2.0},
            )  # fmt: skip
        axes.plot(
            at + _aside(len(values)) * width, values, linestyle="none", marker=marker,
            markersize=3.2, color=colour, alpha=0.6, markeredgewidth=0,
        )  # fmt: skip


def _aside(count: int) -> npt.NDArray[np.float64]:
    """Return how far aside sorted points stand, so that neighbours do not cover each other."""
    steps = np.arange(count) * 0.618 % 1.0  # golden ratio: neighbours far apart, no random number
    return np.asarray(_SPREAD * (steps - 0.5) if count > 1 else np.zeros(1), dtype=np.float64)


def _add_legend(figure: Figure, models: list[str]) -> None:
    look = model_look(models)
    handles = [
        Line2D([], [], color=look[m][0], marker=look[m][1], linestyle="none") for m in models
    ]
    figure.legend(
        handles, [f"model {model}" for model in models], loc="outside lower center",
        ncols=len(models), title="point: patient; box: quartiles and median, of 5 or more patients",
    )  # fmt: skip
