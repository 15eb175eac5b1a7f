"""A prediction and its reference for one structure, checked once and scored many times.

**Policy for empty masks**, the only one in this package:

========== ========= ================ ================== =======================
prediction reference ratios           distances          volume error
========== ========= ================ ================== =======================
empty      empty     NaN              NaN                NaN
empty      present   0                image's diagonal   - volume, ratio -2
present    empty     0                image's diagonal   + volume, ratio +2
========== ========= ================ ================== =======================

Ratios are Dice, IoU and surface Dice; distances are HD95 and ASSD. NaN is
excluded from every mean and counted. Where one mask is empty the number is a
penalty and no measurement: the metric ``one_empty`` is 1 there, and flags it.
A missed structure therefore always costs, and an absent one never flatters.
Masks that hold NaN have no score at all: they raise.
"""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch

from spinesynth.metrics.surface import SurfaceDistances, crop_to_both, measure_surface_distances

BoolArray = npt.NDArray[np.bool_]


def _as_mask(values: npt.ArrayLike | torch.Tensor, *, name: str) -> BoolArray:
    """Return values as a boolean array, refusing everything but 0 and 1."""
    array = np.asarray(values.detach().cpu() if isinstance(values, torch.Tensor) else values)
    if array.dtype == np.bool_:
        return array
    if not np.issubdtype(array.dtype, np.number):
        raise TypeError(f"{name} must be boolean or numeric, got dtype {array.dtype}")
    if np.isnan(array).any():
        raise ValueError(
            f"{name} must hold only 0 and 1, got {int(np.isnan(array).sum())} NaN voxels; "
            "a network that puts out NaN has no score"
        )
    if not np.isin(array, (0, 1)).all():
        raise ValueError(
            f"{name} must hold only 0 and 1, got values from {array.min()} to {array.max()}; "
            "compare the label map with one code first"
        )
    return array.astype(np.bool_)


class MaskPair:
    """Hold a predicted and a reference mask on one grid.

    Args:
        prediction: array or tensor of any number of dimensions, boolean or 0/1.
        reference: the same shape.
        spacing_mm: distance of neighbouring voxel centres along each axis, mm, > 0.
        image_shape: shape of the whole image, if the masks are only a box of it
            that holds every voxel of both; None if they are the image.

    Raises:
        TypeError: if a mask is not numeric.
        ValueError: on NaN, values other than 0 and 1, unequal shapes, or a
            spacing or image shape that does not fit the axes.

    Example:
        >>> pair = MaskPair([1, 1, 0], [0, 1, 0], spacing_mm=(2.0,))
        >>> pair.both_empty, pair.one_empty, pair.diagonal_mm
        (False, False, 6.0)
    """

    def __init__(
        self,
        prediction: npt.ArrayLike | torch.Tensor,
        reference: npt.ArrayLike | torch.Tensor,
        *,
        spacing_mm: tuple[float, ...],
        image_shape: tuple[int, ...] | None = None,
    ) -> None:
        predicted = _as_mask(prediction, name="prediction")
        expected = _as_mask(reference, name="reference")
        if predicted.shape != expected.shape:
            raise ValueError(
                f"prediction must have the shape of reference {expected.shape}, "
                f"got {predicted.shape}; put it back on the source grid first"
            )
        if len(spacing_mm) != expected.ndim:
            raise ValueError(
                f"spacing_mm must have {expected.ndim} entries, one an axis, got {len(spacing_mm)}"
            )
        if not all(math.isfinite(step) and step > 0 for step in spacing_mm):
            raise ValueError(f"spacing_mm must be finite and > 0, got {spacing_mm}")
        whole = expected.shape if image_shape is None else tuple(image_shape)
        if len(whole) != expected.ndim or any(map(int.__lt__, whole, expected.shape)):
            raise ValueError(
                f"image_shape must be at least the shape of the masks {expected.shape}, got {whole}"
            )
        self.prediction = predicted
        self.reference = expected
        self.spacing_mm = tuple(float(step) for step in spacing_mm)
        self.image_shape = whole

    @cached_property
    def boxed(self) -> tuple[BoolArray, BoolArray]:
        """Return prediction and reference in the smallest box that holds both, as views."""
        return crop_to_both(self.prediction, self.reference)

    @cached_property
    def prediction_voxels(self) -> int:
        """Return the number of predicted voxels."""
        return int(np.count_nonzero(self.boxed[0]))

    @cached_property
    def reference_voxels(self) -> int:
        """Return the number of reference voxels."""
        return int(np.count_nonzero(self.boxed[1]))

    @cached_property
    def common_voxels(self) -> int:
        """Return the number of voxels in both masks."""
        return int(np.count_nonzero(self.boxed[0] & self.boxed[1]))

    @property
    def both_empty(self) -> bool:
        """Tell whether neither mask has a voxel: the score is undefined."""
        return not self.prediction_voxels and not self.reference_voxels

    @property
    def one_empty(self) -> bool:
        """Tell whether exactly one mask has no voxel: missed or invented."""
        return bool(self.prediction_voxels) != bool(self.reference_voxels)

    @property
    def diagonal_mm(self) -> float:
        """Return the diagonal of the whole image in mm, no distance in it is longer."""
        extents = (n * s for n, s in zip(self.image_shape, self.spacing_mm, strict=True))
        return math.hypot(*extents)

    @cached_property
    def surface_distances(self) -> SurfaceDistances:
        """Return the distances between the two surfaces, measured on first use."""
        return measure_surface_distances(*self.boxed, spacing_mm=self.spacing_mm)
