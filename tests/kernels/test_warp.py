"""The sampling grid: identity, direction, no folds, no invented label."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from torch import Tensor

from spinesynth.kernels.warp import (
    integrate_velocity,
    rotation_matrix,
    sampling_coordinates,
    warp_linear,
    warp_nearest,
)
from spinesynth.transforms import RandDeformPatch

sizes = [(7, 10), (4, 7, 10)]


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _identity(size: tuple[int, ...]) -> Tensor:
    ones = [1.0] * len(size)
    return sampling_coordinates(
        size,
        torch.eye(len(size)),
        centre_vox=[(n - 1) / 2 for n in size],
        spacing_out_mm=ones,
        spacing_in_mm=ones,
    )


@pytest.mark.parametrize("size", sizes)
def test_identity_samples_each_voxel_at_its_own_place(size: tuple[int, ...]) -> None:
    wanted = np.indices(size, dtype=np.float32)

    np.testing.assert_array_equal(_identity(size).numpy(), wanted)


@pytest.mark.parametrize("size", sizes)
def test_identity_keeps_labels_and_images(size: tuple[int, ...]) -> None:
    labels = torch.randint(250, (2, *size), generator=_generator()).to(torch.uint8)
    image = torch.rand((2, *size), generator=_generator())

    assert torch.equal(warp_nearest(labels, _identity(size)), labels)
    # the unit grid of torch costs a few units in the last place
    torch.testing.assert_close(warp_linear(image, _identity(size)), image, rtol=0, atol=2e-6)


@given(st.integers(0, 10_000), st.floats(0, 30))
def test_nearest_never_invents_a_value(seed: int, spread: float) -> None:
    labels = torch.tensor([3, 90, 200])[torch.randint(3, (1, 6, 8), generator=_generator(seed))]
    coordinates = spread * torch.randn((2, 9, 5), generator=_generator(seed + 1))

    sampled = warp_nearest(labels, coordinates, fill=7)

    assert set(sampled.flatten().tolist()) <= {3, 7, 90, 200}
    rows, columns = coordinates.round()
    outside = (rows < 0) | (rows > 5) | (columns < 0) | (columns > 7)
    assert torch.equal(sampled[0] == 7, outside)


@given(st.integers(0, 10_000))
def test_linear_of_a_linear_ramp_is_the_ramp_inside(seed: int) -> None:
    grid = torch.from_numpy(np.indices((6, 8, 9), dtype=np.float32))
    image = (2 * grid[0] - 3 * grid[1] + 0.5 * grid[2] + 1)[None]
    place = torch.rand((3, 4, 5), generator=_generator(seed))
    coordinates = place * torch.tensor([5.0, 7.0, 8.0]).reshape(3, 1, 1)

    sampled = warp_linear(image, coordinates[:, :, :, None].expand(3, 4, 5, 2))[0, :, :, 0]

    i, j, k = coordinates
    # float32 coordinates of 8 voxels by a slope of 3
    torch.testing.assert_close(sampled, 2 * i - 3 * j + 0.5 * k + 1, rtol=0, atol=2e-5)


def test_linear_is_zero_outside() -> None:
    sampled = warp_linear(torch.ones(1, 4, 4), torch.tensor([[[-3.0, 9.0]], [[1.0, 1.0]]]))

    assert torch.equal(sampled, torch.zeros(1, 1, 2))


def test_spacing_and_centre_say_where_a_patch_lies() -> None:
    coordinates = sampling_coordinates(
        (3, 5),
        torch.eye(2),
        centre_vox=(10.0, 20.0),
        spacing_out_mm=(1.0, 3.0),
        spacing_in_mm=(2.0, 1.5),
    )

    assert coordinates[0, :, 0].tolist() == [9.5, 10.0, 10.5]
    assert coordinates[1, 0].tolist() == [16.0, 18.0, 20.0, 22.0, 24.0]


def test_matrix_acts_in_millimetres() -> None:
    # a quarter turn takes 2 voxels of 3 mm along k to 6 mm along -j, 4 voxels of 1.5 mm
    quarter = rotation_matrix([math.pi / 2])

    coordinates = sampling_coordinates(
        (1, 5),
        quarter,
        centre_vox=(10.0, 20.0),
        spacing_out_mm=(1.5, 3.0),
        spacing_in_mm=(1.5, 3.0),
    )

    assert coordinates[0, 0].tolist() == pytest.approx([14, 12, 10, 8, 6], abs=1e-5)
    assert coordinates[1, 0].tolist() == pytest.approx([20] * 5, abs=1e-5)


def test_positive_angle_turns_the_first_axis_towards_the_second() -> None:
    turned = rotation_matrix([math.radians(30)]) @ torch.tensor([1.0, 0.0])

    assert turned.tolist() == pytest.approx([math.cos(math.pi / 6), 0.5])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_turn_about_one_axis_turns_the_lower_other_axis_towards_the_higher(axis: int) -> None:
    angles = [0.0] * 3
    angles[axis] = math.radians(25)
    lower, higher = [a for a in range(3) if a != axis]
    start = torch.zeros(3)
    start[lower] = 1

    turned = rotation_matrix(angles) @ start

    assert float(turned[axis]) == 0
    assert float(turned[lower]) == pytest.approx(math.cos(math.radians(25)))
    assert float(turned[higher]) == pytest.approx(math.sin(math.radians(25)))


@given(st.tuples(*[st.floats(-math.pi, math.pi)] * 3))
def test_turns_compose_as_scipys_intrinsic_ones(angles: tuple[float, float, float]) -> None:
    # SciPy turns the higher axis towards the lower about j: its y angle has the other sign
    first, second, third = angles
    wanted = Rotation.from_euler("XYZ", [first, -second, third]).as_matrix()

    np.testing.assert_allclose(rotation_matrix(angles).numpy(), wanted, atol=1e-6)


@pytest.mark.parametrize("axes", [2, 3])
def test_constant_velocity_moves_everything_by_itself(axes: int) -> None:
    velocity = torch.tensor([0.3, -0.7, 0.2])[:axes].reshape(1, axes, *[1] * axes)

    flow = integrate_velocity(velocity.expand(1, axes, *[6] * axes))

    torch.testing.assert_close(flow, velocity.expand_as(flow), rtol=0, atol=1e-5)


def test_growing_velocity_moves_by_the_exponential() -> None:
    nodes, rate = 81, 0.2
    position = torch.arange(nodes, dtype=torch.float32) - 40
    velocity = torch.zeros(1, 2, nodes, 3)
    velocity[0, 0] = rate * position[:, None]

    flow = integrate_velocity(velocity, steps=10)[0, 0, :, 1]

    # dx/dt = rate x over unit time takes x to x exp(rate); steps of 1 / 1024 err by rate^2 / 2048
    inner = position.abs() < 25  # the flow from there stays on the grid
    wanted = position * (math.exp(rate) - 1)
    torch.testing.assert_close(flow[inner], wanted[inner], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("patch", "spacing_mm"), [((96, 96), 2.0), ((16, 48, 48), 4.0)])
def test_deformation_has_no_folds_at_the_defaults(
    patch: tuple[int, ...], spacing_mm: float
) -> None:
    # the map of sampling coordinates itself, read from an image of coordinates
    size = tuple(3 * n for n in patch)
    grid = torch.from_numpy(np.indices(size, dtype=np.float32))
    deform = RandDeformPatch(patch, spacing_mm=spacing_mm, elastic_mm=(4.0, 4.0), margin=0.0)
    for seed in range(6):
        deform.set_random_state(seed)
        middle = deform.draw(grid)
        record = type(middle)(
            **{**middle.to_dict(), "centre_vox": tuple((n - 1) / 2 for n in size)}
        )
        coordinates = deform.apply(grid, record).numpy()

        slopes = np.stack([np.stack(np.gradient(c)) for c in coordinates])
        jacobian = np.linalg.det(np.moveaxis(slopes, (0, 1), (-2, -1)))

        assert float(jacobian.min()) > 0
