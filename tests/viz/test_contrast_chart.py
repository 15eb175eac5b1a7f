"""The chart marks where contrast vanishes, keeps one scale and names what it shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from spinesynth.viz import ContrastChart, Plane, Range, Stop, draw_contrast

TR_MS, TE_MS = np.geomspace(200, 6000, 31), np.linspace(5, 150, 30)
IMAGE = np.arange(20, dtype=np.float64).reshape(4, 5)
#: Falls with TE alone, and is 0 at 77.5 ms.
FALLING = np.broadcast_to(np.linspace(0.5, -0.5, 30)[:, None], (30, 31))
CHART = ContrastChart(
    title="t",
    strip_title="s",
    tr_ms=TR_MS,
    te_ms=TE_MS,
    planes=[Plane("one", "two", FALLING)],
    clouds={"cloud": np.array([[500.0, 10.0], [600.0, 12.0]])},
    box=Range("box", tr_ms=(200.0, 3000.0), te_ms=(5.0, 100.0)),
    stops=[Stop("T1-weighted", 500.0, 10.0, IMAGE), Stop("", 4000.0, 100.0, IMAGE)],
    spacing_mm=(1.0, 1.0),
)


def _panels(figure: Figure) -> dict[str, Axes]:
    return {axes.get_title(): axes for axes in figure.axes}


def _lines(axes: Axes) -> QuadContourSet | None:
    sets = [c for c in axes.collections if isinstance(c, QuadContourSet) and not c.filled]
    return sets[0] if sets else None


def _legend(figure: Figure) -> list[str]:
    (legend,) = figure.subfigs[0].legends
    return [text.get_text() for text in legend.get_texts()]


def test_thick_line_lies_where_contrast_is_zero() -> None:
    lines = _lines(_panels(draw_contrast(CHART))["one against two"])
    assert lines is not None
    levels = np.asarray(lines.levels)
    zero = int(np.abs(levels).argmin())
    assert levels[zero] == pytest.approx(0)
    assert np.asarray(lines.get_paths()[zero].vertices)[:, 1] == pytest.approx(77.5)
    assert int(np.argmax(np.asarray(lines.get_linewidth()))) == zero


@pytest.mark.parametrize(("offset", "named"), [(0.0, True), (0.5, False), (-0.6, False)])
def test_zero_is_in_the_legend_where_it_is_in_a_plane(offset: float, named: bool) -> None:
    figure = draw_contrast(replace(CHART, planes=[Plane("one", "two", FALLING + offset)]))
    assert _legend(figure) == ["no contrast"] * named + ["cloud", "box", "images 1 to 2"]


def test_plane_without_any_line_is_drawn() -> None:
    figure = draw_contrast(replace(CHART, planes=[Plane("a", "b", np.full((30, 31), 0.31))]))
    assert _lines(_panels(figure)["a against b"]) is None
    assert draw_contrast(replace(CHART, planes=[Plane("a", "b", np.zeros((30, 31)))])).axes


def test_all_planes_share_one_scale_that_is_even_about_zero() -> None:
    planes = [Plane("a", "b", FALLING * 0.1), Plane("c", "d", FALLING + 0.21)]
    panels = _panels(draw_contrast(replace(CHART, planes=planes)))
    filled = [panels[title].collections[0] for title in ("a against b", "c against d")]
    # the largest is 0.71, the next step of 0.05 is 0.75
    assert [c.get_clim() for c in filled] == [pytest.approx((-0.75, 0.75))] * 2
    assert filled[0].cmap(0.5)[:3] == pytest.approx(to_rgb("white"), abs=0.05)


def test_box_and_path_lie_at_their_times_and_the_axes_have_units() -> None:
    axes = _panels(draw_contrast(CHART))["one against two"]
    (box,) = (patch for patch in axes.patches if isinstance(patch, Rectangle))
    assert box.get_bbox().extents == pytest.approx([200, 5, 3000, 100])
    cloud, path = (np.asarray(line.get_xydata()) for line in axes.lines)
    assert cloud.tolist() == [[500, 10], [600, 12]]
    assert path.tolist() == [[500, 10], [4000, 100]]
    numbers = [text for text in axes.texts if text.get_text() in ("1", "2")]
    assert [text.get_position() for text in numbers] == [(500, 10), (4000, 100)]
    assert (axes.get_xscale(), axes.get_xlabel(), axes.get_ylabel()) == (
        *("log", "TR (ms, logarithmic)", "TE (ms)"),
    )


def test_images_are_numbered_and_tell_their_times() -> None:
    panels = _panels(draw_contrast(CHART))
    assert panels["1  T1-weighted"].get_xlabel() == "TR 500 ms, TE 10 ms"
    assert panels["2"].get_xlabel() == "TR 4000 ms, TE 100 ms"


def test_labels_of_lines_stay_off_the_border() -> None:
    figure = draw_contrast(CHART)
    axes = _panels(figure)["one against two"]
    to_axes = axes.transData + axes.transAxes.inverted()
    labels = [text for text in axes.texts if text.get_text() not in ("1", "2")]
    # +0.4 and -0.4 lie at a tenth of the height from the border, further than 0.06
    assert sorted(text.get_text() for text in labels) == ["+0.2", "+0.4", "0", "−0.2", "−0.4"]
    for text in labels:
        assert 0.05 < to_axes.transform(text.get_position()).min()
        assert to_axes.transform(text.get_position()).max() < 0.95


def test_planes_beyond_three_go_into_further_rows() -> None:
    one, four = (draw_contrast(replace(CHART, planes=[*CHART.planes] * n)) for n in (3, 4))
    assert four.get_figheight() - one.get_figheight() == pytest.approx(3.6)
    shown = [axes for axes in four.axes if axes.get_title() == "one against two"]
    assert len(shown) == 4


def test_chart_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="planes and stops must be at least 1, got 0 and 2"):
        draw_contrast(replace(CHART, planes=[]))
    with pytest.raises(ValueError, match="planes and stops must be at least 1, got 1 and 0"):
        draw_contrast(replace(CHART, stops=[]))
