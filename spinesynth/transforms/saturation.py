"""Saturation: intensities clipped where a scan was exported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from spinesynth.kernels.intensity import saturate
from spinesynth.transforms.base import RandomKernel, RandomKerneld, Record, check_range


@dataclass(frozen=True)
class SaturationRecord(Record):
    """Drawn percentiles in [0, 100]."""

    high_percentile: float
    low_percentile: float


class RandSaturation(RandomKernel):
    """Clip intensities to percentiles of the voxels above the padding.

    Args:
        high_percentile: range of the percentile above which voxels are clipped;
            100 is neutral.
        low_percentile: range of the percentile below which voxels, padding among
            them, are lifted; 0 is neutral.
        prob: probability of acting.

    Shape:
        ``(C, *spatial)`` float; kept.

    Source:
        DICOM PS3.3, section C.11.2 (value-of-interest window: what lies outside is
        displayed, and by some exports stored, at its limits).

    Example:
        >>> import torch
        >>> clip = RandSaturation(high_percentile=(50, 50)).set_random_state(0)
        >>> clip(torch.arange(12.0).reshape(1, 3, 4)).max()
        tensor(6.)
    """

    record_class: ClassVar[type[Record]] = SaturationRecord

    def __init__(
        self,
        high_percentile: tuple[float, float] = (90.0, 100.0),
        *,
        low_percentile: tuple[float, float] = (0.0, 0.0),
        prob: float = 1.0,
    ) -> None:
        super().__init__(prob)
        check_range("high_percentile", high_percentile, low=0, high=100)
        check_range("low_percentile", low_percentile, low=0, high=100)
        if low_percentile[1] > high_percentile[0]:
            raise ValueError(
                "low_percentile must end below the start of high_percentile, "
                f"{high_percentile[0]}, got {tuple(low_percentile)}"
            )
        self.high_percentile, self.low_percentile = high_percentile, low_percentile

    def draw(self, data: Tensor) -> SaturationRecord:
        """Draw the percentiles."""
        seed = self.draw_seed()
        high, low = self.uniform(self.high_percentile), self.uniform(self.low_percentile)
        return SaturationRecord(seed, high, low)

    def apply(self, data: Tensor, record: SaturationRecord) -> Tensor:
        """Clip to the percentiles of a record."""
        return saturate(data.float(), record.high_percentile, low_percentile=record.low_percentile)


class RandSaturationd(RandomKerneld):
    """Dictionary form of :class:`RandSaturation`."""

    array_class: ClassVar[type[RandomKernel]] = RandSaturation
