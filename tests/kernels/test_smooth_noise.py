"""B-spline upsampling against SciPy, and the spread of smooth noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import BSpline

from spinesynth.kernels.axis_product import apply_along_axis
from spinesynth.kernels.smooth_noise import (
    bspline_matrix,
    draw_nodes,
    smooth_noise,
    upsample_nodes,
)

sizes = st.tuples(st.integers(1, 40), st.integers(2, 12))


@given(sizes)
def test_rows_of_the_matrix_sum_to_one_and_are_never_negative(size: tuple[int, int]) -> None:
    matrix = bspline_matrix(*size)

    assert matrix.shape == size
    # float32 sums of at most five terms of order 1
    torch.testing.assert_close(matrix.sum(1), torch.ones(size[0]), rtol=0, atol=1e-6)
    assert float(matrix.min()) >= 0


@given(st.integers(5, 60), st.integers(6, 12))
def test_lines_are_reproduced_between_the_second_and_last_but_one_node(
    size: int, nodes: int
) -> None:
    position = torch.linspace(0, nodes - 1, size)
    inner = (position >= 1) & (position <= nodes - 2)  # outside, border nodes are repeated

    line = bspline_matrix(size, nodes) @ torch.arange(nodes, dtype=torch.float32)

    torch.testing.assert_close(line[inner], position[inner], rtol=0, atol=1e-5)


def test_matrix_is_the_cubic_b_spline_of_scipy() -> None:
    size, nodes = 57, 9
    position = np.linspace(0, nodes - 1, size)
    basis = BSpline.basis_element(np.arange(-2.0, 3.0), extrapolate=False)
    inner = (position >= 1) & (position <= nodes - 2)
    wanted = np.stack([np.nan_to_num(basis(position - n)) for n in range(nodes)], 1)

    matrix = bspline_matrix(size, nodes).numpy()

    np.testing.assert_allclose(matrix[inner], wanted[inner], rtol=0, atol=1e-6)


def test_matrix_at_the_border_node_repeats_it() -> None:
    # weights 1/6, 2/3, 1/6 at a node; the node beyond the border is the border node again
    matrix = bspline_matrix(5, 5)

    torch.testing.assert_close(matrix[0, :2], torch.tensor([5 / 6, 1 / 6]))
    torch.testing.assert_close(matrix[2, 1:4], torch.tensor([1 / 6, 2 / 3, 1 / 6]))


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_matrix_acts_along_the_named_axis_alone(axis: int) -> None:
    field = torch.rand(3, 4, 5, generator=torch.Generator().manual_seed(0))
    matrix = torch.rand(7, field.shape[axis], generator=torch.Generator().manual_seed(1))
    wanted = np.moveaxis(np.tensordot(matrix.numpy(), field.numpy(), (1, axis)), 0, axis)

    result = apply_along_axis(matrix, field, axis)

    # float32 sums of five products
    np.testing.assert_allclose(result.numpy(), wanted, atol=1e-6)


@pytest.mark.parametrize("shape", [(9, 14), (5, 9, 14)])
def test_constant_nodes_give_a_constant_field(shape: tuple[int, ...]) -> None:
    nodes = torch.full((2, 3, *[4] * len(shape)), 2.5)

    field = upsample_nodes(nodes, shape)

    assert field.shape == (2, 3, *shape)
    torch.testing.assert_close(field, torch.full_like(field, 2.5))


@pytest.mark.parametrize(("shape", "channels"), [((160, 160), 8), ((40, 40, 40), 4)])
def test_noise_has_zero_mean_and_about_unit_spread(shape: tuple[int, ...], channels: int) -> None:
    generator = torch.Generator().manual_seed(0)

    noise = smooth_noise(shape, [2.0] * len(shape), generator=generator, channels=channels)

    assert noise.shape == (1, channels, *shape)
    # at least 37 000 nodes, divided by (151 / 315)^1.5 = 0.33: five standard errors of the mean;
    # repeated border nodes add a few per cent of spread
    assert float(noise.mean()) == pytest.approx(0, abs=0.08)
    assert float(noise.std()) == pytest.approx(1, abs=0.05)


def test_noise_changes_over_the_distance_of_its_nodes() -> None:
    noise = smooth_noise((4000,), (20.0,), generator=torch.Generator().manual_seed(0))[0, 0]

    def correlation(lag: int) -> float:
        return float(torch.corrcoef(torch.stack([noise[lag:], noise[:-lag]]))[0, 1])

    # the B-spline of order 7 at one node's distance over its peak: (1191 / 5040) / (2416 / 5040);
    # about 200 nodes leave an error of 0.05
    assert correlation(20) == pytest.approx(1191 / 2416, abs=0.15)
    assert correlation(2) > 0.95
    assert abs(correlation(100)) < 0.25


@pytest.mark.parametrize("shape", [(70, 50), (3, 70, 50)])
@pytest.mark.parametrize("rows", [slice(0, 15), slice(33, 34), slice(21, 70)])
def test_rows_evaluated_alone_have_the_values_of_the_whole(
    shape: tuple[int, ...], rows: slice
) -> None:
    generator = torch.Generator().manual_seed(0)
    nodes = draw_nodes(shape, [6.0] * len(shape), generator=generator, channels=2)

    part = upsample_nodes(nodes, shape, rows=rows)

    # a product of other size may round otherwise; values are of the order of 1
    wanted = upsample_nodes(nodes, shape)[..., rows, :]
    torch.testing.assert_close(part, wanted, rtol=0, atol=2e-6)


def test_noise_follows_the_generator_alone() -> None:
    first, again, other = (
        smooth_noise((8, 8), (3, 3), generator=torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    )

    assert torch.equal(first, again)
    assert not torch.equal(first, other)
