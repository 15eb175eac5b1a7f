"""Curves go through their nodes, and leave alone what has no signal."""

from __future__ import annotations

import pytest
import torch

from spinesynth.kernels.intensity import high_intensity
from spinesynth.kernels.intensity_curve import apply_intensity_curve

RAMP = torch.linspace(0, 100, 401)


def test_the_straight_curve_changes_only_what_is_brighter_than_its_end() -> None:
    straight = apply_intensity_curve(RAMP, [0, 0.3, 1], [0, 0.3, 1])
    expected = RAMP.clamp(max=high_intensity(RAMP))
    torch.testing.assert_close(straight, expected, rtol=0, atol=1e-4)  # float32 at 100


def test_nodes_are_met_and_pieces_between_them_are_straight() -> None:
    peak = high_intensity(RAMP)
    grey = torch.cat([torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0]) * peak, RAMP])
    found = apply_intensity_curve(grey, [0, 0.5, 1], [0.2, 1.0, 0.0])[:5] / high_intensity(grey)
    # the added voxels may move the percentile by a rank: 0.25 % of the scale
    torch.testing.assert_close(found, torch.tensor([0.2, 0.6, 1.0, 0.5, 0.0]), rtol=0, atol=0.01)


def test_an_image_without_signal_stays() -> None:
    nothing = torch.zeros(2, 3, 4)
    assert torch.equal(apply_intensity_curve(nothing, [0, 1], [1, 0]), nothing)


def test_high_intensity_leaves_the_padding_out() -> None:
    padded = torch.cat([torch.full((5000,), -1000.0), RAMP])
    assert high_intensity(padded) == pytest.approx(high_intensity(RAMP), abs=0.25)  # a rank


@pytest.mark.parametrize(
    ("places", "values"), [([0, 1], [0]), ([0, 0.5, 0.5, 1], [0] * 4), ([0], [0]), ([1, 0], [0, 1])]
)
def test_places_must_rise_with_as_many_values(places: list[float], values: list[float]) -> None:
    with pytest.raises(ValueError, match="places must rise and have as many values"):
        apply_intensity_curve(RAMP, places, values)


def test_places_must_span_the_scale() -> None:
    with pytest.raises(ValueError, match="must begin at 0 and end at 1"):
        apply_intensity_curve(RAMP, [0, 0.9], [0, 1])
