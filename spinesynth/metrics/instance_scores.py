"""Score every reference instance of one kind with any metric."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import find_objects

from spinesynth.metrics.instance_geometry import centre_error, disc_height_error
from spinesynth.metrics.instances import InstanceMatching, IntArray, as_instances
from spinesynth.metrics.mask_pair import MaskPair
from spinesynth.metrics.registry import METRICS, Metric

Box = tuple[slice, ...]

#: Name in the tables -> metric of one instance: those of structures, and its place and height.
INSTANCE_METRICS: dict[str, Metric] = {
    **METRICS,
    "centre_error": Metric(
        centre_error, unit="mm", better="lower", title="Centre error", digits=2
    ),
    "disc_height_error": Metric(
        disc_height_error, unit="mm", better="zero", title="Disc height error", digits=2
    ),
}  # fmt: skip


@dataclass(frozen=True)
class InstanceScore:
    """Hold the scores of one reference instance.

    Attributes:
        reference: its number.
        prediction: number of the instance it was found as, None if it was missed.
        values: metric -> number; a missed one is scored against nothing.
    """

    reference: int
    prediction: int | None
    values: dict[str, float]


def pair_instances(
    prediction: npt.ArrayLike | torch.Tensor,
    reference: npt.ArrayLike | torch.Tensor,
    matching: InstanceMatching,
    *,
    spacing_mm: tuple[float, ...],
) -> Iterator[tuple[int, int | None, MaskPair]]:
    """Yield each reference instance with what it was found as, in the box of both.

    Args:
        prediction: instance map.
        reference: the same shape.
        matching: of the two.
        spacing_mm: distance of voxel centres along each axis, mm.

    Yields:
        Reference instance, predicted one (None if missed), and their masks; an
        empty prediction for a missed one. In the order of the numbers.
    """
    predicted = as_instances(prediction, name="prediction")
    expected = as_instances(reference, name="reference")
    boxes_p, boxes_r = find_objects(predicted), find_objects(expected)
    found: dict[int, int | None] = {match.reference: match.prediction for match in matching.matches}
    for number in sorted({**found, **dict.fromkeys(matching.missed)}):
        partner = found.get(number)
        box = boxes_r[number - 1]
        if partner is not None:
            box = _around(box, boxes_p[partner - 1])
        yield number, partner, MaskPair(
            _mask(predicted[box], partner), expected[box] == number,
            spacing_mm=spacing_mm, image_shape=expected.shape,
        )  # fmt: skip


def score_instances(
    prediction: npt.ArrayLike | torch.Tensor,
    reference: npt.ArrayLike | torch.Tensor,
    matching: InstanceMatching,
    *,
    spacing_mm: tuple[float, ...],
    metrics: Sequence[str] = ("dice",),
) -> list[InstanceScore]:
    """Score each reference instance against what it was found as.

    Args:
        prediction: instance map of one kind.
        reference: the same shape.
        matching: from :func:`~spinesynth.metrics.instances.match_instances`.
        spacing_mm: distance of voxel centres along each axis, mm.
        metrics: keys of :data:`INSTANCE_METRICS`.

    Returns:
        One score for each reference instance, by number. A missed one has Dice 0
        and the image's diagonal, by the policy of
        :mod:`~spinesynth.metrics.mask_pair`, and no centre or height. Invented
        instances have no reference: count them.

    Raises:
        ValueError: if a metric is unknown.

    Example:
        >>> maps = np.array([1, 1, 0, 2]), np.array([3, 3, 3, 0])
        >>> from spinesynth.metrics import match_instances
        >>> score_instances(*maps, match_instances(*maps), spacing_mm=(1.0,))[0].values
        {'dice': 0.8}
    """
    unknown = [name for name in metrics if name not in INSTANCE_METRICS]
    if unknown:
        raise ValueError(
            f"metrics must be among {', '.join(INSTANCE_METRICS)}, got {', '.join(unknown)}"
        )
    pairs = pair_instances(prediction, reference, matching, spacing_mm=spacing_mm)
    return [
        InstanceScore(
            number, partner, {name: INSTANCE_METRICS[name].function(pair) for name in metrics}
        )
        for number, partner, pair in pairs
    ]


def _mask(values: IntArray, number: int | None) -> npt.NDArray[np.bool_]:
    """Return the voxels of an instance, none for no instance."""
    return np.zeros(values.shape, dtype=np.bool_) if number is None else values == number


def _around(first: Box, second: Box) -> Box:
    """Return the box that holds two boxes."""
    both = zip(first, second, strict=True)
    return tuple(slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in both)
