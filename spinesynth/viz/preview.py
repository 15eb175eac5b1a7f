"""What was found in one scan, at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

from spinesynth.viz.overlays import FloatSlice, Masks, draw_contours, draw_legend, draw_slice
from spinesynth.viz.style import STRUCTURE_COLOURS, fit_panel_width, report_style

_INCHES = 4.2


class PreviewSlice(NamedTuple):
    """Hold one sagittal slice and what was found in it.

    Attributes:
        title: above it.
        image: ``(J, K)``, axes to anterior and superior, any intensity scale.
        masks: structure -> mask ``(J, K)``.
    """

    title: str
    image: FloatSlice
    masks: Masks


def draw_preview(
    slices: Sequence[PreviewSlice], *, spacing_mm: tuple[float, float], title: str
) -> Figure:
    """Draw the first slice plain, then each with the contours of what was found.

    Args:
        slices: at least one.
        spacing_mm: distance of voxel centres along J and K, mm.
        title: of the figure.

    Returns:
        Figure in one row, anterior to the left, superior at the top, true proportions.

    Raises:
        ValueError: if there is no slice.
    """
    if not slices:
        raise ValueError("slices must hold at least one, got none")
    names = [name for name in STRUCTURE_COLOURS if any(name in one.masks for one in slices)]
    with report_style():
        width = fit_panel_width(_INCHES, [slices[0].image.shape], [spacing_mm])
        size = ((1 + len(slices)) * (width + 0.2), _INCHES + 1.1)
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(1, 1 + len(slices), squeeze=False)[0]
        draw_slice(panels[0], slices[0].image, spacing_mm)
        panels[0].set_title("image", weight="normal")
        for axes, one in zip(panels[1:], slices, strict=True):
            draw_slice(axes, one.image, spacing_mm)
            draw_contours(axes, one.masks, fill=0.3)
            axes.set_title(one.title, weight="normal")
        draw_legend(figure, names)
        figure.suptitle(title, parse_math=False)  # of a file: a $ is no formula
    return figure
