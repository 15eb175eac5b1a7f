"""Spots of brightness and gamma against their formulas."""

from __future__ import annotations

import math

import pytest
import torch

from spinesynth.kernels.local_spot import apply_local_gamma, gaussian_spot


def test_spot_falls_off_as_a_gaussian_along_each_axis() -> None:
    spot = gaussian_spot((5, 7), centre_vox=(2, 3), width_vox=(1, 2))
    assert spot[2, 3] == 1
    assert spot[4, 3].item() == pytest.approx(math.exp(-2), rel=1e-6)  # float32
    assert spot[2, 5].item() == pytest.approx(math.exp(-0.5), rel=1e-6)
    assert spot[4, 5].item() == pytest.approx(math.exp(-2.5), rel=1e-6)


def test_spot_from_outside_still_peaks_at_one() -> None:
    spot = gaussian_spot((4, 4, 4), centre_vox=(-300, 2, 2), width_vox=(1, 1, 1))
    assert spot.argmax() == 10  # voxel (0, 2, 2)
    assert spot.max() == 1


def test_local_gamma_acts_by_the_share_of_the_spot() -> None:
    """A quarter of the range to the power 2 is a sixteenth; half of the way is 5/32."""
    image = torch.tensor([[-1.0, 0.0, 0.0, 0.0, 3.0]])
    spot = torch.tensor([1.0, 0.0, 0.5, 1.0, 1.0])
    changed = apply_local_gamma(image, 2.0, spot)
    expected = torch.tensor([[-1.0, 0.0, -1 + 4 * 5 / 32, -1 + 4 / 16, 3.0]])
    torch.testing.assert_close(changed, expected)


def test_local_gamma_of_a_constant_image_is_the_image() -> None:
    image = torch.full((1, 3, 3), 2.0)
    assert torch.equal(apply_local_gamma(image, 3.0, torch.ones(3, 3)), image)
