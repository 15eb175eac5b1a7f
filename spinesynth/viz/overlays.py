"""A slice with the contours of reference and prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from spinesynth.viz.style import STRUCTURE_COLOURS, fit_panel_width, hide_frame, report_style

_ROW_INCHES = 3.6
FloatSlice = np.ndarray[tuple[int, int], np.dtype[np.floating]]
Masks = Mapping[str, npt.NDArray[np.bool_]]


class Overlay(NamedTuple):
    """Hold one sagittal slice of one case.

    Attributes:
        title: above the row, such as rank, case and score.
        image: ``(J, K)``, axes to anterior and superior, any intensity scale.
        reference: structure -> mask ``(J, K)``.
        prediction: structure -> mask ``(J, K)``.
        spacing_mm: distance of voxel centres along J and K, mm.
    """

    title: str
    image: FloatSlice
    reference: Masks
    prediction: Masks
    spacing_mm: tuple[float, float]


def draw_overlays(overlays: Sequence[Overlay], *, title: str) -> Figure:
    """Draw image, reference and prediction of each case in one row.

    Args:
        overlays: at least one; a row each, in order.
        title: of the figure.

    Returns:
        Figure with three columns, anterior to the left, superior at the top,
        true proportions; dashed contours of the reference lie over the prediction.

    Raises:
        ValueError: if there is no overlay.
    """
    if not overlays:
        raise ValueError("overlays must hold at least one case, got none")
    names = [name for name in STRUCTURE_COLOURS if any(name in o.reference for o in overlays)]
    with report_style():
        shapes, spacings = [o.image.shape for o in overlays], [o.spacing_mm for o in overlays]
        width = 0.3 + fit_panel_width(_ROW_INCHES, shapes, spacings)
        size = (3 * width, 0.9 + (_ROW_INCHES + 0.4) * len(overlays))
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(len(overlays), 3, squeeze=False)
        for row, overlay in zip(panels, overlays, strict=True):
            for axes in row:
                draw_slice(axes, overlay.image, overlay.spacing_mm)
            draw_contours(row[1], overlay.reference, fill=0.25)
            draw_contours(row[2], overlay.prediction, fill=0.25)
            draw_contours(row[2], overlay.reference, dashed=True)
            row[0].set_title(overlay.title, loc="left")
            row[1].set_title("reference", weight="normal")
            row[2].set_title("prediction\n(dashed: reference)", weight="normal")
        draw_legend(figure, names)
        figure.suptitle(title)
    return figure


def draw_slice(axes: Axes, image: FloatSlice, spacing_mm: tuple[float, float]) -> None:
    """Show a ``(J, K)`` slice in grey between its 0.5th and 99.5th percentile."""
    low, high = np.percentile(image, (0.5, 99.5))
    axes.imshow(
        _upright(image), cmap="gray", vmin=low, vmax=max(high, low + 1e-6), origin="lower",
        aspect=spacing_mm[1] / spacing_mm[0], interpolation="nearest",
    )  # fmt: skip
    hide_frame(axes)


def draw_contours(axes: Axes, masks: Masks, *, fill: float = 0.0, dashed: bool = False) -> None:
    """Draw the outline of each ``(J, K)`` mask, and its area with opacity ``fill``."""
    for name, mask in masks.items():
        if not mask.any() or mask.all():
            continue
        shown = _upright(mask.astype(float))
        colour = STRUCTURE_COLOURS[name]
        if fill:
            axes.contourf(shown, levels=[0.5, 1.5], colors=[colour], alpha=fill)
        axes.contour(
            shown, levels=[0.5], colors=["white" if dashed else colour],
            linewidths=0.7 if dashed else 1.1, linestyles="dashed" if dashed else "solid",
        )  # fmt: skip


def draw_legend(figure: Figure, names: Sequence[str]) -> None:
    """Name the structures' colours below all panels."""
    if names:
        handles = [Line2D([], [], color=STRUCTURE_COLOURS[name], linewidth=4) for name in names]
        figure.legend(handles, names, loc="outside lower center", ncols=len(names))


def _upright(values: FloatSlice) -> FloatSlice:
    """Turn ``(J, K)`` into rows from inferior up and columns from anterior."""
    return values[::-1].T
