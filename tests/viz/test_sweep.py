"""The picture of a sweep shows each trial that has a score, once a parameter."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from spinesynth.viz import draw_sweep, encode_png

TABLE = pd.DataFrame(
    {
        "trial": [0, 1, 2, 3],
        "rate": [1e-4, 1e-3, 1e-2, 1e-3],
        "batch": ["4", "2", "8", "8"],
        "dice": [0.5, 0.7, math.nan, 0.6],
    }
)


def test_points_stand_where_their_trials_are() -> None:
    figure = draw_sweep(TABLE, orders={"rate": (), "batch": ("2", "4", "8")}, magnitudes={"rate"})
    rate, batch = figure.axes
    points = [np.asarray(axes.collections[0].get_offsets()).tolist() for axes in (rate, batch)]
    assert points[0] == [[1e-4, 0.5], [1e-3, 0.7], [1e-3, 0.6]]
    assert points[1] == [[1, 0.5], [0, 0.7], [2, 0.6]]  # in the order of the choices
    assert (rate.get_xscale(), batch.get_xscale()) == ("log", "linear")
    assert [label.get_text() for label in batch.get_xticklabels()] == ["2", "4", "8"]
    rings = [axes.lines[0].get_xydata() for axes in (rate, batch)]
    assert np.asarray(rings).reshape(2, 2).tolist() == [[1e-3, 0.7], [0, 0.7]]  # the best


def test_four_parameters_fill_two_rows_and_none_is_refused() -> None:
    table = TABLE.assign(a=TABLE["rate"], b=TABLE["rate"])
    figure = draw_sweep(table, orders={"rate": (), "batch": ("2", "4", "8"), "a": (), "b": ()})
    assert len(figure.axes) == 4
    assert encode_png(figure).startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="at least one parameter"):
        draw_sweep(TABLE, orders={})


def test_a_sweep_without_a_score_yet_can_be_drawn() -> None:
    empty = TABLE.assign(dice=math.nan)
    (axes,) = draw_sweep(empty, orders={"batch": ("2", "4", "8")}).axes
    assert len(axes.lines) == 0
