"""Where an instance lies and how high it is, as errors of a pair, in mm.

Both are undefined (NaN) where a mask is empty: a missed vertebra has no centre.
It costs in the detection rate, and is excluded and counted here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from spinesynth.metrics.mask_pair import MaskPair

BoolArray = npt.NDArray[np.bool_]


def centre_error(pair: MaskPair) -> float:
    """Return the distance of the centres of mass of prediction and reference.

    Args:
        pair: of one instance.

    Returns:
        Distance in mm, >= 0; NaN if a mask is empty.

    Example:
        >>> centre_error(MaskPair([1, 1, 1], [0, 0, 1], spacing_mm=(2.0,)))
        2.0
    """
    if pair.both_empty or pair.one_empty:
        return float("nan")
    first, second = (np.argwhere(mask).mean(axis=0) for mask in pair.boxed)
    return float(np.linalg.norm((first - second) * pair.spacing_mm))


def disc_height_error(pair: MaskPair) -> float:
    """Return the height of the predicted disc minus that of the reference.

    Args:
        pair: of one disc, three axes; sagittal slices along the first.

    Returns:
        Difference in mm, > 0 if the predicted disc is too high; NaN if a mask is
        empty. See :func:`disc_height_mm`.
    """
    if pair.both_empty or pair.one_empty:
        return float("nan")
    predicted, expected = pair.boxed
    spacing_mm = _three(pair.spacing_mm)
    return disc_height_mm(predicted, spacing_mm) - disc_height_mm(expected, spacing_mm)


def disc_height_mm(mask: BoolArray, spacing_mm: tuple[float, float, float]) -> float:
    """Return the height of a disc: of the slab with its spread across the disc.

    The disc's normal is the direction of least spread within sagittal slices; a
    slab of height h has the variance h^2 / 12 along it. All voxels count, their
    own size too, so that a box has exactly its height, a tilted disc the height
    across and not along the body, and thick slices or a tilt to the side change
    little. Of an ellipse it is 0.87 of the full height, between the mean height
    (0.79) and the largest.

    Args:
        mask: boolean ``(I, J, K)``, not empty; sagittal slices along I.
        spacing_mm: distance of voxel centres along I, J, K, mm.

    Returns:
        Height in mm, > 0.

    Raises:
        ValueError: if the mask has no voxel, or not three axes.

    Source: own definition, by second moments; heights across the disc's own
    mid-plane as in Frobin et al. 1997, Clin Biomech 12:S1, doi
    10.1016/S0268-0033(96)00067-8.

    Example:
        >>> box = np.zeros((1, 30, 12), dtype=bool)
        >>> box[:, 2:28, 3:9] = True
        >>> round(disc_height_mm(box, (4.0, 1.0, 1.5)), 6)
        9.0
    """
    if mask.ndim != 3 or not mask.any():
        raise ValueError(
            f"mask must have 3 axes and a voxel, got {mask.shape}, {mask.sum()} voxels"
        )
    i, j, k = np.nonzero(mask)
    plane = np.stack([j * spacing_mm[1], k * spacing_mm[2]])
    counts = np.maximum(np.bincount(i), 1)
    centres = np.stack([np.bincount(i, weights=axis) / counts for axis in plane])
    offsets = plane - centres[:, i]
    spread = offsets @ offsets.T / offsets.shape[1]
    spread += np.diag(np.square(spacing_mm[1:])) / 12  # voxels are boxes and no points
    return float(np.sqrt(12 * np.linalg.eigvalsh(spread)[0]))


def _three(spacing_mm: tuple[float, ...]) -> tuple[float, float, float]:
    """Return the spacing of three axes, or raise."""
    if len(spacing_mm) != 3:
        raise ValueError(f"a disc must have 3 axes, got {len(spacing_mm)}")
    i, j, k = spacing_mm
    return i, j, k
