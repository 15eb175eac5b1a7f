"""Mirror images and label maps, and exchange the labels of left and right."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from monai.config.type_definitions import KeysCollection
from monai.utils.misc import ensure_tuple
from torch import Tensor

from spinesynth.kernels.flip import flip_labels
from spinesynth.transforms.base import (
    RandomKernel,
    RandomKerneld,
    Record,
    as_plain,
    is_number,
    is_whole,
    rewrap,
)
from spinesynth.transforms.spatial import RandomSpatial


@dataclass(frozen=True)
class FlipRecord(Record):
    """Drawn flips: one answer for each spatial axis."""

    flipped: tuple[bool, ...]


def mirror(data: Tensor, record: FlipRecord) -> Tensor:
    """Flip the axes of a record and exchange no label: for images and tissue maps."""
    return torch.flip(data, [axis + 1 for axis, flips in enumerate(record.flipped) if flips])


class RandSideFlip(RandomSpatial):
    """Flip spatial axes, each by chance, and exchange left and right labels.

    Integer label maps get the values of ``swap`` exchanged when the axis from
    left to right was flipped; floating-point images and boolean masks keep their
    values. The affine is kept: the anatomy is mirrored within its grid.

    Args:
        probs: probability of flipping, one for all axes or one for each; None is
            0.5 for the side axis of volumes and 0 for all else: a sagittal slice
            has no sides.
        swap: pairs of left and right label values >= 0, for example ``((1, 2),)``.
        side_axis: spatial axis that runs from left to right.
        prob: probability of acting at all.

    Shape:
        ``(C, *spatial)``, two or three spatial axes; kept.

    Source:
        plain indexing.

    Example:
        >>> import torch
        >>> flip = RandSideFlip(1.0, swap=((1, 2),)).set_random_state(0)
        >>> flip(torch.tensor([[[1, 1], [0, 0]]], dtype=torch.uint8)).tolist()
        [[[0, 0], [2, 2]]]
    """

    record_class: ClassVar[type[Record]] = FlipRecord

    def __init__(
        self,
        probs: float | Sequence[float] | None = None,
        *,
        swap: Sequence[tuple[int, int]] = (),
        side_axis: int = 0,
        prob: float = 1.0,
    ) -> None:
        super().__init__(prob)
        given = [] if probs is None else ensure_tuple(probs)
        if not all(is_number(p) and 0 <= p <= 1 for p in given):
            raise ValueError(f"probs must be in [0, 1], got {probs!r}")
        if side_axis not in (0, 1, 2):
            raise ValueError(f"side_axis must be 0, 1 or 2, got {side_axis}")
        values = list(itertools.chain.from_iterable(swap))
        if any(len(pair) != 2 for pair in swap) or len(set(values)) < len(values):
            raise ValueError(f"swap must be pairs without a value in two of them, got {swap}")
        if not all(is_whole(value) and value >= 0 for value in values):
            raise ValueError(f"swap must be pairs of label values, whole numbers >= 0, got {swap}")
        self.probs, self.side_axis = probs, side_axis
        self.swap = tuple((int(one), int(other)) for one, other in swap)

    def _probs_of_axes(self, axes: int) -> list[float]:
        if self.side_axis >= axes:
            raise ValueError(f"side_axis must be one of {axes} spatial axes, got {self.side_axis}")
        if self.probs is None:
            return [0.5 * (axes == 3 and axis == self.side_axis) for axis in range(axes)]
        if isinstance(self.probs, float | int):
            return [float(self.probs)] * axes
        if len(self.probs) != axes:
            raise ValueError(f"probs must be one or {axes} numbers, got {tuple(self.probs)}")
        return list(self.probs)

    def draw(self, data: Tensor) -> FlipRecord:
        """Draw for each axis whether it turns over."""
        seed = self.draw_seed()
        probs = self._probs_of_axes(data.ndim - 1)
        return FlipRecord(seed, tuple(bool(self.R.rand() < p) for p in probs))

    def apply(self, data: Tensor, record: FlipRecord) -> Tensor:
        """Flip the axes of a record."""
        if data.is_floating_point():
            return mirror(data, record)
        axes = [axis for axis, flips in enumerate(record.flipped) if flips]
        return flip_labels(data, axes, side_axis=self.side_axis, pairs=self.swap)


class RandSideFlipd(RandomKerneld):
    """Dictionary form of :class:`RandSideFlip`: all keys are flipped alike.

    Args:
        keys: keys of maps and images.
        swap_keys: those whose labels are exchanged; None for all integer maps. A
            map of tissues beside one of structures has other codes.
        allow_missing_keys: do not raise if a key is missing.
        **parameters: those of :class:`RandSideFlip`.
    """

    array_class: ClassVar[type[RandomKernel]] = RandSideFlip

    def __init__(
        self,
        keys: KeysCollection,
        *,
        swap_keys: KeysCollection | None = None,
        allow_missing_keys: bool = False,
        **parameters: Any,  # noqa: ANN401  # those of array_class
    ) -> None:
        super().__init__(keys, allow_missing_keys=allow_missing_keys, **parameters)
        self.swap_keys = self.keys if swap_keys is None else ensure_tuple(swap_keys)
        unknown = set(self.swap_keys) - set(self.keys)
        if unknown:
            raise ValueError(f"swap_keys must be among keys {self.keys}, got {sorted(unknown)}")

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Flip the arrays under ``keys`` of a copied dictionary."""
        result = dict(data)
        for number, key in enumerate(self.key_iterator(result)):
            if number == 0:
                self.transform.randomize(as_plain(result[key]))
            record = self.transform.record
            if key in self.swap_keys or not isinstance(record, FlipRecord):
                result[key] = self.transform(result[key], randomize=False)
            else:
                result[key] = rewrap(mirror(as_plain(result[key]), record), result[key])
        return result
