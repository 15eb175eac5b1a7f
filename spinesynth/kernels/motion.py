"""Motion: the patient moves between k-space lines; and a plain directional blur."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

from spinesynth.kernels.axis_product import apply_along_axis

#: Rotation in radians and shift in voxels along the axes -2 and -1.
_Pose = tuple[float, float, float]


def rotate_in_plane(image: Tensor, angle_rad: float, *, pixel_aspect: float = 1.0) -> Tensor:
    """Rotate in the plane of the last two axes about the centre, linear, border kept.

    Args:
        image: ``(..., H, W)``.
        angle_rad: of the rotation.
        pixel_aspect: distance of voxel centres along the last axis over that along the one
            before it, so that the rotation is one of mm.
    """
    rows, columns = image.shape[-2:]
    if min(rows, columns) == 1 or angle_rad == 0:
        return image.clone()  # a line has no plane to turn in
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    aspect = pixel_aspect * (columns - 1) / (rows - 1)
    theta = torch.tensor([[[cos, -sin / aspect, 0.0], [sin * aspect, cos, 0.0]]])
    # the slices are channels of one image, so that the coordinates are computed once
    flat = image.reshape(1, -1, rows, columns)
    grid = functional.affine_grid(theta.to(image), list(flat.shape), align_corners=True)
    turned = functional.grid_sample(flat, grid, align_corners=True, padding_mode="border")
    return turned.reshape(image.shape)


def _spectrum_of_pose(
    image: Tensor, rest: Tensor, pose: _Pose, *, lines: slice, pixel_aspect: float
) -> Tensor:
    """Return lines >= 0 of the spectrum of an image turned by an angle and shifted."""
    angle, row_shift, column_shift = pose
    rows, columns = image.shape[-2:]
    if angle == 0:
        moved = rest[..., lines]
    else:
        turned = rotate_in_plane(image, angle, pixel_aspect=pixel_aspect)
        moved = torch.fft.rfft(turned)[..., lines]
        moved = torch.fft.fft(moved, dim=-2)
    row = torch.fft.fftfreq(rows, device=image.device)[:, None] * row_shift
    column = torch.fft.rfftfreq(columns, device=image.device)[lines] * column_shift
    turn = -2 * torch.pi
    row_phase = torch.polar(torch.ones_like(row), turn * row)
    return moved * (row_phase * torch.polar(torch.ones_like(column), turn * column))


def _moved_lines(
    poses: Sequence[_Pose], times: Sequence[float], *, columns: int
) -> Iterator[tuple[_Pose, bool, slice]]:
    """Yield each pose that differs from that at the centre of k-space, and its lines.

    Yields:
        The pose relative to that at the centre, whether it comes after the
        centre, and its lines by their distance from the centre.
    """
    middle = columns // 2
    bounds = [0, *(math.ceil(time * columns) for time in times), columns]
    centre = poses[max(n for n, start in enumerate(bounds[:-1]) if start <= middle)]
    for (start, stop), pose in zip(pairwise(bounds), poses, strict=True):
        move = (pose[0] - centre[0], pose[1] - centre[1], pose[2] - centre[2])
        if start == stop or not any(move):
            continue
        late = start > middle
        first, last = (start, stop - 1) if late else (stop - 1, start)
        yield move, late, slice(abs(first - middle), abs(last - middle) + 1)


def apply_kspace_motion(
    image: Tensor,
    times: Sequence[float],
    *,
    angles_rad: Sequence[float],
    shifts_vox: Sequence[tuple[float, float]],
    pixel_aspect: float = 1.0,
) -> Tensor:
    """Corrupt an image by rigid motion in the plane of its last two axes.

    The phase-encoding lines (last axis, in order of acquisition from one edge of
    k-space to the other) before the first of ``times`` see the first pose; the
    lines after ``times[n]`` see it rotated and shifted by entry n. The image is
    returned in the pose that holds the centre of k-space, which is where a
    reader sees the patient, so that it stays on its label map.

    Args:
        image: ``(B, C, *spatial)`` float >= 0.
        times: ascending instants in [0, 1] of the acquisition at which the pose changes.
        angles_rad: rotation of each pose.
        shifts_vox: shift (axis -2, axis -1) of each pose in voxels.
        pixel_aspect: distance of voxel centres along axis -1 over that along axis -2.

    Returns:
        ``(B, C, *spatial)`` magnitude image; the input itself where no pose moves.

    Source: rigid poses composed in k-space as in Shaw et al. 2019, MIDL ("MRI
    k-space motion artefact augmentation").
    """
    if not len(times) == len(angles_rad) == len(shifts_vox):
        raise ValueError(
            f"angles_rad and shifts_vox must have {len(times)} entries as times has, "
            f"got {len(angles_rad)} and {len(shifts_vox)}"
        )
    if not times:
        return image.clone()
    size = image.shape[-2:]
    rest = torch.fft.rfft2(image)
    # lines acquired before the centre, k < 0, are kept as the conjugate lines -k of a real image
    before, after = rest.clone(), rest.clone()
    poses = [(0.0, 0.0, 0.0)]
    poses += [(a, r, c) for a, (r, c) in zip(angles_rad, shifts_vox, strict=True)]
    for move, late, lines in _moved_lines(poses, times, columns=size[1]):
        seen = after if late else before
        seen[..., lines] = _spectrum_of_pose(
            image, rest, move, lines=lines, pixel_aspect=pixel_aspect
        )
    if size[1] % 2 == 0:
        after[..., -1] = before[..., -1]  # the line at the edge of k-space is its own conjugate
    real = torch.fft.irfft2(before + after, s=size)
    imaginary = torch.fft.irfft2(before.sub_(after).mul_(1j), s=size)
    return torch.hypot(real, imaginary).mul_(0.5)


def blur_along_axis(image: Tensor, sigma_vox: float, *, axis: int) -> Tensor:
    """Blur along one axis with a Gaussian: the owner's "simple motion" of a moving patient.

    Args:
        image: ``(B, C, *spatial)`` float.
        sigma_vox: width in voxels; 0 leaves the image as it is.
        axis: tensor axis of the movement.
    """
    if sigma_vox == 0:
        return image.clone()
    size = image.shape[axis]
    index = torch.arange(size, device=image.device)
    kernel = torch.exp(-0.5 * ((index[:, None] - index[None]) / sigma_vox) ** 2)
    kernel = kernel / kernel.sum(1, keepdim=True)
    return apply_along_axis(kernel, image, axis)
