"""Comparisons by numpy against those of torch."""

from __future__ import annotations

import pytest
import torch

from spinesynth.kernels.comparisons import is_any_of, is_greater


@pytest.mark.parametrize("members", [(0,), (1, 3), (0, 1, 2, 3, 4)])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64])
def test_codes_are_found_in_maps_and_in_parts_of_them(
    members: tuple[int, ...], dtype: torch.dtype
) -> None:
    codes = torch.randint(0, 5, (3, 20, 30), generator=torch.Generator().manual_seed(0)).to(dtype)
    for part in (codes, codes[1:, 3:9, ::2]):
        found = is_any_of(part, members)

        wanted = torch.isin(part, torch.tensor(members, dtype=dtype))
        assert found.dtype == torch.bool
        assert torch.equal(found, wanted)


def test_fields_are_compared_over_shapes_that_broadcast() -> None:
    generator = torch.Generator().manual_seed(0)
    field, edge = torch.randn(2, 20, 30, generator=generator), torch.randn(30, generator=generator)
    field[0, 4] = edge  # equal is not greater

    assert torch.equal(is_greater(field, edge), field > edge)
    assert torch.equal(is_greater(edge, field), edge > field)


def test_number_is_compared_in_the_precision_of_the_field() -> None:
    field = torch.tensor([0.1])  # as float32 a little more than 0.1

    assert is_greater(field, 0.1).tolist() == (field > 0.1).tolist() == [False]
