"""Pictures side by side on one scale of grey, so that strengths can be compared."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinesynth.viz.overlays import draw_contours, draw_slice
from spinesynth.viz.picture_grid import Sample, draw_grid


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

    def draw(panels: Sequence[Axes], picture: Sample) -> None:
        (axes,) = panels
        draw_slice(axes, picture.image, picture.spacing_mm)
        if window is not None:
            axes.images[0].set_clim(*window)
        draw_contours(axes, picture.masks)

    return draw_grid(pictures, title=title, columns=columns, draw=draw)
