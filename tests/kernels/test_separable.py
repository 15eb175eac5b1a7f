"""Matrices along the axes: the same as one sum over all of them."""

from __future__ import annotations

import pytest
import torch

from spinesynth.kernels.separable import multiply_axes


def test_two_axes_are_an_einstein_sum() -> None:
    field, one, two = torch.rand(2, 3, 4, 5), torch.rand(6, 4), torch.rand(7, 5)

    result = multiply_axes([one, two], field)

    # sums of 20 products of numbers below 1
    torch.testing.assert_close(
        result, torch.einsum("bcjk,mj,nk->bcmn", field, one, two), rtol=1e-5, atol=1e-5
    )


def test_three_axes_are_an_einstein_sum() -> None:
    field = torch.rand(2, 3, 4, 5, 6)
    matrices = [torch.rand(3, 4), torch.rand(7, 5), torch.rand(2, 6)]

    result = multiply_axes(matrices, field)

    # sums of 120 products of numbers below 1
    torch.testing.assert_close(
        result, torch.einsum("bcijk,li,mj,nk->bclmn", field, *matrices), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("size", [(100, 70), (40, 130, 50), (3, 33, 1)])
def test_narrow_matrices_may_leave_out_their_zeros(size: tuple[int, ...]) -> None:
    field = torch.rand(2, 2, *size)
    matrices = [torch.rand(n, n).triu(-3).tril(3) for n in size]

    result = multiply_axes(matrices, field, reach_vox=3)

    # sums of 7 products of numbers below 1, one axis after the other
    torch.testing.assert_close(result, multiply_axes(matrices, field), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("count", [1, 3])
def test_another_number_of_matrices_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="matrices must be one for each of two or three axes"):
        multiply_axes([torch.eye(4)] * count, torch.rand(1, 1, 4, 4))
