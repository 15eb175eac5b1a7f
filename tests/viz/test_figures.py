"""Figures show the numbers they are given, with units, counts and true proportions."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from spinesynth.viz import (
    Overlay,
    Sample,
    draw_comparison,
    draw_degradation,
    draw_overlays,
    draw_samples,
    draw_severities,
    draw_training,
    encode_png,
)

SUMMARY = pd.DataFrame(
    [
        ("s1 · T1", "disc", "A", 0.8, 0.65, 0.9, 5),
        ("s1 · T1", "disc", "B", 0.6, math.nan, math.nan, 1),
        ("s2 · T2", "canal", "A", 0.5, 0.4, 0.55, 3),
    ],
    columns=["group", "structure", "model", "mean", "low", "high", "n_patients"],
)
IMAGE = np.arange(20, dtype=np.float32).reshape(4, 5)
MASK = np.zeros((4, 5), dtype=np.bool_)
MASK[1:3, 1:4] = True


def _compare() -> Figure:
    return draw_comparison(SUMMARY, title="Dice", label="Dice", groups=["s1 · T1", "s2 · T2"])


def _bars(axes: Axes) -> list[float]:
    return [patch.get_width() for patch in axes.patches if isinstance(patch, Rectangle)]


def test_bars_are_as_long_as_the_means() -> None:
    disc, canal = _compare().axes
    assert _bars(disc) == [0.8, 0.6]
    assert _bars(canal) == [0.5]
    assert [axes.get_title() for axes in (disc, canal)] == ["disc", "canal"]


def test_whiskers_span_the_interval_and_one_patient_has_none() -> None:
    disc = _compare().axes[0]
    segments = [path for lines in disc.collections for path in lines.get_paths()]
    ends = [np.asarray(path.vertices)[:, 0].tolist() for path in segments]
    assert ends == [pytest.approx([0.65, 0.9])]


def test_bars_carry_the_number_of_patients() -> None:
    disc, canal = _compare().axes
    assert [text.get_text() for text in disc.texts] == ["5", "1"]
    assert [text.get_text() for text in canal.texts] == ["3"]


def test_rows_are_named_from_the_top() -> None:
    disc = _compare().axes[0]
    assert [label.get_text() for label in disc.get_yticklabels()] == ["s1 · T1", "s2 · T2"]
    assert disc.yaxis_inverted()


def _curves() -> pd.DataFrame:
    rows = [
        ("in_plane_factor", "disc", model, factor, 0.9 * factor, 0.9 - 0.1 * factor, 0.4, 0.95)
        for model in "AB"
        for factor in (1.0, 2.0, 4.0)
    ]
    names = "condition structure model severity resolution_mm dice low high"
    return pd.DataFrame(rows, columns=names.split())


def test_degradation_curves_pass_through_the_points() -> None:
    (axes,) = draw_degradation(_curves(), title="t").axes
    assert axes.lines[0].get_xdata() == pytest.approx([1, 2, 4])
    assert axes.lines[0].get_ydata() == pytest.approx([0.8, 0.7, 0.5])
    assert [line.get_label() for line in axes.lines] == ["model A", "model B"]


def test_degradation_ticks_give_factor_and_voxel_size() -> None:
    (axes,) = draw_degradation(_curves(), title="t").axes
    ticks = [label.get_text() for label in axes.get_xticklabels()]
    assert ticks == ["1×\n0.9", "2×\n1.8", "4×\n3.6"]
    assert axes.get_xlabel() == "in-plane factor (voxel size, mm)"
    assert axes.get_ylabel() == "Dice"


def test_severities_have_a_panel_a_condition_and_ticks_with_levels() -> None:
    curves = pd.DataFrame(
        [
            (condition, "A", severity, level, dice, dice - 0.1, dice + 0.1)
            for condition in ("low_snr", "motion")
            for severity, level, dice in ((0.0, math.nan, 0.8), (1.0, 20.0, 0.7), (5.0, 3.0, 0.2))
        ],
        columns=["condition", "model", "severity", "level", "dice", "low", "high"],
    )
    first, second = draw_severities(curves, title="t").axes
    assert first.lines[0].get_xdata() == pytest.approx([0, 1, 5])
    assert first.lines[0].get_ydata() == pytest.approx([0.8, 0.7, 0.2])
    assert [label.get_text() for label in first.get_xticklabels()] == ["0", "1\n20", "5\n3"]
    assert (first.get_title(), second.get_title()) == ("low snr", "motion")


def test_training_curves_leave_out_epochs_without_validation() -> None:
    table = pd.DataFrame(
        {
            "step": [50, 100, 150], "train_loss": [1.0, 0.8, 0.7],
            "val_dice_mean": [0.1, math.nan, 0.5], "val_dice_disc": [0.1, math.nan, 0.4],
        }
    )  # fmt: skip
    loss, mean, structures = draw_training({"A": table}).axes
    assert loss.lines[0].get_ydata() == pytest.approx([1.0, 0.8, 0.7])
    assert mean.lines[0].get_xdata() == pytest.approx([50, 150])
    assert structures.lines[0].get_label() == "disc"
    assert structures.get_xlabel() == "optimiser step"


def test_validation_loss_is_dashed_where_it_was_measured() -> None:
    table = pd.DataFrame({"step": [1, 2], "train_loss": [2.0, 1.0], "val_dice_mean": [0.1, 0.2]})
    validated = table.assign(val_loss=[2.5, 1.5])
    loss = draw_training({"A": table, "B": validated}).axes[0]
    assert loss.lines[2].get_ydata() == pytest.approx([2.5, 1.5])
    assert loss.lines[2].get_linestyle() == "--"
    assert loss.lines[2].get_color() == loss.lines[1].get_color()
    assert loss.get_title() == "Loss (dashed: validation)"


OVERLAY = Overlay("case", IMAGE, {"disc": MASK}, {"disc": MASK}, (1.0, 3.0))


def test_overlays_show_anterior_left_and_superior_on_top() -> None:
    picture = draw_overlays([OVERLAY], title="t").axes[0].images[0]
    shown = np.asarray(picture.get_array())
    # row 0 is at the bottom (inferior), column 0 at the left: the most anterior J
    assert picture.origin == "lower"
    assert shown[0, 0] == IMAGE[3, 0]
    assert shown[4, 3] == IMAGE[0, 4]


def test_overlays_keep_true_proportions() -> None:
    assert draw_overlays([OVERLAY], title="t").axes[0].get_aspect() == 3.0


def test_overlays_draw_reference_and_prediction() -> None:
    image, reference, prediction = draw_overlays([OVERLAY], title="t").axes
    assert len(image.collections) == 0
    assert len(reference.collections) == 2  # area and outline
    assert len(prediction.collections) == 3  # and the reference, dashed


def test_overlays_bear_empty_masks_and_flat_images() -> None:
    nothing = {"disc": np.zeros_like(MASK)}
    overlay = OVERLAY._replace(image=np.ones_like(IMAGE), reference=nothing, prediction=nothing)
    encode_png(draw_overlays([overlay], title="t"))


def test_legend_names_the_structures_of_all_rows() -> None:
    second = OVERLAY._replace(reference={"canal": MASK})
    figure = draw_overlays([OVERLAY, second], title="t")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["disc", "canal"]


def test_samples_fill_a_grid_of_image_above_labels() -> None:
    samples = [Sample(f"s{n}", IMAGE, {"disc": MASK}, (1.0, 1.0)) for n in range(5)]
    figure = draw_samples(samples, title="t", columns=3)
    panels = np.reshape(np.array(figure.axes, dtype=object), (4, 3))
    titles = [[axes.get_title() for axes in row] for row in panels]
    assert titles == [["s0", "s1", "s2"], ["", "", ""], ["s3", "s4", ""], ["", "", ""]]
    assert len(panels[1, 0].collections) == 2
    assert len(panels[2, 2].images) == 0


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(ValueError, match="tables must hold at least one model"):
        draw_training({})
    with pytest.raises(ValueError, match="summary must hold at least one row"):
        draw_comparison(SUMMARY.head(0), title="t", label="Dice", groups=[])
    with pytest.raises(ValueError, match="summary must hold at least one row"):
        draw_degradation(_curves().head(0), title="t")
    with pytest.raises(ValueError, match="summary must hold at least one row"):
        draw_severities(_curves().head(0), title="t")
    with pytest.raises(ValueError, match="overlays must hold at least one case"):
        draw_overlays([], title="t")
    with pytest.raises(ValueError, match="at least 1, got 0 and 4"):
        draw_samples([], title="t")
