from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis.extra.numpy import arrays
from scipy.spatial import Delaunay

from spinesynth.anatomy.structures import Structure
from spinesynth.postprocess import Cleaning, read_spine
from spinesynth.postprocess.canal_section import convex_sections

_MM = np.ones(3)


def _ellipse(radii: tuple[float, float]) -> np.ndarray:
    x, y = np.indices((25, 21))
    return ((x - 12) / radii[0]) ** 2 + ((y - 10) / radii[1]) ** 2 <= 1.0


@given(arrays(bool, (9, 8, 2)))
def test_sections_are_filled_to_their_convex_hull_and_no_farther(canal: np.ndarray) -> None:
    free = np.ones_like(canal)
    filled = canal | convex_sections(canal, free, _MM)
    for row in range(canal.shape[2]):
        points = np.argwhere(canal[:, :, row])
        if len(points) < 3 or np.linalg.matrix_rank(points - points[0]) < 2:
            continue
        hull = Delaunay(points)  # another algorithm: triangles instead of half planes
        everywhere = np.indices((9, 8)).reshape(2, -1).T
        expected = (hull.find_simplex(everywhere, tol=1e-9) >= 0).reshape(9, 8)
        np.testing.assert_array_equal(filled[:, :, row], expected)


def test_a_sac_without_its_roots_is_whole_again() -> None:
    whole = _ellipse((9.0, 6.0))
    left_out = np.zeros_like(whole)
    left_out[10:15, 2:8] = True  # the roots in the middle of its back
    canal = (whole & ~left_out)[:, :, None]
    added = convex_sections(canal, ~canal, _MM)[:, :, 0]
    missing = whole & ~canal[:, :, 0]
    # all but the shallow cap that the hull of what is left cuts off
    assert added[missing].mean() > 0.9
    assert not (added & ~whole).any()


def test_what_is_something_else_is_not_filled() -> None:
    canal = np.ones((5, 5, 1), dtype=bool)
    canal[2, 1:4] = False
    free = ~canal
    free[2, 2] = False
    assert np.argwhere(convex_sections(canal, free, _MM)).tolist() == [[2, 1, 0], [2, 3, 0]]


def test_a_single_slice_is_filled_from_front_to_back() -> None:
    canal = np.zeros((1, 9, 1), dtype=bool)
    canal[0, [2, 6]] = True
    added = convex_sections(canal, ~canal, _MM)
    assert np.flatnonzero(added[0, :, 0]).tolist() == [3, 4, 5]


@pytest.mark.parametrize(("spacing", "is_filled"), [(4.0, True), (6.0, False)])
def test_a_section_wider_than_a_canal_is_left_alone(spacing: float, is_filled: bool) -> None:
    canal = np.zeros((1, 9, 1), dtype=bool)  # 8 steps: 32 or 48 mm, the bound is 40
    canal[0, [0, 8]] = True
    added = convex_sections(canal, ~canal, np.array([1.0, spacing, 1.0]))
    assert bool(added.any()) is is_filled


@pytest.mark.parametrize("is_cleaned", [True, False])
def test_the_switch_decides(is_cleaned: bool) -> None:
    codes = torch.zeros(9, 9, 12, dtype=torch.uint8)
    codes[2:7, 2:7] = int(Structure.CANAL)
    codes[4, 2:5] = 0  # open to the back, so that no hole is filled
    cleaned = read_spine(
        codes,
        torch.eye(4, dtype=torch.float64),
        cleaning=Cleaning(canal_sections=is_cleaned, canal_continuity=False),
    ).structures
    assert bool((torch.as_tensor(cleaned)[4, 2:5] == int(Structure.CANAL)).all()) is is_cleaned
