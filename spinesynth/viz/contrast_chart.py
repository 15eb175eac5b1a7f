"""The contrast chart: two tissues over the plane of TR and TE, and images along a path in it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import NullLocator

from spinesynth.viz.overlays import FloatSlice, draw_slice
from spinesynth.viz.style import report_style

_INCHES = 11.0  # width of a page
_COLUMNS = 3  # planes side by side
_PLANE_INCHES = 3.6
_MARGIN_INCHES = 0.8  # title and legend
_TEXT_INCHES = 0.7  # above and below the images
_SMALL = 8.0  # letters within the plane
_STEP = 0.05  # of contrast, between two colours
_LABELLED = 4  # every fourth has a line
_ZERO_WIDTH = 2.4
_LABELS_AROUND = (0.42, 0.5)  # of a plane's width and height: away from scanners' protocols
_BORDER = 0.06  # of them, where a label would be cut off
_MAP = "PuOr_r"  # told apart by colour-blind readers, white at no contrast
_TR_TICKS_MS = (200, 500, 1000, 2000, 5000)
_CLOUDS = (("o", "#009E73"), ("^", "#56B4E9"), ("s", "#F0E442"))  # marker and colour

Array = npt.NDArray[np.floating]


class Plane(NamedTuple):
    """Hold the contrast of two tissues.

    Attributes:
        first: name of the tissue that is brighter where contrast is positive.
        second: name of the other.
        contrast: ``(TE, TR)`` in [-1, 1].
    """

    first: str
    second: str
    contrast: FloatSlice


class Stop(NamedTuple):
    """Hold one image of the path.

    Attributes:
        weighting: what the image is called, or nothing.
        tr_ms: repetition time.
        te_ms: echo time.
        image: ``(J, K)``, axes to anterior and superior, any intensity scale.
    """

    weighting: str
    tr_ms: float
    te_ms: float
    image: FloatSlice


class Range(NamedTuple):
    """Hold the box of a protocol whose TR and TE lie anywhere in a range."""

    name: str
    tr_ms: tuple[float, float]
    te_ms: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class ContrastChart:
    """What a chart shows.

    Args:
        title: of the figure.
        strip_title: above the images.
        tr_ms: repetition times of the columns of each plane, rising.
        te_ms: echo times of its rows, rising.
        planes: at least one.
        clouds: TR and TE, ``(N, 2)``, of protocols by name.
        box: range that is drawn in.
        stops: images in the order of the path, at least one.
        spacing_mm: distance of voxel centres along J and K of the images, mm.
    """

    title: str
    strip_title: str
    tr_ms: Array
    te_ms: Array
    planes: Sequence[Plane]
    clouds: Mapping[str, Array]
    box: Range
    stops: Sequence[Stop]
    spacing_mm: tuple[float, float]


def draw_contrast(chart: ContrastChart) -> Figure:
    """Draw contrast over the plane of TR and TE, and images along a path below.

    Args:
        chart: what is shown.

    Returns:
        Figure of one scale for all planes: a black line where both tissues are as
        bright, protocols and box over it, and the path with its numbered images,
        each of which spans black to white.

    Raises:
        ValueError: if there is no plane or no image.
    """
    if not chart.planes or not chart.stops:
        raise ValueError(
            f"planes and stops must be at least 1, got {len(chart.planes)} and {len(chart.stops)}"
        )
    plane_rows = -(-len(chart.planes) // _COLUMNS)
    heights = [plane_rows * _PLANE_INCHES + _MARGIN_INCHES, _strip_inches(chart)]
    with report_style():
        figure = Figure(figsize=(_INCHES, sum(heights)), layout="constrained")
        above, below = figure.subfigures(2, 1, height_ratios=heights, squeeze=False)[:, 0]
        _draw_planes(above, chart)
        _draw_strip(below, chart)
        above.suptitle(chart.title)
    return figure


def _draw_planes(figure: SubFigure, chart: ContrastChart) -> None:
    """Draw all planes in one scale, with its bar and the legend."""
    columns = min(_COLUMNS, len(chart.planes))
    rows = -(-len(chart.planes) // columns)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes in grid.flat[len(chart.planes) :]:
        axes.set_axis_off()
    steps = math.ceil(max(float(np.abs(plane.contrast).max()) for plane in chart.planes) / _STEP)
    levels = np.arange(-max(steps, 1), max(steps, 1) + 1) * _STEP
    for axes, plane in zip(grid.flat, chart.planes, strict=False):
        colours = _draw_contrast(axes, chart, plane, levels)
        _draw_protocols(axes, chart)
        _draw_path(axes, chart.stops)
    for axes in grid[:, 0]:
        axes.set_ylabel("TE (ms)")
    bar = figure.colorbar(colours, ax=grid, label=r"contrast  $(S_1 - S_2)\,/\,(S_1 + S_2)$")
    bar.ax.set_title("first\nbrighter", fontsize=_SMALL, weight="normal")
    bar.ax.set_xlabel("second\nbrighter", fontsize=_SMALL)
    bar.set_ticks(_even(levels).tolist())
    handles = grid[0, 0].get_legend_handles_labels()[0]
    if any(plane.contrast.min() < 0 < plane.contrast.max() for plane in chart.planes):
        zero = Line2D([], [], color="black", linewidth=_ZERO_WIDTH, label="no contrast")
        handles = [zero, *handles]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))


def _draw_contrast(axes: Axes, chart: ContrastChart, plane: Plane, levels: Array) -> QuadContourSet:
    """Draw one plane, with lines of equal contrast and a thick one at none."""
    where = (chart.tr_ms, chart.te_ms, plane.contrast)
    axes.set_xscale("log")
    colours = axes.contourf(*where, levels=levels, cmap=_MAP)
    even = _even(levels)
    even = even[(even > plane.contrast.min()) & (even < plane.contrast.max())]
    if even.size:  # a line that is not there is a warning
        widths = np.where(np.abs(even) < _STEP / 2, _ZERO_WIDTH, 0.6)
        lines = axes.contour(
            *where, levels=even, colors="black", linestyles="solid", linewidths=widths
        )
        _label_lines(axes, lines)
    axes.set_xticks(_TR_TICKS_MS, [str(tick) for tick in _TR_TICKS_MS])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(False)
    axes.set_xlabel("TR (ms, logarithmic)")
    axes.set_title(f"{plane.first} against {plane.second}")
    return colours


def _even(levels: Array) -> Array:
    """Return the levels that are labelled, zero among them."""
    return levels[len(levels) // 2 % _LABELLED :: _LABELLED]


def _label_lines(axes: Axes, lines: QuadContourSet) -> None:
    """Label each line where it comes nearest to the middle, unless that is at the border."""
    to_axes = axes.transData + axes.transAxes.inverted()
    places = []
    for path in lines.get_paths():
        vertices = np.asarray(path.vertices)
        shown = to_axes.transform(vertices)
        nearest = np.square(shown - _LABELS_AROUND).sum(1).argmin()
        if _BORDER < shown[nearest].min() and shown[nearest].max() < 1 - _BORDER:
            places.append(vertices[nearest])
    for label in axes.clabel(lines, fmt=_signed, fontsize=_SMALL, manual=places, inline=False):
        label.set_path_effects([withStroke(linewidth=2.5, foreground="white")])


def _signed(contrast: float) -> str:
    return f"{contrast:+.1f}".replace("-", "−") if abs(contrast) > _STEP / 2 else "0"


def _draw_protocols(axes: Axes, chart: ContrastChart) -> None:
    """Draw the clouds of protocols and the box."""
    for (name, times_ms), (marker, colour) in zip(
        chart.clouds.items(), cycle(_CLOUDS), strict=False
    ):
        axes.plot(
            times_ms[:, 0], times_ms[:, 1], marker, color=colour, label=name, markersize=4.5,
            markeredgecolor="black", markeredgewidth=0.5, linestyle="none",
        )  # fmt: skip
    box = chart.box
    width, height = box.tr_ms[1] - box.tr_ms[0], box.te_ms[1] - box.te_ms[0]
    outline = Rectangle((box.tr_ms[0], box.te_ms[0]), width, height, label=box.name)
    outline.set(fill=False, edgecolor="black", linewidth=1.2, linestyle="--")
    axes.add_patch(outline)


def _draw_path(axes: Axes, stops: Sequence[Stop]) -> None:
    """Draw the path with the number of each image."""
    axes.plot(
        [stop.tr_ms for stop in stops], [stop.te_ms for stop in stops], color="black",
        linewidth=1.0, marker="o", markersize=10, markerfacecolor="white",
        label="images 1 to " + str(len(stops)),
    )  # fmt: skip
    for number, stop in enumerate(stops, start=1):
        axes.text(
            stop.tr_ms, stop.te_ms, str(number), ha="center", va="center_baseline",
            fontsize=_SMALL, weight="bold", zorder=5,
        )  # fmt: skip


def _draw_strip(figure: SubFigure, chart: ContrastChart) -> None:
    """Draw the images of the path side by side, with their times below."""
    figure.suptitle(chart.strip_title, fontsize=9, weight="normal")
    panels = figure.subplots(1, len(chart.stops), squeeze=False)[0]
    for number, (axes, stop) in enumerate(zip(panels, chart.stops, strict=True), start=1):
        draw_slice(axes, stop.image, chart.spacing_mm)
        axes.set_title(f"{number}  {stop.weighting}".rstrip(), fontsize=9)
        axes.set_xlabel(f"TR {stop.tr_ms:g} ms, TE {stop.te_ms:g} ms", fontsize=_SMALL)


def _strip_inches(chart: ContrastChart) -> float:
    """Return the height of the images, side by side on the width of a page, with their text."""
    j, k = chart.stops[0].image.shape
    proportion = k * chart.spacing_mm[1] / (j * chart.spacing_mm[0])
    return _TEXT_INCHES + _INCHES / len(chart.stops) * proportion
