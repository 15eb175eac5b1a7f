"""Motion: the patient moves between k-space lines; and a plain directional blur."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from spinesynth.kernels.smooth_noise import apply_along_axis


def rotate_in_plane(image: Tensor, angle_rad: float) -> Tensor:
    """Rotate in the plane of the last two axes about the centre, linear, border kept."""
    rows, columns = image.shape[-2:]
    if min(rows, columns) == 1:
        return image  # a line has no plane to turn in
    cos, sin = torch.cos(torch.tensor(angle_rad)), torch.sin(torch.tensor(angle_rad))
    aspect = (columns - 1) / (rows - 1)
    theta = torch.stack(
        [torch.stack([cos, -sin / aspect, cos * 0]), torch.stack([sin * aspect, cos, cos * 0])]
    )
    flat = image.reshape(-1, 1, rows, columns)
    grid = functional.affine_grid(
        theta.to(image).expand(len(flat), 2, 3), list(flat.shape), align_corners=True
    )
    turned = functional.grid_sample(flat, grid, align_corners=True, padding_mode="border")
    return turned.reshape(image.shape)


def apply_kspace_motion(
    image: Tensor,
    times: Sequence[float],
    *,
    angles_rad: Sequence[float],
    shifts_vox: Sequence[tuple[float, float]],
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
    rows, columns = image.shape[-2:]
    starts = [0.0, *(time * columns for time in times)]
    poses = [(0.0, 0.0, 0.0)]
    poses += [(a, r, c) for a, (r, c) in zip(angles_rad, shifts_vox, strict=True)]
    centre = max(n for n, start in enumerate(starts) if start <= columns // 2)
    # unshifted FFT order: line n of the acquisition is the n-th entry after fftshift
    order = torch.fft.ifftshift(torch.arange(columns, device=image.device))
    row_frequency = torch.fft.fftfreq(rows, device=image.device)[:, None]
    column_frequency = torch.fft.fftfreq(columns, device=image.device)[None]
    spectrum = rest = torch.fft.fft2(image)
    for start, pose in zip(starts, poses, strict=True):
        angle, row_shift, column_shift = (p - c for p, c in zip(pose, poses[centre], strict=True))
        moved = rest if angle == 0 else torch.fft.fft2(rotate_in_plane(image, angle))
        phase = -2j * torch.pi * (row_frequency * row_shift + column_frequency * column_shift)
        spectrum = torch.where(order >= start, moved * torch.exp(phase), spectrum)
    magnitude: Tensor = torch.fft.ifft2(spectrum).abs()
    return magnitude


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
