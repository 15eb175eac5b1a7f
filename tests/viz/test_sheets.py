"""Sheets keep their layout, and small PNG files their colours."""

from __future__ import annotations

import io

import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure

from spinesynth.viz import Sample, draw_sheet, encode_palette_png

IMAGE = np.arange(20, dtype=np.float32).reshape(4, 5)
MASK = np.zeros((4, 5), dtype=np.bool_)
MASK[1:3, 1:4] = True
SCAN = Sample("T1", IMAGE, {}, (1.0, 1.0))
LABELS = Sample("labels", IMAGE, {"disc": MASK}, (1.0, 1.0))


def test_labels_are_coloured_on_black_and_scans_shown() -> None:
    labels, scan = draw_sheet([[LABELS, SCAN]], title="t").axes
    assert float(np.abs(np.asarray(labels.images[0].get_array())).max()) == 0
    assert len(labels.collections) == 2  # area and outline
    assert float(np.asarray(scan.images[0].get_array()).max()) == 19
    assert len(scan.collections) == 0


def test_each_phantom_has_a_row() -> None:
    panels = draw_sheet([[LABELS, SCAN], [LABELS, SCAN], [LABELS, SCAN]], title="t").axes
    assert [axes.get_title() for axes in panels] == ["labels", "T1"] * 3


def test_rows_of_unlike_length_and_no_row_are_refused() -> None:
    with pytest.raises(ValueError, match=r"as many panels as each other, got \[1, 2\]"):
        draw_sheet([[SCAN], [SCAN, LABELS]], title="t")
    with pytest.raises(ValueError, match="at least 1, got 0 and 0"):
        draw_sheet([], title="t")


def _read(content: bytes) -> np.ndarray:
    return np.asarray(matplotlib.image.imread(io.BytesIO(content), format="png"))


def _colours(levels: np.ndarray) -> Figure:
    """Draw a figure without margins whose pixels are the given grey levels, at 10 dpi."""
    figure = Figure(figsize=(levels.shape[1] / 10, levels.shape[0] / 10))
    figure.figimage(levels, cmap="gray", vmin=0, vmax=255, origin="upper")
    return figure


def test_few_colours_are_kept_as_they_are() -> None:
    levels = np.random.default_rng(0).choice([0, 3, 90, 200, 255], (30, 40)).astype(float)

    full = io.BytesIO()
    _colours(levels).savefig(full, format="png", dpi=10)

    image = _read(encode_palette_png(_colours(levels), dpi=10))

    assert image.shape[:2] == (30, 40)
    np.testing.assert_array_equal(image[..., :3], _read(full.getvalue())[..., :3])


def test_rare_colours_become_the_nearest_frequent_ones() -> None:
    # 16 levels of red, green and blue each: 4096 colours, of which 256 can stay
    red, green, blue = (c.ravel() * 17 / 255 for c in np.mgrid[:16, :16, :16])
    pixels = np.stack([red, green, blue], axis=-1).reshape(64, 64, 3)
    figure = Figure(figsize=(6.4, 6.4))
    figure.figimage(pixels)

    image = _read(encode_palette_png(figure, dpi=10))[..., :3]

    assert len(np.unique(image.reshape(-1, 3), axis=0)) == 256


def test_same_figure_gives_the_same_bytes() -> None:
    first, again = (encode_palette_png(_colours(np.eye(9) * 255), dpi=10) for _ in range(2))
    assert first == again
