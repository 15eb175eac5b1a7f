"""The probability of acting means the same for every transform."""

from __future__ import annotations

import math

import pytest

from tests.transforms.contract_cases import (
    CASES,
    make_array_form,
)
from tests.transforms.contract_tools import always_case, equal, sometimes_case


@sometimes_case
def test_probability_zero_changes_nothing_and_leaves_no_record(name: str) -> None:
    for data in CASES[name].inputs():
        transform = make_array_form(name, prob=0.0)

        result = transform(data)

        assert equal(result, data)
        assert result.data_ptr() != data.data_ptr()
        assert transform.record is None


@sometimes_case
@pytest.mark.parametrize("prob", [-0.1, 1.1, math.nan])
def test_probability_outside_its_range_is_refused(name: str, prob: float) -> None:
    with pytest.raises(ValueError, match=r"prob must be in \[0, 1\], got"):
        make_array_form(name, prob=prob)


@always_case
def test_probability_below_one_is_refused_where_it_makes_no_sense(name: str) -> None:
    with pytest.raises(ValueError, match="prob must be 1 "):
        make_array_form(name, prob=0.5)
