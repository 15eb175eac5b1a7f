"""Motion in k-space against whole-image motion and a composition by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from torch import Tensor

from spinesynth.kernels.motion import apply_kspace_motion, blur_along_axis, rotate_in_plane


def _image(*size: int) -> Tensor:
    return torch.rand((1, 1, *size), generator=torch.Generator().manual_seed(0))


def test_no_change_of_pose_is_a_copy() -> None:
    image = _image(8, 9)
    still = apply_kspace_motion(image, [], angles_rad=[], shifts_vox=[])

    assert torch.equal(still, image)
    assert still.data_ptr() != image.data_ptr()


@pytest.mark.parametrize("size", [(12, 16), (11, 15), (3, 10, 13)])
def test_poses_without_movement_are_the_identity(size: tuple[int, ...]) -> None:
    image = _image(*size)

    still = apply_kspace_motion(
        image, [0.2, 0.6], angles_rad=[0.0, 0.0], shifts_vox=[(0.0, 0.0), (0.0, 0.0)]
    )

    # a Fourier transform there and back in float32
    torch.testing.assert_close(still, image, rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [(12, 16), (11, 15), (3, 10, 13)])
@given(rows=st.integers(-9, 9), columns=st.integers(-9, 9))
def test_pose_held_throughout_is_the_identity(
    size: tuple[int, ...], rows: int, columns: int
) -> None:
    image = _image(*size)

    moved = apply_kspace_motion(image, [0.0], angles_rad=[0.0], shifts_vox=[(rows, columns)])

    np.testing.assert_allclose(moved.numpy(), image.numpy(), atol=2e-6)


def test_movement_after_the_end_is_not_seen() -> None:
    image = _image(12, 16)

    moved = apply_kspace_motion(image, [1.0], angles_rad=[1.0], shifts_vox=[(5.0, 5.0)])

    torch.testing.assert_close(moved, image, rtol=0, atol=1e-6)


@pytest.mark.parametrize("columns", [16, 15])
@pytest.mark.parametrize("time", [0.3, 0.5, 0.8])
def test_centre_of_kspace_sees_rest_and_the_other_lines_the_movement(
    columns: int, time: float
) -> None:
    image = _image(10, columns)
    late = np.arange(columns) >= time * columns
    away = ~late if late[columns // 2] else late
    shift = (-2, 3) if late[columns // 2] else (2, -3)
    rest = np.fft.fftshift(np.fft.fft2(image[0, 0].numpy()))
    moved = np.fft.fftshift(np.fft.fft2(np.roll(image[0, 0].numpy(), shift, axis=(0, 1))))
    wanted = np.abs(np.fft.ifft2(np.fft.ifftshift(np.where(away, moved, rest))))

    result = apply_kspace_motion(image, [time], angles_rad=[0.0], shifts_vox=[(2.0, -3.0)])

    np.testing.assert_allclose(result[0, 0].numpy(), wanted, atol=2e-6)


@pytest.mark.parametrize("time", [0.05, 0.3, 0.6, 0.95])
def test_image_stays_on_its_label_whenever_the_movement_comes(time: float) -> None:
    image = torch.zeros(1, 1, 32, 32)
    image[..., 12:20, 12:20] = 1

    moved = apply_kspace_motion(image, [time], angles_rad=[0.0], shifts_vox=[(2.0, 2.0)])[0, 0]

    weights = moved.square() / moved.square().sum()
    centre = [float((weights.sum(1 - axis) * torch.arange(32)).sum()) for axis in range(2)]
    assert centre == pytest.approx([15.5, 15.5], abs=0.6)  # far less than the shift of 2


def test_poses_without_a_shift_each_are_refused() -> None:
    with pytest.raises(ValueError, match="must have 2 entries as times has, got 1 and 1"):
        apply_kspace_motion(_image(4, 4), [0.1, 0.2], angles_rad=[0.0], shifts_vox=[(0.0, 0.0)])


def test_last_pose_holds_until_the_next() -> None:
    image = _image(10, 12)
    once = apply_kspace_motion(image, [0.4], angles_rad=[0.0], shifts_vox=[(1.0, 2.0)])

    twice = apply_kspace_motion(
        image, [0.1, 0.4], angles_rad=[0.0, 0.0], shifts_vox=[(0.0, 0.0), (1.0, 2.0)]
    )

    torch.testing.assert_close(twice, once, rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [9, 10])
@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_quarter_turns_are_those_of_numpy(size: int, quarters: int) -> None:
    image = _image(size, size)
    angle = quarters * math.pi / 2

    turned = rotate_in_plane(image, angle)

    wanted = np.rot90(image[0, 0].numpy(), quarters)
    # interpolation weights within 1e-5 of a whole voxel
    np.testing.assert_allclose(turned[0, 0].numpy(), wanted, atol=2e-5)


def test_turn_of_an_oblong_image_keeps_distances() -> None:
    image = torch.zeros(1, 1, 21, 41)
    image[..., 10, 28] = 1  # 8 voxels from the centre along the long axis

    turned = rotate_in_plane(image, math.pi / 2)

    assert float(turned[0, 0, 2, 20]) == pytest.approx(1, abs=1e-4)
    assert float(turned.sum()) == pytest.approx(1, abs=1e-3)


def test_line_of_voxels_does_not_turn() -> None:
    image = _image(1, 16)

    turned = rotate_in_plane(image, 0.5)

    torch.testing.assert_close(turned, image, rtol=0, atol=1e-6)


def test_blur_is_scipys_gaussian_away_from_the_border() -> None:
    image = _image(60, 5)
    wanted = ndimage.gaussian_filter1d(image.numpy(), 1.5, axis=2, truncate=8)

    blurred = blur_along_axis(image, 1.5, axis=2)

    np.testing.assert_allclose(blurred.numpy()[:, :, 12:-12], wanted[:, :, 12:-12], atol=1e-6)


@pytest.mark.parametrize("axis", [2, 3, 4])
def test_blur_acts_along_one_axis_and_keeps_a_constant(axis: int) -> None:
    other = 2 if axis != 2 else 3
    ramp = torch.arange(6.0).reshape([6 if a == other else 1 for a in range(5)])
    image = ramp.expand(1, 1, 6, 6, 6)

    torch.testing.assert_close(blur_along_axis(image, 2.0, axis=axis), image.clone())


def test_blur_of_no_width_is_a_copy() -> None:
    image = _image(5, 5)
    same = blur_along_axis(image, 0.0, axis=2)

    assert torch.equal(same, image)
    assert same.data_ptr() != image.data_ptr()


@pytest.mark.parametrize("size", [(12, 16), (11, 15), (3, 10, 14), (1, 9), (9, 1), (2, 2)])
@pytest.mark.parametrize("times", [(0.1, 0.3, 0.4, 0.9), (0.2, 0.2, 0.7, 0.8)])
def test_several_poses_are_lines_of_several_moved_images(
    size: tuple[int, ...], times: tuple[float, ...]
) -> None:
    image, columns = _image(*size), size[-1]
    poses = [(0.0, 0, 0), (0.3, 1, -2), (0.0, 2, 1), (-0.2, 0, 3), (0.1, -1, 0)]
    line = np.arange(columns)
    pose_of_line = np.sum([line >= t * columns for t in times], axis=0)
    rest = poses[int(pose_of_line[columns // 2])]
    spectrum = np.zeros(image.shape, dtype=complex)
    for number, pose in enumerate(poses):
        angle, *shift = (p - r for p, r in zip(pose, rest, strict=True))
        turned = rotate_in_plane(image, angle).numpy()
        rolled = np.roll(turned, [int(s) for s in shift], axis=(-2, -1))
        moved = np.fft.fftshift(np.fft.fft2(rolled), axes=-1)
        spectrum = np.where(pose_of_line == number, moved, spectrum)
    wanted = np.abs(np.fft.ifft2(np.fft.ifftshift(spectrum, axes=-1)))

    seen = apply_kspace_motion(
        image,
        times,
        angles_rad=[a for a, *_ in poses[1:]],
        shifts_vox=[(r, c) for _, r, c in poses[1:]],
    )

    np.testing.assert_allclose(seen.numpy(), wanted, atol=3e-6)


def test_a_turn_is_one_of_millimetres() -> None:
    # pixels twice as long along the last axis: 4 mm are 4 rows, or 2 columns
    image = torch.zeros(1, 1, 21, 21)
    image[..., 14, 10] = 1

    turned = rotate_in_plane(image, math.pi / 2, pixel_aspect=2.0)[0, 0]

    # sampled on a voxel's centre but for float32
    assert float(turned[10, 8] + turned[10, 12]) == pytest.approx(1, abs=1e-4)
