"""Give posterior elements to their vertebrae along the spine's curve."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from spinesynth.postprocess.curve import SpineCurve
from spinesynth.postprocess.mend import IN_PLANE
from spinesynth.postprocess.pieces import BoolArray, FloatArray

# Nominal: an arch hangs below the middle of its body, more the farther behind.
_DROP = 0.22  # of the usual way from one body to the next
_ONE_VERTEBRA = 1.1  # of that way: a piece of a slice that is taller holds several arches
_ALONE = 0.75  # share of voxels that must agree for a piece to go to one vertebra


def share_posterior(
    posterior: BoolArray,
    spacing_mm: FloatArray,
    curve: SpineCurve,
    *,
    numbers: list[int],
    arcs_mm: list[float],
    pitch_mm: float,
) -> npt.NDArray[np.int32]:
    """Return the number of the vertebra that each voxel of posterior elements belongs to.

    Each voxel goes to the nearest body along the curve; a piece of one sagittal slice that
    is no taller than an arch goes to one of them as a whole.

    Args:
        posterior: ``(I, J, K)``.
        spacing_mm: voxel size, ``(3,)``.
        curve: of the spine.
        numbers: of the bodies, upwards.
        arcs_mm: their places along the curve.
        pitch_mm: usual way from one body to the next.

    Returns:
        int32 ``(I, J, K)``, 0 elsewhere.
    """
    found = np.zeros(posterior.shape, dtype=np.int32)
    voxels = np.argwhere(posterior)
    if not len(voxels):
        return found
    arc, _ = curve.locate(voxels * spacing_mm)
    middles = (np.array(arcs_mm[1:]) + np.array(arcs_mm[:-1])) / 2
    place = np.searchsorted(middles, arc + _DROP * pitch_mm)
    pieces = ndimage.label(posterior, structure=IN_PLANE)[0][tuple(voxels.T)] - 1
    votes = np.zeros((int(pieces.max()) + 1, len(numbers)))
    np.add.at(votes, (pieces, place), 1)
    low = np.full(len(votes), np.inf)
    high = np.full(len(votes), -np.inf)
    np.minimum.at(low, pieces, arc)
    np.maximum.at(high, pieces, arc)
    whole = (high - low <= _ONE_VERTEBRA * pitch_mm) | (
        votes.max(axis=1) >= _ALONE * votes.sum(axis=1)
    )
    place = np.where(whole[pieces], votes.argmax(axis=1)[pieces], place)
    found[tuple(voxels.T)] = np.array(numbers, dtype=np.int32)[place]
    return found
