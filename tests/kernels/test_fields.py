"""Bias and coil fall-off against their formulas."""

from __future__ import annotations

import math

import pytest
import torch

from spinesynth.kernels.fields import (
    apply_bias_field,
    apply_saturation_band,
    apply_surface_coil,
)


@pytest.mark.parametrize("spatial", [(6, 9), (4, 6, 9)])
def test_bias_multiplies_by_the_exponential_of_its_nodes(spatial: tuple[int, ...]) -> None:
    image = torch.rand((2, 3, *spatial))
    axes = [1] * len(spatial)
    nodes = torch.tensor([0.4, -1.1]).reshape(2, 1, *axes).expand(2, 1, *[4] * len(spatial))

    biased = apply_bias_field(image, nodes)

    wanted = torch.tensor([math.exp(0.4), math.exp(-1.1)]).reshape(2, 1, *axes)
    torch.testing.assert_close(biased / image, wanted.expand_as(image), rtol=1e-5, atol=0)


def test_bias_of_zero_nodes_is_the_identity() -> None:
    image = torch.rand(1, 1, 5, 6)

    assert torch.equal(apply_bias_field(image, torch.zeros(1, 1, 4, 4)), image)


def test_bias_of_opposite_nodes_cancels() -> None:
    image, nodes = torch.rand(1, 1, 8, 8) + 0.1, torch.randn(1, 1, 4, 4)

    there_and_back = apply_bias_field(apply_bias_field(image, nodes), -nodes)

    torch.testing.assert_close(there_and_back, image, rtol=1e-5, atol=0)


def test_coil_falls_to_one_over_e_at_its_decay_distance() -> None:
    image = torch.ones(1, 1, 11, 3)

    near = apply_surface_coil(image, 20.0, axis=-2, spacing_mm=2.0)

    assert near[0, 0, :, 1].tolist() == pytest.approx([math.exp(-j / 10) for j in range(11)])


@pytest.mark.parametrize("floor", [0.0, 0.3, 1.0])
def test_coil_never_falls_below_its_floor(floor: float) -> None:
    far = apply_surface_coil(torch.ones(1, 1, 5, 2), 1e-3, axis=2, spacing_mm=1.0, floor=floor)

    assert far[0, 0, :, 0].tolist() == pytest.approx([1.0, floor, floor, floor, floor])


def test_coil_of_infinite_reach_is_the_identity() -> None:
    image = torch.rand(1, 1, 4, 5, 6)

    assert torch.equal(apply_surface_coil(image, math.inf, axis=-2, spacing_mm=1.0), image)


@pytest.mark.parametrize("axis", [2, 3, 4, -2])
def test_coil_acts_along_one_axis(axis: int) -> None:
    seen = apply_surface_coil(torch.ones(1, 1, 4, 5, 6), 3.0, axis=axis, spacing_mm=1.0)

    first = seen.select(axis, 0)
    assert torch.equal(first, torch.ones_like(first))
    assert bool((seen.diff(dim=axis) < 0).all())
    for other in {2, 3, 4} - {axis % 5}:
        assert not seen.diff(dim=other).any()


def test_bias_does_not_touch_its_inputs() -> None:
    image, nodes = torch.rand(1, 2, 7, 8), torch.randn(1, 1, 4, 4)
    copies = image.clone(), nodes.clone()

    apply_bias_field(image, nodes)

    assert torch.equal(image, copies[0])
    assert torch.equal(nodes, copies[1])


def test_saturation_band_falls_by_the_logistic_of_the_distance_from_its_edge() -> None:
    # 11 voxels of 2 mm: the edge at 0.5 lies at index 5, so index 6 lies 2 mm inside
    dark = apply_saturation_band(
        torch.ones(1, 1, 11, 3),
        0.2,
        edge=0.5,
        lean=0.0,
        transition_mm=4.0,
        spacing_mm=(2.0, 1.0),
    )

    wanted = [1 - 0.8 / (1 + math.exp(-2 * (j - 5) / 4)) for j in range(11)]
    assert dark[0, 0, :, 0].tolist() == pytest.approx(wanted, rel=1e-6)
    assert torch.equal(dark[..., 0], dark[..., 2])


def test_saturation_band_leans_forward_by_its_slope() -> None:
    # 1 mm forward per mm upwards: the half level moves by one voxel in each column
    dark = apply_saturation_band(
        torch.ones(1, 1, 9, 5), 0.0, edge=0.5, lean=1.0, transition_mm=1.0, spacing_mm=(1.0, 1.0)
    )

    halves = [(dark[0, 0, :, k] - 0.5).abs().argmin().item() for k in range(5)]
    assert halves == [2, 3, 4, 5, 6]
