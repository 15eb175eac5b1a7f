"""Resample a grid whose axes are not orthogonal, and bring labels back to it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from spinesynth.io.raw_volume import MAX_SHEAR, Affine, Array, RawVolume, check_shape, shear_of


def without_shear(raw: RawVolume) -> RawVolume:
    """Return a volume on orthogonal axes, linearly interpolated; itself if they are.

    The axes are the orthogonal ones that lie closest, the voxel sizes stay, the new grid holds
    all of the old one. Voxels beyond the old one are as dark as its darkest.

    Args:
        raw: finite voxels with their affine.

    Raises:
        InputFileError: if the new grid is too large.
    """
    shear = shear_of(raw.affine)
    if shear <= MAX_SHEAR:
        return raw
    affine, shape = _upright(raw.affine, raw.voxels.shape)
    shape = check_shape(raw.path, shape)
    way = np.linalg.inv(raw.affine) @ affine
    given = raw.voxels.astype(np.float32)
    voxels = ndimage.affine_transform(
        given, way[:3, :3], way[:3, 3], output_shape=shape, order=1, mode="nearest"
    )
    inside = ndimage.affine_transform(
        np.ones(given.shape, dtype=np.uint8), way[:3, :3], way[:3, 3], output_shape=shape,
        order=0, mode="grid-constant",
    )  # fmt: skip
    voxels[inside == 0] = given.min()
    note = f"sheared axes (cosine up to {shear:.4f}), resampled onto orthogonal ones"
    return replace(raw, voxels=voxels, affine=affine, converted=(*raw.converted, note))


def to_sheared(voxels: Array, affine: Affine, *, sheared: Affine, shape: tuple[int, ...]) -> Array:
    """Return values of an orthogonal grid at the voxels of the sheared one, by nearest neighbour.

    Args:
        voxels: on the grid of :func:`without_shear`.
        affine: of that grid.
        sheared: affine of the other.
        shape: of the other.
    """
    way = np.linalg.inv(affine) @ sheared
    back: Array = ndimage.affine_transform(
        voxels, way[:3, :3], way[:3, 3], output_shape=shape, order=0, mode="nearest"
    )
    return back


def _upright(affine: Affine, shape: tuple[int, ...]) -> tuple[Affine, tuple[int, int, int]]:
    """Return the orthogonal grid around a sheared one: its affine and its shape."""
    spacing_mm = np.linalg.norm(affine[:3, :3], axis=0)
    left, _, right = np.linalg.svd(affine[:3, :3] / spacing_mm)
    axes = left @ right  # the orthogonal matrix that is closest (polar decomposition)
    corners = np.stack(np.meshgrid(*[(0, size - 1) for size in shape]), axis=-1).reshape(-1, 3)
    along = (corners @ affine[:3, :3].T + affine[:3, 3]) @ axes / spacing_mm
    low, high = along.min(axis=0), along.max(axis=0)
    upright = np.eye(4)
    upright[:3, :3] = axes * spacing_mm
    upright[:3, 3] = axes @ (low * spacing_mm)
    sizes = np.ceil(high - low - 1e-6).astype(int) + 1  # but for rounding
    return upright, (int(sizes[0]), int(sizes[1]), int(sizes[2]))
