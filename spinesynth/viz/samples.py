"""A grid of synthetic samples, each beside its label map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from spinesynth.viz.overlays import FloatSlice, Masks, draw_contours, draw_legend, draw_slice
from spinesynth.viz.style import STRUCTURE_COLOURS, fit_panel_width, report_style

_PANEL_INCHES = 2.6


class Sample(NamedTuple):
    """Hold one sagittal slice with its labels.

    Attributes:
        title: above the image, such as contrast or seed.
        image: ``(J, K)``, axes to anterior and superior, any intensity scale.
        masks: structure -> mask ``(J, K)``.
        spacing_mm: distance of voxel centres along J and K, mm.
    """

    title: str
    image: FloatSlice
    masks: Masks
    spacing_mm: tuple[float, float]


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
    if not samples or columns < 1:
        raise ValueError(
            f"samples and columns must be at least 1, got {len(samples)} and {columns}"
        )
    width = min(columns, len(samples))
    height = -(-len(samples) // width)
    names = [name for name in STRUCTURE_COLOURS if any(name in s.masks for s in samples)]
    with report_style():
        shapes, spacings = [s.image.shape for s in samples], [s.spacing_mm for s in samples]
        panel = 0.1 + fit_panel_width(_PANEL_INCHES, shapes, spacings)
        size = (panel * width, 0.9 + 2 * (_PANEL_INCHES + 0.15) * height)
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(2 * height, width, squeeze=False)
        for axes in panels.flat:
            axes.set_axis_off()
        for place, sample in enumerate(samples):
            above, below = panels[2 * (place // width) :, place % width][:2]
            draw_slice(above, sample.image, sample.spacing_mm)
            draw_slice(below, np.zeros_like(sample.image), sample.spacing_mm)
            draw_contours(below, sample.masks, fill=0.8)
            above.set_title(sample.title)
        draw_legend(figure, names)
        figure.suptitle(title)
    return figure
