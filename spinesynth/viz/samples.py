"""A grid of synthetic samples, each beside its label map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinesynth.viz.overlays import draw_contours, draw_slice
from spinesynth.viz.picture_grid import Sample, draw_grid


def draw_samples(samples: Sequence[Sample], *, title: str, columns: int = 4) -> Figure:
    """Draw samples in a grid, the image above its labels.

    Args:
        samples: at least one.
        title: of the figure.
        columns: samples side by side, at least 1.

    Returns:
        Figure with two panels for each sample, anterior to the left.

    Raises:
        ValueError: if there is no sample or no column.
    """
    return draw_grid(samples, title=title, columns=columns, draw=_draw_both, panels=2)


def _draw_both(panels: Sequence[Axes], sample: Sample) -> None:
    above, below = panels
    draw_slice(above, sample.image, sample.spacing_mm)
    draw_labels(below, sample)


def draw_labels(axes: Axes, sample: Sample) -> None:
    """Draw the labels of a sample as areas of colour on black."""
    draw_slice(axes, np.zeros_like(sample.image), sample.spacing_mm)
    draw_contours(axes, sample.masks, fill=0.8)
