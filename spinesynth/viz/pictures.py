"""Pictures side by side on one scale of grey, so that strengths can be compared."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from matplotlib.figure import Figure

from spinesynth.viz.overlays import draw_contours, draw_legend, draw_slice
from spinesynth.viz.samples import Sample
from spinesynth.viz.style import STRUCTURE_COLOURS, fit_panel_width, report_style

_PANEL_INCHES = 2.8
_LETTERS_PER_INCH = 9  # of a title


def draw_pictures(
    pictures: Sequence[Sample],
    *,
    title: str,
    columns: int = 6,
    window: tuple[float, float] | None = None,
) -> Figure:
    """Draw pictures in a grid, with the outlines of those that have masks.

    Args:
        pictures: at least one, row by row.
        title: of the figure.
        columns: pictures side by side, at least 1.
        window: intensities of black and white; None takes each picture's own percentiles.

    Returns:
        Figure with a panel for each picture, anterior to the left, superior at the top.

    Raises:
        ValueError: if there is no picture or no column.
    """
    if not pictures or columns < 1:
        raise ValueError(
            f"pictures and columns must be at least 1, got {len(pictures)} and {columns}"
        )
    width = min(columns, len(pictures))
    height = -(-len(pictures) // width)
    names = [name for name in STRUCTURE_COLOURS if any(name in p.masks for p in pictures)]
    with report_style():
        shapes, spacings = [p.image.shape for p in pictures], [p.spacing_mm for p in pictures]
        panel = 0.1 + fit_panel_width(_PANEL_INCHES, shapes, spacings)
        size = (panel * width, 0.6 + (_PANEL_INCHES + 0.3) * height)
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(height, width, squeeze=False)
        for axes in panels.flat:
            axes.set_axis_off()
        for axes, picture in zip(panels.flat, pictures, strict=False):
            draw_slice(axes, picture.image, picture.spacing_mm)
            if window is not None:
                axes.images[0].set_clim(*window)
            draw_contours(axes, picture.masks)
            axes.set_title(picture.title, fontsize=8.5)
        draw_legend(figure, names)
        figure.suptitle(textwrap.fill(title, int(_LETTERS_PER_INCH * size[0])))
    return figure
