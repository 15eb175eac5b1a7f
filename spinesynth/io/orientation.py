"""Turn voxel axes to RAS and back, and say where voxels are.

Orientation means: which world axis each array axis follows, and in which sense.
An oblique grid is turned to the nearest axes, its affine stays oblique.
"""

from __future__ import annotations

from typing import Any

import nibabel.affines
import nibabel.orientations
import numpy as np

from spinesynth.io.raw_volume import Affine, Array

# nibabel annotates few of its functions
_ORIENTATIONS: Any = nibabel.orientations
_AFFINES: Any = nibabel.affines

_RAS = "RAS"


def to_ras(voxels: Array, affine: Affine) -> tuple[Array, Affine]:
    """Turn a volume to RAS.

    Args:
        voxels: 3D, in the order of ``affine``.
        affine: 4x4, voxel index to world mm (RAS+).

    Returns:
        Voxels with axes increasing to Right, Anterior, Superior (a view), and
        their affine.
    """
    turn = _ORIENTATIONS.io_orientation(affine)
    turned: Affine = affine @ _ORIENTATIONS.inv_ornt_aff(turn, voxels.shape)
    return _ORIENTATIONS.apply_orientation(voxels, turn), turned


def from_ras(voxels: Array, affine: Affine) -> Array:
    """Turn a RAS volume to the order of another affine.

    Args:
        voxels: 3D, RAS.
        affine: 4x4 of the order wanted, voxel index to world mm (RAS+).

    Returns:
        Voxels in that order, contiguous.
    """
    turn = _ORIENTATIONS.ornt_transform(
        _ORIENTATIONS.axcodes2ornt(_RAS), _ORIENTATIONS.io_orientation(affine)
    )
    return np.ascontiguousarray(_ORIENTATIONS.apply_orientation(voxels, turn))


def axis_names(affine: Affine) -> str:
    """Name the directions to which the array axes increase, for example ``PIR``."""
    return "".join(_ORIENTATIONS.aff2axcodes(affine))


def corner_distance_mm(first: Affine, second: Affine, shape: tuple[int, ...]) -> float:
    """Return how far apart two affines place the corner voxels of a volume.

    Args:
        first: 4x4, voxel index to world mm.
        second: 4x4, voxel index to world mm.
        shape: (I, J, K).

    Returns:
        Largest distance over the eight corners, in mm.
    """
    corners = np.stack(np.meshgrid(*[(0, size - 1) for size in shape]), axis=-1)
    apart = _AFFINES.apply_affine(first, corners) - _AFFINES.apply_affine(second, corners)
    return float(np.linalg.norm(apart, axis=-1).max())
