"""The trials of a sweep: their score over each parameter."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure

from spinesynth.viz.style import model_look, report_style

_COLUMNS = 3


def draw_sweep(
    table: pd.DataFrame,
    *,
    orders: Mapping[str, Sequence[str]],
    magnitudes: Collection[str] = (),
    title: str = "",
) -> Figure:
    """Draw a panel a parameter: the score of every trial over its value.

    Args:
        table: one row a trial, a column a parameter, ``trial`` and ``dice``; a trial
            without a Dice is left out.
        orders: parameter -> its choices from left to right; none of a number.
        magnitudes: parameters on a logarithmic axis.
        title: of the figure.

    Returns:
        Figure; later trials are darker, the best is ringed in every panel.

    Raises:
        ValueError: if there is no parameter.
    """
    if not orders:
        raise ValueError("orders must hold at least one parameter, got none")
    scored = table.dropna(subset=["dice"]).reset_index(drop=True)
    columns = min(_COLUMNS, len(orders))
    rows = -(-len(orders) // columns)
    ring = model_look(["best", "other"])["other"][0]
    with report_style():
        figure = Figure(figsize=(3.4 * columns, 2.9 * rows + 0.4), layout="constrained")
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, (name, order) in zip(panels, orders.items(), strict=False):
            places = {label: place for place, label in enumerate(order)}
            x = scored[name].map(places) if order else scored[name]
            if name in magnitudes:
                axes.set_xscale("log")
            if order:
                axes.set_xticks(range(len(order)), list(order))
                axes.set_xlim(-0.5, len(order) - 0.5)
            axes.scatter(x, scored["dice"], c=scored["trial"], cmap="Blues", vmin=-len(table), s=28)
            if len(scored):
                best = int(scored["dice"].to_numpy().argmax())
                spot = x.iloc[best], scored["dice"].iloc[best]
                axes.plot(*spot, "o", markersize=10, markerfacecolor="none", color=ring)
            axes.set_xlabel(name)
            axes.set_ylabel("Dice")
        for axes in panels[len(orders) :]:
            axes.remove()
        figure.suptitle(title)
    return figure
