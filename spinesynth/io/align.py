"""Put a label map on the grid of its image, or refuse to."""

from __future__ import annotations

import logging

import numpy as np
import torch
from monai.data.meta_tensor import MetaTensor
from scipy import ndimage

from spinesynth.io.problems import InputFileError
from spinesynth.io.volume import grid_difference_mm

_LOG = logging.getLogger(__name__)

#: Corner voxels of two files on one grid are at most this far apart.
GRID_TOLERANCE_MM = 1e-3


def check_same_grid(image: MetaTensor, label: MetaTensor) -> MetaTensor:
    """Return the label map, refusing one on another grid than its image.

    Args:
        image: canonical (1, I, J, K), or another label map.
        label: canonical (1, I, J, K).

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
        remedy="resample the label map onto the image's grid with nearest neighbour",
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
    to_label = np.linalg.inv(label.affine.numpy()) @ image.affine.numpy()
    values = ndimage.affine_transform(
        label.as_tensor()[0].numpy(),
        to_label[:3, :3],
        offset=to_label[:3, 3],
        output_shape=tuple(image.shape[1:]),
        order=0,
        mode="grid-constant",
    )
    if not values.any() and bool(label.any()):
        raise InputFileError(
            source,
            f"nothing it labels lies within {target}",
            remedy="check that both belong to one scan and keep their origins",
            code="E-GEOM-004",
        )
    _LOG.warning("%s: resampled with nearest neighbour onto the grid of %s", source, target)
    resampled = torch.from_numpy(values)[None]
    meta = {key: value for key, value in image.meta.items() if key != "affine"}
    return MetaTensor(resampled, affine=image.affine.clone(), meta=meta)
