"""Counted codes are those that sorting finds."""

from __future__ import annotations

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from spinesynth.anatomy.present_codes import is_one_of, present_codes


@given(st.lists(st.integers(-3, 70000), max_size=30))
def test_counting_finds_what_sorting_finds(values: list[int]) -> None:
    assert present_codes(torch.tensor(values, dtype=torch.int64)) == sorted(set(values))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32])
def test_any_integer_type_is_counted(dtype: torch.dtype) -> None:
    assert present_codes(torch.ones(2, 3, 4).to(dtype)) == [1]


@example([0], {256})
@given(st.lists(st.integers(0, 255), min_size=1, max_size=30), st.sets(st.integers(0, 300)))
def test_a_map_of_some_codes_is_what_isin_says(values: list[int], wanted: set[int]) -> None:
    codes = torch.tensor(values, dtype=torch.uint8)
    assert is_one_of(codes, wanted).tolist() == [value in wanted for value in values]
