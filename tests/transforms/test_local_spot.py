"""Random spots: replayed by their record, of both signs, within what they are given."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from spinesynth.transforms.local_spot import (
    RandBrightnessSpot,
    RandBrightnessSpotd,
    RandLocalGamma,
    RandLocalGammad,
)

IMAGE = torch.linspace(-2, 3, 2 * 12 * 10).reshape(2, 12, 10)


@pytest.mark.parametrize("form", [RandBrightnessSpot, RandLocalGamma])
def test_record_replays_after_a_way_through_json(
    form: type[RandBrightnessSpot | RandLocalGamma],
) -> None:
    spot = form().set_random_state(4)
    drawn = spot(IMAGE)
    assert spot.record is not None
    record: Any = spot.read_record(json.loads(json.dumps(spot.record.to_dict())))
    assert torch.equal(spot.apply(IMAGE, record), drawn)
    assert not torch.equal(drawn, IMAGE)


def test_brightness_peaks_at_the_drawn_strength() -> None:
    spot = RandBrightnessSpot().set_random_state(0)
    changes = []
    for _ in range(40):
        added = spot(torch.zeros(1, 9, 9))
        assert spot.record is not None
        change = spot.record.to_dict()["change"]
        assert added.abs().max().item() == pytest.approx(abs(change), rel=1e-6)  # float32
        changes.append(change)
    assert all(1 <= abs(change) <= 5 for change in changes)
    assert min(changes) < 0 < max(changes)


def test_gamma_keeps_the_range() -> None:
    spot = RandLocalGamma().set_random_state(1)
    for _ in range(20):
        bent = spot(IMAGE)
        assert bent.min().item() == pytest.approx(-2, abs=1e-6)
        assert bent.max().item() == pytest.approx(3, abs=1e-6)


@pytest.mark.parametrize("form", [RandBrightnessSpotd, RandLocalGammad])
def test_keys_share_one_spot(form: type[RandBrightnessSpotd | RandLocalGammad]) -> None:
    drawn = form(("a", "b")).set_random_state(2)({"a": IMAGE, "b": IMAGE})
    assert torch.equal(drawn["a"], drawn["b"])


def test_ranges_are_checked() -> None:
    with pytest.raises(ValueError, match=r"darker must be an ordered pair within \[-inf, 0\]"):
        RandBrightnessSpot(darker=(-1, 1))
    with pytest.raises(ValueError, match=r"steeper must be an ordered pair within \[1, 100\]"):
        RandLocalGamma(steeper=(0.5, 2))
