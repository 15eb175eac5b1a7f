"""Put a label map or another image on the grid of an image, or refuse to."""

from __future__ import annotations

import logging

import numpy as np
import torch
from monai.data.meta_tensor import MetaTensor
from scipy import ndimage

from spinesynth.io.problems import InputFileError
from spinesynth.io.raw_volume import Array
from spinesynth.io.volume import grid_difference_mm

_LOG = logging.getLogger(__name__)

_CUBIC = 3
_REMEDY_APART = "check that both belong to one scan and keep their origins"
_BY_NEAREST = "resample the label map onto the image's grid with nearest neighbour"

#: Corner voxels of two files on one grid are at most this far apart.
GRID_TOLERANCE_MM = 1e-3


def check_same_grid(
    image: MetaTensor, label: MetaTensor, *, remedy: str = _BY_NEAREST
) -> MetaTensor:
    """Return the label map, refusing one on another grid than its image.

    Args:
        image: canonical (1, I, J, K), or another label map.
        label: canonical (1, I, J, K), or another image.
        remedy: what the user can do about another grid.

    Raises:
        InputFileError: if shapes differ, or corners by more than the tolerance.
    """
    apart_mm = grid_difference_mm(image, label)
    if apart_mm <= GRID_TOLERANCE_MM:
        return label
    if np.isinf(apart_mm):
        what = f"shape {tuple(label.shape[1:])} against {tuple(image.shape[1:])} (RAS)"
    else:
        what = f"corner voxels up to {apart_mm:.4g} mm apart"
    raise InputFileError(
        label.meta["source_path"],
        f"not on the grid of {image.meta['source_path']}: {what}",
        remedy=remedy,
        code="E-GEOM-003",
    )


def align_label(image: MetaTensor, label: MetaTensor) -> MetaTensor:
    """Return the label map on the grid of the image, resampled if need be.

    Args:
        image: canonical (1, I, J, K).
        label: canonical (1, I, J, K), integers.

    Returns:
        The label map itself on an equal grid; else resampled in physical space
        with nearest neighbour (a warning is logged), zero outside of it.

    Raises:
        InputFileError: if nothing that the map labels lies within the image.
    """
    if grid_difference_mm(image, label) <= GRID_TOLERANCE_MM:
        return label
    source, target = label.meta["source_path"], image.meta["source_path"]
    values = _resample(label.as_tensor()[0].numpy(), label, image, order=0, mode="grid-constant")
    if not values.any() and bool(label.any()):
        raise InputFileError(
            source,
            f"nothing it labels lies within {target}",
            remedy=_REMEDY_APART,
            code="E-GEOM-004",
        )
    _LOG.warning("%s: resampled with nearest neighbour onto the grid of %s", source, target)
    return _on_grid(values, image)


def align_image(target: MetaTensor, image: MetaTensor) -> MetaTensor:
    """Return an image on the grid of another, resampled if need be.

    Args:
        target: canonical (1, I, J, K).
        image: canonical (1, I, J, K), float.

    Returns:
        The image itself on an equal grid; else resampled in physical space with cubic
        B-splines (a warning is logged), within the range of its own voxels, which splines
        overshoot at edges; zero outside of it.

    Raises:
        InputFileError: if the two do not overlap.
    """
    if grid_difference_mm(target, image) <= GRID_TOLERANCE_MM:
        return image
    voxels = image.as_tensor()[0].numpy()
    covered = _resample(np.ones_like(voxels), image, target, order=0, mode="grid-constant")
    if not covered.any():
        raise InputFileError(
            image.meta["source_path"],
            f"does not overlap {target.meta['source_path']}",
            remedy=_REMEDY_APART,
            code="E-GEOM-004",
        )
    values = _resample(voxels, image, target, order=_CUBIC, mode="nearest")
    _LOG.warning(
        "%s: resampled with cubic B-splines onto the grid of %s",
        image.meta["source_path"],
        target.meta["source_path"],
    )
    return _on_grid(values.clip(voxels.min(), voxels.max()) * covered, target)


def _resample(
    voxels: Array, source: MetaTensor, target: MetaTensor, *, order: int, mode: str
) -> Array:
    """Return voxels of one grid at the places of another's, (I, J, K) of the target."""
    to_source = np.linalg.inv(source.affine.numpy()) @ target.affine.numpy()
    values: Array = ndimage.affine_transform(
        voxels,
        to_source[:3, :3],
        offset=to_source[:3, 3],
        output_shape=tuple(target.shape[1:]),
        order=order,
        mode=mode,
    )
    return values


def _on_grid(values: Array, grid: MetaTensor) -> MetaTensor:
    """Return a volume with the affine and the source's grid of another."""
    meta = {key: value for key, value in grid.meta.items() if key != "affine"}
    return MetaTensor(torch.from_numpy(values)[None], affine=grid.affine.clone(), meta=meta)
