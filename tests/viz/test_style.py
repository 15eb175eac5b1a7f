"""Figures look the same on every machine and leave no trace in the user's settings."""

from __future__ import annotations

import matplotlib
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from spinesynth.anatomy.structures import REPORT_GROUPS
from spinesynth.viz import STRUCTURE_COLOURS, encode_png
from spinesynth.viz.style import fit_panel_width, model_look, report_style


def _figure(title: str = "one") -> Figure:
    figure = Figure()
    figure.subplots().set_title(title)
    return figure


def test_png_is_the_same_bytes_for_the_same_figure() -> None:
    first = encode_png(_figure())
    assert first.startswith(b"\x89PNG")
    assert encode_png(_figure()) == first
    assert encode_png(_figure("two")) != first


def test_png_names_neither_software_nor_date() -> None:
    png = encode_png(_figure())
    assert not [mark for mark in (b"Software", b"matplotlib", b"Creation", b"tIME") if mark in png]


def test_every_report_group_has_a_colour() -> None:
    assert set(STRUCTURE_COLOURS) == set(REPORT_GROUPS)


def _seen_by_deuteranopes(colour: str) -> tuple[float, float, float]:
    """Simulate a missing green cone: Machado, Oliveira and Fernandes 2009, severity 1."""
    r, g, b = to_rgb(colour)
    return (
        0.367322 * r + 0.860646 * g - 0.227968 * b,
        0.280085 * r + 0.672501 * g + 0.047413 * b,
        -0.011820 * r + 0.042940 * g + 0.968881 * b,
    )


def test_structures_shown_together_differ_for_colour_blind_readers() -> None:
    shown = [colour for name, colour in STRUCTURE_COLOURS.items() if name != "vertebra"]
    for place, first in enumerate(shown):
        for second in shown[place + 1 :]:
            pairs = zip(_seen_by_deuteranopes(first), _seen_by_deuteranopes(second), strict=True)
            # distance in a unit cube of colours; 0.2 is clearly seen
            assert sum((a - b) ** 2 for a, b in pairs) ** 0.5 > 0.2


def test_models_differ_in_colour_and_marker() -> None:
    look = model_look(["A", "B", "C"])
    assert len({colour for colour, _ in look.values()}) == 3
    assert len({marker for _, marker in look.values()}) == 3


def test_style_is_restored() -> None:
    before = matplotlib.rcParams["axes.grid"]
    with report_style():
        assert matplotlib.rcParams["axes.grid"]
    assert matplotlib.rcParams["axes.grid"] == before


def test_panels_follow_the_proportions_of_the_widest_slice() -> None:
    # 40 x 2 mm wide, 100 x 1 mm high: 0.8 of the height
    assert fit_panel_width(3.0, [(10, 100), (40, 100)], [(1.0, 1.0), (2.0, 1.0)]) == 3.0 * 0.8
