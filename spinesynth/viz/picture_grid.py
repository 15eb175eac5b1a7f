"""Samples in a grid of panels: the one layout of every sheet of pictures."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinesynth.viz.overlays import FloatSlice, Masks, draw_legend
from spinesynth.viz.style import STRUCTURE_COLOURS, fit_panel_width, report_style

_TITLE_INCHES = 0.3  # above each sample
_MARGIN_INCHES = 0.75  # title and legend of the figure
_LETTERS_PER_INCH = 9  # of a title


class Sample(NamedTuple):
    """Hold one slice with its labels.

    Attributes:
        title: above the image, such as contrast or seed.
        image: ``(J, K)``, any intensity scale; of a sagittal slice the axes to anterior
            and superior, of others those to the left and to the top of the picture.
        masks: structure -> mask ``(J, K)``.
        spacing_mm: distance of voxel centres along J and K, mm.
    """

    title: str
    image: FloatSlice
    masks: Masks
    spacing_mm: tuple[float, float]


def draw_grid(
    samples: Sequence[Sample],
    *,
    title: str,
    columns: int,
    draw: Callable[[Sequence[Axes], Sample], None],
    panels: int = 1,
    panel_inches: float = 2.7,
    title_inches: float = _TITLE_INCHES,
) -> Figure:
    """Lay samples out in a grid, row by row, each with one or more panels below each other.

    Args:
        samples: at least one.
        title: of the figure.
        columns: samples side by side, at least 1.
        draw: draws a sample into its panels.
        panels: of each sample.
        panel_inches: height of a panel; its width fits the widest sample.
        title_inches: room above each sample.

    Returns:
        Figure with a legend of the structures that the samples show.

    Raises:
        ValueError: if there is no sample or no column.
    """
    if not samples or columns < 1:
        raise ValueError(
            f"samples and columns must be at least 1, got {len(samples)} and {columns}"
        )
    width = min(columns, len(samples))
    height = -(-len(samples) // width)
    names = [name for name in STRUCTURE_COLOURS if any(name in s.masks for s in samples)]
    with report_style():
        shapes, spacings = [s.image.shape for s in samples], [s.spacing_mm for s in samples]
        panel_width = 0.1 + fit_panel_width(panel_inches, shapes, spacings)
        row_inches = panels * panel_inches + title_inches
        size = (panel_width * width, _MARGIN_INCHES + row_inches * height)
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(panels * height, width, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for place, sample in enumerate(samples):
            row, column = divmod(place, width)
            own = list(grid[panels * row : panels * (row + 1), column])
            draw(own, sample)
            own[0].set_title(sample.title, fontsize=9)
        draw_legend(figure, names)
        figure.suptitle(textwrap.fill(title, int(_LETTERS_PER_INCH * size[0])))
    return figure
