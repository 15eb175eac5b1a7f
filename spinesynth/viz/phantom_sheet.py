"""A sheet of phantoms: each row one phantom in several planes, labels beside the scans."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinesynth.viz.overlays import draw_slice
from spinesynth.viz.picture_grid import Sample, draw_grid
from spinesynth.viz.samples import draw_labels

_PANEL_INCHES = 1.5
_TITLE_INCHES = 0.2


def draw_sheet(rows: Sequence[Sequence[Sample]], *, title: str) -> Figure:
    """Draw phantoms in rows of equal length.

    Args:
        rows: of each phantom its panels; one with masks shows these on black, one
            without shows its image.
        title: of the figure.

    Returns:
        Figure with one row of panels for each phantom.

    Raises:
        ValueError: if there is no panel, or rows differ in length.
    """
    lengths = {len(row) for row in rows}
    if len(lengths) > 1:
        raise ValueError(f"rows must have as many panels as each other, got {sorted(lengths)}")
    return draw_grid(
        [sample for row in rows for sample in row],
        title=title,
        columns=max(lengths, default=0),
        draw=_draw_panel,
        panel_inches=_PANEL_INCHES,
        title_inches=_TITLE_INCHES,
    )


def _draw_panel(panels: Sequence[Axes], sample: Sample) -> None:
    (axes,) = panels
    if sample.masks:
        draw_labels(axes, sample)
    else:
        draw_slice(axes, sample.image, sample.spacing_mm)
