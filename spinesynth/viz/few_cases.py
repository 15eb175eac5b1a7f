"""Curves of a score against the number of real patients that a network was trained on."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinesynth.viz.style import model_look, report_style


def draw_few_cases(summary: pd.DataFrame, *, title: str) -> Figure:
    """Draw Dice over the number of patients for each source and structure.

    Args:
        summary: one row for each point with ``source, structure, start,
            train_patients, mean, low, high``; ``start`` names what training began with.
        title: of the figure.

    Returns:
        Figure with one row a source and one column a structure; the band is the
        95 % interval over test patients. Numbers of patients stand evenly apart.

    Raises:
        ValueError: if ``summary`` has no row.
    """
    if summary.empty:
        raise ValueError("summary must hold at least one row, got none")
    sources = list(summary["source"].unique())
    structures = list(summary["structure"].unique())
    with report_style():
        size = (1.0 + 2.5 * len(structures), 1.3 + 2.1 * len(sources))
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(
            len(sources), len(structures), squeeze=False, sharex=True, sharey=True
        )
        for row, source in enumerate(sources):
            for column, structure in enumerate(structures):
                chosen = (summary["source"] == source) & (summary["structure"] == structure)
                _draw_panel(panels[row, column], summary[chosen], summary)
            panels[row, 0].set_ylabel(f"{source}\nDice")
        for axes, structure in zip(panels[0], structures, strict=True):
            axes.set_title(structure)
        for axes in panels[-1]:
            axes.set_xlabel("real patients")
        panels[0, 0].set_ylim(0, 1)
        _add_legend(figure, summary)
        figure.suptitle(title)
    return figure


def _draw_panel(axes: Axes, rows: pd.DataFrame, summary: pd.DataFrame) -> None:
    """Draw the curves of one source and structure, one for each start."""
    counts = sorted(summary["train_patients"].unique())
    place = {count: number for number, count in enumerate(counts)}
    look = model_look(list(summary["start"].unique()))
    for start, curve in rows.groupby("start", sort=True):
        colour, marker = look[str(start)]
        points = curve.sort_values("train_patients")
        at = [place[count] for count in points["train_patients"]]
        axes.plot(at, points["mean"], color=colour, marker=marker)
        low, high = (points[name].to_numpy(dtype=float) for name in ("low", "high"))
        axes.fill_between(at, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.set_xticks(range(len(counts)), [f"{count:g}" for count in counts])


def _add_legend(figure: Figure, summary: pd.DataFrame) -> None:
    """Name the starts below all panels, also one that a panel lacks."""
    look = model_look(list(summary["start"].unique()))
    lines = [
        figure.axes[0].plot([], [], color=colour, marker=marker)[0]
        for colour, marker in look.values()
    ]
    figure.legend(
        lines, list(look), loc="outside lower center", ncols=len(look),
        title="line: mean over patients, band: 95 % interval",
    )  # fmt: skip
