"""Codes of the distance to the centre of a body, against Gaussians worked by hand."""

from __future__ import annotations

import math

import pytest
import torch

from spinesynth.kernels.body_centres import UNKNOWN_CENTRE, centre_codes, heatmap_of

#: A code is a fiftieth of a sigma, so at most a hundredth off; a Gaussian's slope is at most 0.61.
_TOLERANCE = 0.0062


def two_bodies() -> torch.Tensor:
    """Return bodies of 3 x 3 and 3 x 2 voxels, centres (3, 3) and (3, 8.5)."""
    bodies = torch.zeros(8, 12, dtype=torch.uint8)
    bodies[2:5, 2:5] = 1
    bodies[2:5, 8:10] = 2
    return bodies


def test_heatmap_is_a_gaussian_in_mm_about_the_nearest_centre() -> None:
    heat, known = heatmap_of(centre_codes(two_bodies(), spacing_mm=(1.0, 2.0), sigma_mm=4.0))
    assert bool(known.all())
    assert float(heat[3, 3]) == 1
    for (j, k), square_mm in {
        (3, 4): 2.0**2,  # a voxel along the second axis
        (6, 3): 3.0**2,
        (7, 5): 4.0**2 + 4.0**2,
        (3, 8): 1.0**2,  # half a voxel from the other centre
        (0, 11): 3.0**2 + 5.0**2,
        (3, 6): 5.0**2,  # 6 mm from the first
    }.items():
        wanted = math.exp(-square_mm / (2 * 4.0**2))
        assert float(heat[j, k]) == pytest.approx(wanted, abs=_TOLERANCE)


def test_body_at_the_edge_is_unknown_where_it_is_the_nearest() -> None:
    bodies = two_bodies()
    bodies[2:5, 0] = 3  # cut
    codes = centre_codes(bodies, spacing_mm=(1.0, 1.0), sigma_mm=2.0)
    cut = codes == UNKNOWN_CENTRE
    # half way from its centre, 0, to that of the first body, 3
    assert bool(cut[:, :2].all())
    assert not bool(cut[:, 2:].any())
    whole = centre_codes(two_bodies(), spacing_mm=(1.0, 1.0), sigma_mm=2.0)
    assert torch.equal(codes[:, 2:], whole[:, 2:])


def test_body_that_only_touches_the_edge_is_whole() -> None:
    bodies = torch.zeros(9, 9, dtype=torch.uint8)
    bodies[0, 4] = 1  # the tip of a diamond
    for row in range(1, 7):
        reach = min(row, 3, 6 - row + 1)
        bodies[row, 4 - reach : 5 + reach] = 1
    codes = centre_codes(bodies, spacing_mm=(1.0, 1.0), sigma_mm=2.0)
    assert not bool((codes == UNKNOWN_CENTRE).any())
    cut = centre_codes(bodies[3:], spacing_mm=(1.0, 1.0), sigma_mm=2.0)
    assert bool((cut == UNKNOWN_CENTRE).all())


def test_axis_of_one_voxel_cuts_nothing() -> None:
    flat = two_bodies()
    codes = centre_codes(flat[None], spacing_mm=(4.0, 1.0, 1.0), sigma_mm=2.0)
    assert torch.equal(codes[0], centre_codes(flat, spacing_mm=(1.0, 1.0), sigma_mm=2.0))


def test_without_a_body_the_heatmap_is_known_to_be_zero() -> None:
    heat, known = heatmap_of(
        centre_codes(torch.zeros(3, 4, dtype=torch.uint8), spacing_mm=(1, 1), sigma_mm=5)
    )
    assert bool(known.all())
    assert not bool(heat.any())
