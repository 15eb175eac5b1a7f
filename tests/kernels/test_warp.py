"""The sampling grid: identity, direction, no folds, no invented label."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from torch import Tensor

from spinesynth.kernels import warp
from spinesynth.kernels.smooth_noise import upsample_nodes
from spinesynth.kernels.warp import (
    SamplingGrid,
    integrate_velocity,
    rotation_matrix,
    sampling_grid,
    warp_linear,
    warp_nearest,
)
from spinesynth.transforms import RandDeformPatch, RandObliqueSlice

Deform = TypeVar("Deform", bound=RandDeformPatch)

sizes = [(7, 10), (4, 7, 10)]


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _seeded(deform: Deform, seed: int) -> Deform:
    deform.set_random_state(seed)
    return deform


def _identity(size: tuple[int, ...]) -> SamplingGrid:
    ones = [1.0] * len(size)
    return sampling_grid(
        size,
        torch.eye(len(size)),
        centre_vox=[(n - 1) / 2 for n in size],
        spacing_out_mm=ones,
        spacing_in_mm=ones,
    )


@pytest.mark.parametrize("size", sizes)
def test_identity_samples_each_voxel_at_its_own_place(size: tuple[int, ...]) -> None:
    wanted = np.indices(size, dtype=np.float32)

    np.testing.assert_array_equal(_identity(size).coordinates().numpy(), wanted)


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

    sampled = warp_nearest(labels, SamplingGrid.from_coordinates(coordinates), fill=7)

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

    places = SamplingGrid.from_coordinates(coordinates[:, :, :, None].expand(3, 4, 5, 2))
    sampled = warp_linear(image, places)[0, :, :, 0]

    i, j, k = coordinates
    # float32 coordinates of 8 voxels by a slope of 3
    torch.testing.assert_close(sampled, 2 * i - 3 * j + 0.5 * k + 1, rtol=0, atol=2e-5)


def test_linear_is_zero_outside() -> None:
    places = torch.tensor([[[-3.0, 9.0]], [[1.0, 1.0]]])

    sampled = warp_linear(torch.ones(1, 4, 4), SamplingGrid.from_coordinates(places))

    assert torch.equal(sampled, torch.zeros(1, 1, 2))


def test_spacing_and_centre_say_where_a_patch_lies() -> None:
    coordinates = sampling_grid(
        (3, 5),
        torch.eye(2),
        centre_vox=(10.0, 20.0),
        spacing_out_mm=(1.0, 3.0),
        spacing_in_mm=(2.0, 1.5),
    ).coordinates()

    assert coordinates[0, :, 0].tolist() == [9.5, 10.0, 10.5]
    assert coordinates[1, 0].tolist() == [16.0, 18.0, 20.0, 22.0, 24.0]


def test_matrix_acts_in_millimetres() -> None:
    # a quarter turn takes 2 voxels of 3 mm along k to 6 mm along -j, 4 voxels of 1.5 mm
    quarter = rotation_matrix([math.pi / 2])

    coordinates = sampling_grid(
        (1, 5),
        quarter,
        centre_vox=(10.0, 20.0),
        spacing_out_mm=(1.5, 3.0),
        spacing_in_mm=(1.5, 3.0),
    ).coordinates()

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


def _jacobian_determinant(coordinates: Tensor) -> np.ndarray:
    """Return the determinant by differences, over the axes of more than one voxel."""
    moving = [axis for axis, size in enumerate(coordinates.shape[1:]) if size > 1]
    slopes = np.stack([np.stack(np.gradient(coordinates[a].squeeze().numpy())) for a in moving])
    determinant: np.ndarray = np.linalg.det(np.moveaxis(slopes, (0, 1), (-2, -1)))
    return determinant


@pytest.mark.parametrize(
    ("patch", "spacing_mm", "seeds"),
    [((96, 96), 2.0, 40), ((16, 48, 48), 4.0, 20), ((16, 16), 1.0, 40), ((3, 48, 48), 1.0, 40)],
)
@pytest.mark.parametrize("strength", [{}, {"elastic_mm": (4.0, 4.0)}], ids=["drawn", "strongest"])
def test_deformation_has_no_folds_at_the_defaults(
    patch: tuple[int, ...], spacing_mm: float, seeds: int, strength: dict[str, Any]
) -> None:
    deform = _seeded(RandDeformPatch(patch, spacing_mm=spacing_mm, **strength), 0)
    data = torch.zeros(1, *[2 * n for n in patch])

    for _ in range(seeds):
        coordinates = deform.grid_of(deform.draw(data)).coordinates()

        assert float(_jacobian_determinant(coordinates).min()) > 0


def test_oblique_slice_has_no_folds_at_the_defaults() -> None:
    cut = _seeded(RandObliqueSlice((96, 96), spacing_mm=2.0), 0)
    data = torch.ones(1, 5, 120, 120)

    for _ in range(40):
        coordinates = cut.grid_of(cut.draw(data)).coordinates()

        assert float(_jacobian_determinant(coordinates).min()) > 0


@given(st.integers(0, 10_000))
def test_patch_from_the_middle_of_a_map_takes_in_nothing_from_outside(seed: int) -> None:
    # a patch cut first and warped then would bring in its own border; the map has plenty around
    codes = torch.ones(1, 96, 96, dtype=torch.uint8)
    deform = _seeded(RandDeformPatch((32, 32), margin=0.0, fill=9), seed)
    record = dataclasses.replace(deform.draw(codes), centre_vox=(47.5, 47.5))

    assert bool((deform.apply(codes, record) == 1).all())
    # the same patch at the corner does leave the map, so that the test can fail
    corner = dataclasses.replace(record, centre_vox=(0.0, 0.0))
    assert bool((deform.apply(codes, corner) == 9).any())


@given(st.integers(0, 10_000), st.sampled_from([(9, 11), (5, 9, 11), (3, 1, 4)]))
def test_grid_says_where_an_image_of_coordinates_is_sampled(
    seed: int, patch: tuple[int, ...]
) -> None:
    # dense reference: every voxel's displacement first, the matrix on it afterwards
    generator, axes = _generator(seed), len(patch)
    matrix = torch.eye(axes) + 0.2 * torch.randn((axes, axes), generator=generator)
    nodes = torch.randn((1, axes, *[4] * axes), generator=generator)
    spacing_in, spacing_out = [2.0, 0.5, 1.5][:axes], [1.0, 3.0, 0.7][:axes]
    centre = [4.25, -3.0, 10.5][:axes]

    grid = sampling_grid(
        patch,
        matrix,
        centre_vox=centre,
        spacing_out_mm=spacing_out,
        spacing_in_mm=spacing_in,
        displacement_mm=nodes,
    )

    column = (-1, *[1] * axes)
    middle = (torch.tensor(patch) - 1) / 2
    points = torch.from_numpy(np.indices(patch)) - middle.reshape(column)
    moved = points * torch.tensor(spacing_out).reshape(column) + upsample_nodes(nodes, patch)[0]
    voxels = torch.tensordot(matrix, moved, 1) / torch.tensor(spacing_in).reshape(column)
    wanted = torch.tensor(centre).reshape(column) + voxels
    # float32 of coordinates up to 100
    torch.testing.assert_close(grid.coordinates(), wanted, rtol=1e-5, atol=1e-4)
    for axis, (low, high) in enumerate(grid.bounds()):
        assert low - 1e-4 <= float(wanted[axis].min()) <= float(wanted[axis].max()) <= high + 1e-4


def test_slabs_put_together_are_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = torch.randint(200, (2, 9, 10, 11), generator=_generator()).to(torch.uint8)
    deform = _seeded(RandDeformPatch((8, 9, 10), node_mm=3.0), 1)
    record = deform.draw(codes)
    whole = deform.apply(codes, record)

    monkeypatch.setattr(warp, "_SLAB_VOXELS", 200)

    assert torch.equal(deform.apply(codes, record), whole)


@pytest.mark.parametrize("patch", [(130, 150), (24, 50, 60)])
def test_threads_do_not_change_a_voxel(patch: tuple[int, ...]) -> None:
    codes = torch.randint(200, (1, *patch), generator=_generator()).to(torch.uint8)
    deform = _seeded(RandDeformPatch(patch, elastic_mm=(4.0, 4.0)), 0)
    record, before = deform.draw(codes), torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append((deform.grid_of(record).coordinates(), deform.apply(codes, record)))
    finally:
        torch.set_num_threads(before)

    for coordinates, sampled in results[1:]:
        assert torch.equal(coordinates, results[0][0])
        assert torch.equal(sampled, results[0][1])


def test_slice_tilts_and_shears_as_declared() -> None:
    cut, volume = RandObliqueSlice((4, 4), tilt_deg=8.0, rotation_deg=1.0), torch.ones(1, 3, 9, 9)
    records = [_seeded(cut, seed).draw(volume) for seed in range(200)]
    angles = torch.tensor([record.angles_deg for record in records]).abs()
    shears = torch.tensor([record.shears for record in records])

    # 200 draws leave no gap of a tenth at the end of a range
    assert bool((angles.amax(0) <= torch.tensor([1.0, 8.0, 8.0])).all())
    assert bool((angles.amax(0) > torch.tensor([0.9, 7.2, 7.2])).all())
    # by rows (0, 1) (0, 2) (1, 0) (1, 2) (2, 0) (2, 1): those of the plane alone
    assert (shears != 0).any(0).tolist() == [False, False, False, True, False, True]


@pytest.mark.parametrize("place", [-60.0, -1.0, 8.0, 500.0])
def test_patch_outside_the_map_is_fill(place: float) -> None:
    grid = SamplingGrid.from_coordinates(torch.full((2, 3, 4), place))

    sampled = warp_nearest(torch.ones(2, 8, 8, dtype=torch.uint8), grid, fill=5)

    assert torch.equal(sampled, torch.full((2, 3, 4), 5, dtype=torch.uint8))


def test_slice_is_taken_within_half_a_voxel_of_a_label() -> None:
    volume = torch.zeros(1, 10, 12, 12)
    volume[:, 3:5] = 1
    never, anywhere = (RandObliqueSlice((4, 4), any_slice_prob=p) for p in (0.0, 1.0))

    near = [_seeded(never, s).draw(volume).centre_vox[0] for s in range(200)]
    far = [_seeded(anywhere, s).draw(volume).centre_vox[0] for s in range(200)]

    assert 2.5 <= min(near) < 2.7 < 4.3 < max(near) <= 4.5
    assert -0.5 <= min(far) < 1 < 8 < max(far) <= 9.5


@pytest.mark.parametrize(("tilts_deg", "axis"), [((0.0, 20.0), 0), ((20.0, 0.0), 1)])
def test_tilted_slice_crosses_the_slices_of_the_volume(
    tilts_deg: tuple[float, float], axis: int
) -> None:
    # each slice holds its number, so that the picture is the depth of the cut
    volume = torch.arange(40.0).reshape(1, 40, 1, 1).expand(1, 40, 30, 30)
    still: dict[str, Any] = {"rotation_deg": 0.0, "scale": 0.0, "shear": 0.0}
    cut = RandObliqueSlice((11, 11), elastic_mm=(0.0, 0.0), slice_spacing_mm=2.0, **still)
    record = dataclasses.replace(
        cut.draw(volume), centre_vox=(20.0, 15.0, 15.0), angles_deg=(0.0, *tilts_deg)
    )

    depth = cut.apply(volume, record)[0]

    rise = math.sin(math.radians(20)) / 2
    along = (torch.arange(11.0) - 5) * rise
    profile = depth.movedim(axis, 0)[:, 0]
    # 40 slices in single precision
    torch.testing.assert_close((profile - 20).abs(), along.abs(), rtol=0, atol=2e-5)
    assert float(profile[0] - 20) * float(profile[-1] - 20) < 0
    torch.testing.assert_close(depth, profile[:, None].expand(11, 11).movedim(0, axis))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"patch_size": (4, 4, 4)}, "patch_size must be 2 sizes"),
        ({"patch_size": (4, 4), "tilt_deg": -1.0}, "tilt_deg must be"),
        ({"patch_size": (4, 4), "any_slice_prob": 1.1}, "any_slice_prob must be"),
        (
            {"patch_size": (4, 4), "slice_spacing_mm": 0.0},
            "slice_spacing_mm must be finite and > 0",
        ),
        ({"patch_size": (4, 4), "node_mm": 0.0}, "node_mm must be > 0, got 0"),
    ],
)
def test_impossible_slices_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RandObliqueSlice(**arguments)
