"""Products along one axis: against NumPy, and alike on any number of threads."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from spinesynth.kernels.axis_product import Banded, apply_along_axis, banded

shapes = st.lists(st.integers(1, 40), min_size=1, max_size=4)


@pytest.fixture
def _restored_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def _random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def _band(rows: int, columns: int, reach: float = 3.0) -> Tensor:
    """Return a random matrix that is zero away from its diagonal, rows of sum 1."""
    centre = torch.arange(rows)[:, None] * columns / rows
    near = ((centre - torch.arange(columns)).abs() < reach).float()
    matrix = near * (_random(rows, columns, seed=2) + 0.1)
    return matrix / matrix.sum(1, keepdim=True)


@given(shapes, st.integers(1, 60), st.integers(0, 3))
def test_product_is_that_of_numpy(shape: list[int], rows: int, axis: int) -> None:
    axis %= len(shape)
    field, matrix = _random(*shape), _random(rows, shape[axis], seed=1)
    wanted = np.moveaxis(np.tensordot(matrix.numpy(), field.numpy(), (1, axis)), 0, axis)

    result = apply_along_axis(matrix, field, axis)

    # float32 sums of at most 40 products
    np.testing.assert_allclose(result.numpy(), wanted, atol=1e-5)


@given(shapes, st.integers(1, 90), st.integers(0, 3))
def test_banded_product_is_the_dense_one(shape: list[int], rows: int, axis: int) -> None:
    axis %= len(shape)
    field, matrix = _random(*shape), _band(rows, shape[axis])

    result = apply_along_axis(banded(matrix), field, axis)

    torch.testing.assert_close(result, apply_along_axis(matrix, field, axis), rtol=0, atol=1e-6)


@given(st.integers(1, 90), st.integers(1, 90))
def test_blocks_hold_every_row_once_and_all_that_is_not_zero(rows: int, columns: int) -> None:
    matrix = _band(rows, columns)
    left = matrix.clone()

    blocks = banded(matrix).blocks
    for first, last, start, stop in blocks:
        left[first:last, start:stop] = 0

    assert [b[0] for b in blocks] == [0, *(b[1] for b in blocks[:-1])]
    assert blocks[-1][1] == rows
    assert not left.any()


def test_blocks_of_a_narrow_band_are_narrow() -> None:
    blocks = banded(_band(256, 256)).blocks

    # a block's own rows and the reach of three on either side
    assert len(blocks) >= 8
    assert all(stop - start <= last - first + 2 * 3 for first, last, start, stop in blocks)


@pytest.mark.usefixtures("_restored_threads")
@pytest.mark.parametrize("axis", [2, 3, 4])
@pytest.mark.parametrize("few", [1, 5, 6, 7, 9, 10, 11, 12])
def test_threads_do_not_matter(few: int, axis: int) -> None:
    # MKL splits five to eleven rows between two threads into other kernels than one thread takes
    size = [few, few, few]
    size[axis - 2] = 37
    for field in (_random(1, 1, *size), _random(1, 1, 31, 29, 17)):
        for matrix in (_random(few, field.shape[axis]), _random(41, field.shape[axis])):
            results = []
            for threads in (1, 2):
                torch.set_num_threads(threads)
                results += [apply_along_axis(m, field, axis) for m in (matrix, banded(matrix))]

            assert torch.equal(results[0], results[2])
            assert torch.equal(results[1], results[3])


@pytest.mark.parametrize("axis", [2, 3])
@pytest.mark.parametrize("offset", [1, 2, 3, 4])
def test_place_in_memory_does_not_matter(offset: int, axis: int) -> None:
    field = _random(1, 1, 20, 24)
    moved = torch.empty(field.numel() + 16)[offset : offset + field.numel()].view(field.shape)
    moved.copy_(field)
    matrix = banded(_band(10, field.shape[axis], 4.0))

    assert torch.equal(apply_along_axis(matrix, moved, axis), apply_along_axis(matrix, field, axis))


def test_blocks_keep_the_matrix() -> None:
    matrix = _band(20, 30)

    assert isinstance(banded(matrix), Banded)
    assert banded(matrix).matrix is matrix
