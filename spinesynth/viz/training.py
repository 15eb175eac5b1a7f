"""Curves of a training: loss and validation Dice by step."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinesynth.viz.style import STRUCTURE_LINE_COLOURS, model_look, report_style

_PREFIX = "val_dice_"
_MEAN = "val_dice_mean"


def draw_training(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw training loss and validation Dice of each model by optimiser step.

    Args:
        tables: model -> training table, one row an epoch, with ``step,
            train_loss, val_dice_mean``, any ``val_dice_<structure>``, and
            ``val_loss`` where it was measured.

    Returns:
        Figure: losses and mean Dice of all models, then one panel of Dice by
        structure for each model.

    Raises:
        ValueError: if there is no model.
    """
    if not tables:
        raise ValueError("tables must hold at least one model, got none")
    with report_style():
        figure = Figure(figsize=(4.0 * (2 + len(tables)), 3.4), layout="constrained")
        panels = figure.subplots(1, 2 + len(tables), squeeze=False)[0]
        _draw_column(panels[0], tables, "train_loss", title="Loss", label="loss")
        if any("val_loss" in table for table in tables.values()):
            _draw_validation_loss(panels[0], tables)
        _draw_column(panels[1], tables, _MEAN, title="Validation, mean of structures", label="Dice")
        for axes, (model, table) in zip(panels[2:], tables.items(), strict=True):
            _draw_structures(axes, model, table)
        for axes in panels[1:]:
            axes.set_ylim(0, 1)
        for axes in panels:
            axes.set_xlabel("optimiser step")
            axes.set_xlim(left=0)
    return figure


def _draw_column(
    axes: Axes, tables: Mapping[str, pd.DataFrame], column: str, *, title: str, label: str
) -> None:
    """Draw one column of every model's table into one panel."""
    look = model_look(list(tables))
    for model, table in tables.items():
        colour, marker = look[model]
        shown = table.dropna(subset=[column])
        every = max(1, len(shown) // 12)
        axes.plot(
            shown["step"], shown[column], color=colour, marker=marker, markevery=every,
            label=f"model {model}",
        )  # fmt: skip
    axes.set_title(title)
    axes.set_ylabel(label)
    axes.legend()


def _draw_validation_loss(axes: Axes, tables: Mapping[str, pd.DataFrame]) -> None:
    """Draw validation losses, dashed, where they were measured."""
    look = model_look(list(tables))
    for model, table in tables.items():
        if "val_loss" in table:
            shown = table.dropna(subset=["val_loss"])
            colour, _ = look[model]
            axes.plot(shown["step"], shown["val_loss"], color=colour, linestyle="--", linewidth=1.0)
    axes.set_title("Loss (dashed: validation)")


def _draw_structures(axes: Axes, model: str, table: pd.DataFrame) -> None:
    """Draw validation Dice of each structure of one model."""
    columns = [name for name in table.columns if name.startswith(_PREFIX) and name != _MEAN]
    styles = ("-", "--", "-.", ":")
    for place, column in enumerate(columns):
        structure = column.removeprefix(_PREFIX)
        shown = table.dropna(subset=[column])
        colour = STRUCTURE_LINE_COLOURS.get(structure, "#555555")
        axes.plot(
            shown["step"], shown[column], color=colour, linestyle=styles[place % 4], label=structure
        )
    axes.set_title(f"Validation by structure, model {model}")
    axes.set_ylabel("Dice")
    if columns:
        axes.legend(loc="lower right")
