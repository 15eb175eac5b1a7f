"""Centres and heights against shapes whose centre and height are known."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinesynth.metrics import MaskPair, centre_error, disc_height_error, disc_height_mm

Mask = npt.NDArray[np.bool_]


def _disc(
    height_mm: float, *, tilt_deg: float = 0.0, lean_deg: float = 0.0, step_mm: float = 0.5
) -> Mask:
    """Return a slab 36 mm deep in 5 slices of 4 mm, tilted in the slices or leaning across."""
    i, j, k = np.indices((5, 110, 110), dtype=float)
    a, s = (j - 54.5) * step_mm, (k - 54.5) * step_mm
    s = s - (i - 2) * 4 * math.tan(math.radians(lean_deg))
    cosine, sine = math.cos(math.radians(tilt_deg)), math.sin(math.radians(tilt_deg))
    along, across = cosine * a + sine * s, cosine * s - sine * a
    return np.asarray((abs(along) < 18) & (abs(across) < height_mm / 2))


@given(st.integers(1, 9), st.floats(0.3, 3.0))
@settings(max_examples=20, deadline=None)
def test_height_of_a_box_is_its_voxels_times_the_spacing(voxels: int, step_mm: float) -> None:
    # 40 voxels of 3 mm are deeper than 9 of 3 mm are high
    box = np.ones((2, 40, voxels), dtype=np.bool_)
    assert disc_height_mm(box, (4.0, 3.0, step_mm)) == pytest.approx(voxels * step_mm)


@pytest.mark.parametrize("tilt_deg", [0.0, 10.0, 20.0, 40.0])
@pytest.mark.parametrize("height_mm", [4.0, 9.0])
def test_height_is_across_the_disc_however_it_tilts(tilt_deg: float, height_mm: float) -> None:
    height = disc_height_mm(_disc(height_mm, tilt_deg=tilt_deg), (4.0, 0.5, 0.5))
    # edges are ragged by part of a voxel of 0.5 mm; measured along the body, 9 mm would be 11.7
    assert height == pytest.approx(height_mm, abs=0.1)


def test_height_does_not_grow_where_the_disc_leans_to_the_side() -> None:
    leaning = disc_height_mm(_disc(8.0, lean_deg=15.0), (4.0, 0.5, 0.5))
    assert leaning == pytest.approx(8.0, abs=0.1)


def test_height_of_one_thick_slice_is_not_its_thickness() -> None:
    assert disc_height_mm(np.ones((1, 30, 9), dtype=np.bool_), (4.0, 1.0, 1.0)) == pytest.approx(9)


def test_height_of_an_ellipse_is_as_said() -> None:
    j, k = np.indices((240, 80), dtype=float)
    ellipse = ((j - 119.5) / 110) ** 2 + ((k - 39.5) / 30) ** 2 < 1
    # variance c^2 / 4: sqrt(12 / 4) c; a voxel is 1/60 of the height
    expected = math.sqrt(3) * 30
    assert disc_height_mm(ellipse[None], (4.0, 1.0, 1.0)) == pytest.approx(expected, rel=0.005)


def test_height_error_is_signed_and_turns() -> None:
    spacing_mm = (4.0, 0.5, 0.5)
    pair = MaskPair(_disc(10.0), _disc(8.0), spacing_mm=spacing_mm)
    assert disc_height_error(pair) == pytest.approx(2.0)
    assert disc_height_error(
        MaskPair(_disc(8.0), _disc(10.0), spacing_mm=spacing_mm)
    ) == pytest.approx(-2.0)


def test_height_needs_three_axes_and_a_voxel() -> None:
    with pytest.raises(ValueError, match="a disc must have 3 axes, got 1"):
        disc_height_error(MaskPair([1], [1], spacing_mm=(1.0,)))
    with pytest.raises(ValueError, match="mask must have 3 axes and a voxel"):
        disc_height_mm(np.zeros((2, 2, 2), dtype=np.bool_), (1.0, 1.0, 1.0))


def test_centre_error_is_the_distance_of_centres_in_mm() -> None:
    first, second = np.zeros((2, 4, 9, 9), dtype=np.bool_)
    first[1, 2:4, 3] = True  # centre at 1, 2.5, 3
    second[2, 2:8, 3:8] = True  # centre at 2, 4.5, 5
    pair = MaskPair(first, second, spacing_mm=(4.0, 1.0, 0.5))
    assert centre_error(pair) == pytest.approx(math.sqrt(16 + 4 + 1))


@pytest.mark.parametrize("metric", [centre_error, disc_height_error])
def test_what_is_missed_has_neither_centre_nor_height(metric: object) -> None:
    empty, full = np.zeros((2, 2, 2), dtype=np.bool_), np.ones((2, 2, 2), dtype=np.bool_)
    for first, second in ((empty, full), (full, empty), (empty, empty)):
        pair = MaskPair(first, second, spacing_mm=(1.0, 1.0, 1.0))
        assert callable(metric)
        assert math.isnan(metric(pair))
