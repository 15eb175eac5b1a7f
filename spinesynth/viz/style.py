"""The look of every figure: colours told apart by colour-blind readers, and one canvas.

Figures are made without pyplot: no global state, no window, no backend to choose.
Colours are those of Okabe and Ito (2008, Color Universal Design); markers and
line styles differ too, so that a print in grey can be read.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.typing import RcKeyType

#: Colour of each structure of a report. A picture shows whole vertebrae or their
#: parts, never both, so these two share the colour that stands out best on bone.
STRUCTURE_COLOURS: dict[str, str] = {
    "vertebra": "#56B4E9",
    "body": "#56B4E9",
    "posterior": "#D55E00",
    "disc": "#F0E442",
    "canal": "#009E73",
    "sacrum": "#CC79A7",
}

#: The same for lines on white, where yellow cannot be seen.
STRUCTURE_LINE_COLOURS: dict[str, str] = STRUCTURE_COLOURS | {"disc": "#E69F00"}

_MODEL_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MODEL_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_DPI = 150
_STYLE: dict[RcKeyType, object] = {
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "figure.titlesize": 12.0,
    "figure.titleweight": "bold",
    "lines.linewidth": 1.6,
    "lines.markersize": 5.0,
}


@contextmanager
def report_style() -> Iterator[None]:
    """Apply the look of this package while a figure is drawn, then restore the user's."""
    with matplotlib.rc_context(_STYLE):
        yield


def model_look(models: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return colour and marker of each model, by place in the sequence."""
    return {
        model: (
            _MODEL_COLOURS[place % len(_MODEL_COLOURS)],
            _MODEL_MARKERS[place % len(_MODEL_MARKERS)],
        )
        for place, model in enumerate(models)
    }


def draw_legend_below(figure: Figure, axes: Axes, *, title: str) -> None:
    """Name the models below all panels, as one of them draws them.

    Args:
        figure: of the panels.
        axes: with every model.
        title: how to read the marks.
    """
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=max(1, len(names)), title=title)


def hide_frame(axes: Axes) -> None:
    """Leave only the picture of an axes: no frame, ticks or grid."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def fit_panel_width(
    height_inches: float, shapes: Sequence[tuple[int, int]], spacings: Sequence[tuple[float, float]]
) -> float:
    """Return the width in inches of panels that show ``(J, K)`` slices without margins.

    Args:
        height_inches: of a panel.
        shapes: ``(J, K)`` of each slice.
        spacings: distance of voxel centres along J and K of each slice, mm.
    """
    widest = max(j * s_j / (k * s_k) for (j, k), (s_j, s_k) in zip(shapes, spacings, strict=True))
    return height_inches * min(max(widest, 0.5), 1.5)  # a title must fit in, a page too


def encode_png(figure: Figure) -> bytes:
    """Return a figure as PNG, byte for byte the same for the same figure."""
    buffer = io.BytesIO()
    # neither the date nor the version of the drawing library belongs into the file
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue()
