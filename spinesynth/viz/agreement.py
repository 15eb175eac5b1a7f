"""Bland-Altman plots: difference against mean, with bias and limits of agreement."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from spinesynth.viz.style import model_look, report_style

_KEYS = ["source", "contrast"]


def draw_agreement(pairs: pd.DataFrame, limits: pd.DataFrame, *, title: str) -> Figure:
    """Draw predicted minus true volume against their mean, one panel a group and model.

    Args:
        pairs: one row for each patient with ``model, source, contrast, structure,
            difference_ml, mean_ml``.
        limits: one row for each panel with ``model, source, contrast, structure, bias_ml,
            lower_ml, upper_ml``; lines that are NaN are left out.
        title: of the figure.

    Returns:
        Figure with one row a structure and group, and one column a model; the solid line
        is the bias, the dashed ones are the limits of agreement.

    Raises:
        ValueError: if ``limits`` has no row.
    """
    if limits.empty:
        raise ValueError("limits must hold at least one row, got none")
    models = sorted(limits["model"].unique())
    groups = limits[["structure", *_KEYS]].drop_duplicates()
    look = model_look(models)
    with report_style():
        size = (1.0 + 3.2 * len(models), 0.9 + 1.9 * len(groups))
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(
            len(groups), len(models), squeeze=False, sharex="row", sharey="row"
        )
        for row, group in enumerate(groups.to_numpy().tolist()):
            for column, model in enumerate(models):
                axes = panels[row, column]
                _draw_panel(axes, _of(pairs, group, model), _of(limits, group, model), look[model])
                name = " · ".join(filter(None, group))
                axes.set_title(f"model {model}: {name}", fontsize=8)
            panels[row, 0].set_ylabel("predicted − true (ml)")
        for axes in panels[-1]:
            axes.set_xlabel("mean of both (ml)")
        lines = [Line2D([], [], color="#222222", linestyle=style) for style in ("-", "--")]
        names = ["bias", "95 % limits of agreement"]
        figure.legend(lines, names, loc="outside lower center", ncols=2, title="point: patient")
        figure.suptitle(title)
    return figure


def _of(table: pd.DataFrame, group: list[str], model: str) -> pd.DataFrame:
    """Return the rows of one panel."""
    wanted = [*group, model]
    return table[(table[["structure", *_KEYS, "model"]] == wanted).all(axis=1)]


def _draw_panel(
    axes: Axes, pairs: pd.DataFrame, limits: pd.DataFrame, look: tuple[str, str]
) -> None:
    axes.axhline(0.0, color="#AAAAAA", linewidth=0.8)
    axes.plot(
        pairs["mean_ml"], pairs["difference_ml"], linestyle="none", color=look[0], marker=look[1],
        markersize=3.5, alpha=0.75, markeredgewidth=0,
    )  # fmt: skip
    for column, style in (("bias_ml", "-"), ("lower_ml", "--"), ("upper_ml", "--")):
        for value in limits[column]:
            if not np.isnan(value):
                axes.axhline(value, color="#222222", linestyle=style, linewidth=1.0)
