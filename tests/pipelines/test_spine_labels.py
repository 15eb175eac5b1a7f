"""Codes that name levels name those of the reading."""

from __future__ import annotations

import logging

import pytest
import torch

from spinesynth.anatomy.label_schemes import get_scheme
from spinesynth.anatomy.structures import Structure
from spinesynth.pipelines.spine_labels import encode_labels
from spinesynth.postprocess import SpineReading, read_spine

_BODY_MM, _DISC_MM, _BODIES = 26, 8, 4


def _column(*, lowest: str | None, bodies: int = _BODIES) -> SpineReading:
    """Return the reading of blocks with discs between, no sacrum in view."""
    codes = torch.zeros(20, 60, bodies * (_BODY_MM + _DISC_MM) + 20, dtype=torch.uint8)
    for number in range(bodies):
        foot = 10 + number * (_BODY_MM + _DISC_MM)
        codes[2:18, 20:52, foot : foot + _BODY_MM] = int(Structure.VERTEBRAL_BODY)
        if number < bodies - 1:
            head = foot + _BODY_MM
            codes[2:18, 20:52, head : head + _DISC_MM] = int(Structure.DISC)
    return read_spine(codes, torch.eye(4, dtype=torch.float64), lowest=lowest)


def _upwards(reading: SpineReading, scheme: str) -> list[int]:
    """Return the codes of the vertebrae from below."""
    codes = encode_labels(get_scheme(scheme), reading.structures, reading)
    return [int(codes[reading.instances == n].mode().values) for n in range(1, _BODIES + 1)]


def test_lowest_that_a_user_names_shifts_the_codes() -> None:
    # TotalSpineSeg: L5 is 45, counting down to L1 = 41 and T12 = 32 above it
    assert _upwards(_column(lowest="L5"), "totalspineseg") == [45, 44, 43, 42]
    assert _upwards(_column(lowest="L3"), "totalspineseg") == [43, 42, 41, 32]


def test_counts_of_spider_are_from_the_lowest_in_view() -> None:
    assert _upwards(_column(lowest="L3"), "spider") == [1, 2, 3, 4]


def test_unknown_levels_are_told_where_codes_name_them(caplog: pytest.LogCaptureFixture) -> None:
    reading = _column(lowest=None)
    assert reading.levels[0].name == "unknown"
    with caplog.at_level(logging.WARNING):
        assert _upwards(reading, "totalspineseg") == [45, 44, 43, 42]
    assert "call the lowest vertebra in view L5; its level is not known" in caplog.text


def test_spine_longer_than_the_codes_of_spider_is_written(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scheme, reading = get_scheme("spider"), _column(lowest="L5", bodies=12)
    assert len(reading.of_kind("disc")) == 11
    with caplog.at_level(logging.WARNING):
        codes = encode_labels(scheme, reading.structures, reading)
    discs = {int(code) for code in torch.unique(codes) if code > 200}
    assert discs < {code for code in scheme.codes if code > 200}
    assert int((codes == max(discs)).sum()) > 0
    assert "no code for discs above number 9" in caplog.text


def test_usual_spine_has_the_usual_codes() -> None:
    scheme = get_scheme("totalspineseg")
    counts = torch.arange(1, 6, dtype=torch.uint8)
    discs = scheme.encode(torch.full((5,), int(Structure.DISC)), counts)
    assert int(discs[0]) == 100  # L5-S1, not the sign of an L6
    assert scheme.decode(discs).instance.tolist() == counts.tolist()
