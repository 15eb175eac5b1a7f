"""Instances of one kind, such as vertebrae: which predicted one is which reference one.

An instance map holds 0 for background and a positive number for each instance;
the numbers are names without order. Vertebrae and discs are kinds of their own:
each has its own two maps.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import linear_sum_assignment

IntArray = npt.NDArray[np.integer[Any]]
FloatArray = npt.NDArray[np.float64]
#: How overlap decides, see :func:`match_instances`.
MatchRule = Literal["one_to_one", "largest_overlap"]


@dataclass(frozen=True)
class InstanceMatch:
    """Name a reference instance and the predicted one that it was found as."""

    reference: int
    prediction: int
    iou: float


@dataclass(frozen=True)
class InstanceMatching:
    """Say which instances were found, missed and invented.

    Attributes:
        matches: in the order of the reference instances.
        missed: reference instances without a match (false negatives).
        invented: predicted instances without a match (false positives).
    """

    matches: tuple[InstanceMatch, ...]
    missed: tuple[int, ...]
    invented: tuple[int, ...]

    @property
    def detection_rate(self) -> float:
        """Return the share of reference instances found, NaN if there are none."""
        total = len(self.matches) + len(self.missed)
        return len(self.matches) / total if total else float("nan")


def as_instances(values: npt.ArrayLike | torch.Tensor, *, name: str) -> IntArray:
    """Return an instance map as an array of integers.

    Args:
        values: array or tensor of any number of dimensions, whole numbers >= 0.
        name: of the map, for errors.

    Raises:
        TypeError: if the values are no numbers.
        ValueError: on NaN, fractions and negative numbers.
    """
    array = np.asarray(values.detach().cpu() if isinstance(values, torch.Tensor) else values)
    if not np.issubdtype(array.dtype, np.number):
        raise TypeError(f"{name} must be numeric, got dtype {array.dtype}")
    if np.issubdtype(array.dtype, np.unsignedinteger):
        return array
    if np.isnan(array).any():
        raise ValueError(f"{name} must hold whole numbers >= 0, got NaN voxels")
    if (array < 0).any() or (array % 1 != 0).any():
        raise ValueError(
            f"{name} must hold whole numbers >= 0, got values from {array.min()} to {array.max()}"
        )
    return array.astype(np.int64)


def match_instances(
    prediction: npt.ArrayLike | torch.Tensor,
    reference: npt.ArrayLike | torch.Tensor,
    *,
    rule: MatchRule = "one_to_one",
    min_iou: float = 0.5,
) -> InstanceMatching:
    """Match predicted to reference instances by the voxels they share.

    Args:
        prediction: instance map of one kind.
        reference: the same shape.
        rule: ``one_to_one`` gives each instance at most one partner, so that
            the sum of IoU is largest, among pairs of at least ``min_iou``.
            ``largest_overlap`` gives each reference instance the predicted one
            that covers most of its voxels (the lower number on a tie), even one
            that is another's partner: SPIDER's baseline code scores so.
        min_iou: least overlap of a match, in (0, 1]; ``largest_overlap`` takes
            any common voxel and does not read it.

    Returns:
        Matches and what has none.

    Raises:
        TypeError: if a map is not numeric.
        ValueError: if a map holds what is no instance, shapes differ, or an
            argument is out of range.

    Source: IoU of at least 0.5 as in Kirillov et al. 2019, CVPR, doi
    10.1109/CVPR.2019.00963 (above 0.5 no other assignment is possible); the rule
    ``largest_overlap`` as in SPIDER-Baseline-IIS, van der Graaf et al. 2024,
    Sci Data 11:264, doi 10.1038/s41597-024-03090-w.

    Example:
        >>> matching = match_instances([1, 1, 0, 2], [3, 3, 3, 0])
        >>> matching.matches[0].prediction, matching.missed, matching.invented
        (1, (), (2,))
    """
    if not 0 < min_iou <= 1:
        raise ValueError(f"min_iou must be in (0, 1], got {min_iou}")
    predicted = as_instances(prediction, name="prediction")
    expected = as_instances(reference, name="reference")
    if predicted.shape != expected.shape:
        raise ValueError(
            f"prediction must have the shape of reference {expected.shape}, got {predicted.shape}"
        )
    overlaps = _Overlaps.count(predicted, expected)
    rows, columns = overlaps.partners(rule, min_iou)
    matches = tuple(
        InstanceMatch(
            int(overlaps.reference[row]), int(overlaps.prediction[column]),
            float(overlaps.iou[row, column]),
        )
        for row, column in zip(rows, columns, strict=True)
    )  # fmt: skip
    return InstanceMatching(
        matches,
        missed=_others(overlaps.reference, rows),
        invented=_others(overlaps.prediction, columns),
    )


def identification_rate(
    matching: InstanceMatching,
    *,
    prediction_levels: Mapping[int, Hashable],
    reference_levels: Mapping[int, Hashable],
) -> float:
    """Return the share of reference instances found under their right level.

    Args:
        matching: of predicted and reference instances.
        prediction_levels: predicted instance -> name of its level, such as ``L4``.
        reference_levels: the same for the reference.

    Returns:
        0 to 1; a missed instance is not identified. NaN without reference
        instances.

    Raises:
        ValueError: if an instance has no name; lists all of them.

    Source: the id. rate of Sekuboyina et al. 2021, Med Image Anal 73:102166, doi
    10.1016/j.media.2021.102166, with overlap in the place of a centre within 20 mm.

    Example:
        >>> found = match_instances([1, 2, 2], [1, 2, 2])
        >>> identification_rate(
        ...     found, prediction_levels={1: "L5", 2: "L3"}, reference_levels={1: "L5", 2: "L4"}
        ... )
        0.5
    """
    _refuse_nameless(
        "prediction_levels", prediction_levels,
        (*(match.prediction for match in matching.matches), *matching.invented),
    )  # fmt: skip
    _refuse_nameless(
        "reference_levels", reference_levels,
        (*(match.reference for match in matching.matches), *matching.missed),
    )  # fmt: skip
    total = len(matching.matches) + len(matching.missed)
    right = sum(
        prediction_levels[match.prediction] == reference_levels[match.reference]
        for match in matching.matches
    )
    return right / total if total else float("nan")


def _refuse_nameless(name: str, levels: Mapping[int, Hashable], instances: tuple[int, ...]) -> None:
    """Raise if an instance has no level."""
    nameless = sorted(set(instances) - set(levels))
    if nameless:
        raise ValueError(f"{name} must name every instance, got none for {nameless}")


def _others(instances: IntArray, chosen: IntArray) -> tuple[int, ...]:
    """Return the instances whose places are not chosen."""
    return tuple(int(number) for number in np.delete(instances, np.unique(chosen)))


@dataclass(frozen=True)
class _Overlaps:
    """Hold the common voxels of each reference (row) and predicted (column) instance."""

    reference: IntArray
    prediction: IntArray
    common: IntArray
    iou: FloatArray

    @classmethod
    def count(cls, predicted: IntArray, expected: IntArray) -> _Overlaps:
        """Count the voxels of each pair of instances once."""
        used = (predicted > 0) | (expected > 0)
        names_p, place_p = np.unique(
            np.append(predicted[used], predicted.dtype.type(0)), return_inverse=True
        )
        names_r, place_r = np.unique(
            np.append(expected[used], expected.dtype.type(0)), return_inverse=True
        )
        shape = (len(names_r), len(names_p))  # row and column 0 are background
        codes = np.ravel_multi_index((place_r, place_p), shape)
        table = np.bincount(codes, minlength=shape[0] * shape[1]).reshape(shape)
        common = table[1:, 1:]
        sizes_r, sizes_p = table[1:].sum(axis=1), table[:, 1:].sum(axis=0)
        either = sizes_r[:, None] + sizes_p[None] - common
        return cls(names_r[1:], names_p[1:], common, common / either)

    def partners(self, rule: MatchRule, min_iou: float) -> tuple[IntArray, IntArray]:
        """Return the places of matched instances, by reference instance."""
        if rule == "largest_overlap":
            rows = np.flatnonzero(self.common.any(axis=1))
            return rows, self.common[rows].argmax(axis=1) if len(rows) else rows
        if rule != "one_to_one":
            raise ValueError(f"rule must be one_to_one or largest_overlap, got {rule!r}")
        allowed = np.where(self.iou >= min_iou, self.iou, 0.0)
        rows, columns = linear_sum_assignment(allowed, maximize=True)
        kept = allowed[rows, columns] > 0
        return rows[kept], columns[kept]
