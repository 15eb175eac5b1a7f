"""Herringbone stripes of corrupted samples of k-space."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from spinesynth.kernels.kspace_spikes import add_kspace_spikes
from spinesynth.transforms.base import RandomKernel, RandomKerneld, Record, check_range, is_whole


@dataclass(frozen=True)
class SpikesRecord(Record):
    """Drawn spikes: line number along each axis, relative height and phase of each."""

    positions: tuple[tuple[int, ...], ...]
    amplitudes: tuple[float, ...]
    phases_rad: tuple[float, ...]


class RandKSpaceSpikes(RandomKernel):
    """Corrupt a few samples of k-space: stripes over the whole image.

    Args:
        amplitude: range of the height of a spike relative to the largest sample,
            which is the centre of k-space; the stripes reach this part of the
            mean of the image.
        count: range of the number of spikes, from 1 to 100.
        radius: range, in [0, 1], of the distance of a spike from the centre as
            part of the way to the edge of k-space: near it the stripes are broad.
        prob: probability of acting.

    Shape:
        ``(C, *spatial)`` float >= 0; kept. All spatial axes are one k-space.

    Source:
        Graves and Mitchell 2013, JMRI 38:269.

    Example:
        >>> import torch
        >>> spike = RandKSpaceSpikes((0.2, 0.2), count=(1, 1)).set_random_state(0)
        >>> spike(torch.rand(1, 16, 16)).shape
        torch.Size([1, 16, 16])
    """

    record_class: ClassVar[type[Record]] = SpikesRecord

    def __init__(
        self,
        amplitude: tuple[float, float] = (0.05, 0.4),
        *,
        count: tuple[int, int] = (1, 3),
        radius: tuple[float, float] = (0.1, 1.0),
        prob: float = 1.0,
    ) -> None:
        super().__init__(prob)
        check_range("amplitude", amplitude, low=0, high=1e3)
        check_range("count", count, low=1, high=100)
        if not all(is_whole(number) for number in count):
            raise ValueError(f"count must be whole numbers, got {tuple(count)}")
        check_range("radius", radius, low=0, high=1)
        self.amplitude, self.count, self.radius = amplitude, count, radius

    def _draw_position(self, size: tuple[int, ...]) -> tuple[int, ...]:
        """Draw a line number along each axis: a direction, and how far to go that way."""
        direction = self.R.normal(size=len(size))
        reach = self.uniform(self.radius) / np.abs(direction).max()
        return tuple(
            round(float(reach * d) * (n // 2)) for d, n in zip(direction, size, strict=True)
        )

    def draw(self, data: Tensor) -> SpikesRecord:
        """Draw number, places, heights and phases."""
        low, high = self.count
        numbers = range(int(self.R.randint(low, high + 1)))
        return SpikesRecord(
            self.draw_seed(),
            positions=tuple(self._draw_position(tuple(data.shape[1:])) for _ in numbers),
            amplitudes=tuple(self.uniform(self.amplitude) for _ in numbers),
            phases_rad=tuple(self.uniform((0.0, 2 * math.pi)) for _ in numbers),
        )

    def apply(self, data: Tensor, record: SpikesRecord) -> Tensor:
        """Add the stripes of a record."""
        if not any(record.amplitudes):
            return data.clone()
        return add_kspace_spikes(
            data[None].float(),
            record.positions,
            amplitudes=record.amplitudes,
            phases_rad=record.phases_rad,
        )[0]


class RandKSpaceSpikesd(RandomKerneld):
    """Dictionary form of :class:`RandKSpaceSpikes`; all keys share one draw."""

    array_class: ClassVar[type[RandomKernel]] = RandKSpaceSpikes
