"""Saturation band: the belly is made dark, so that its motion leaves no ghosts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from spinesynth.kernels.fields import apply_saturation_band
from spinesynth.transforms.base import (
    RandomKernel,
    RandomKerneld,
    Record,
    check_number,
    check_range,
    check_spacing,
    spacing_per_axis,
)


@dataclass(frozen=True)
class SaturationBandRecord(Record):
    """Drawn band: remaining signal, place of its edge, lean and width of the transition."""

    remaining: float
    edge: float
    lean_deg: float
    transition_mm: float


class RandSaturationBand(RandomKernel):
    """Darken what lies in front of an oblique line: an anterior saturation band.

    Sagittal protocols of the spine place such a band before the vertebral bodies;
    everything in front of it loses most of its signal.

    Args:
        remaining: range of the share of signal that remains in the band, in [0, 1].
        edge: range of the place where the band begins, as a share of the size of the
            anterior axis (0 posterior, 1 anterior).
        lean_deg: largest lean of its edge against the superior axis, below 90.
        transition_mm: range of the distance over which signal falls from 73 to 27 %
            of the way (nominal).
        spacing_mm: voxel size, one number or one for each axis.
        prob: probability of acting.

    Shape:
        ``(C, [I,] J, K)`` float of canonical axes (J anterior, K superior); kept.

    Source:
        Felmlee & Ehman 1987, Radiology 164:559 (spatial presaturation).

    Example:
        >>> import torch
        >>> band = RandSaturationBand((0, 0), edge=(0.5, 0.5), lean_deg=0).set_random_state(0)
        >>> dark = band(torch.ones(1, 100, 4))[0, :, 0]
        >>> round(float(dark[0]), 3), round(float(dark[-1]), 3)
        (1.0, 0.0)
    """

    record_class: ClassVar[type[Record]] = SaturationBandRecord

    def __init__(
        self,
        remaining: tuple[float, float] = (0.05, 0.5),
        *,
        edge: tuple[float, float] = (0.5, 1.0),
        lean_deg: float = 20.0,
        transition_mm: tuple[float, float] = (2.0, 6.0),
        spacing_mm: float | Sequence[float] = 1.0,
        prob: float = 1.0,
    ) -> None:
        super().__init__(prob)
        check_range("remaining", remaining, low=0, high=1)
        check_range("edge", edge, low=-1, high=2)
        check_number("lean_deg", lean_deg, low=0, high=89)
        check_range("transition_mm", transition_mm, low=1e-3, high=float("inf"))
        check_spacing("spacing_mm", spacing_mm)
        self.remaining, self.edge, self.lean_deg = remaining, edge, lean_deg
        self.transition_mm, self.spacing_mm = transition_mm, spacing_mm

    def draw(self, data: Tensor) -> SaturationBandRecord:
        """Draw what remains, and where the band begins."""
        return SaturationBandRecord(
            seed=self.draw_seed(),
            remaining=self.uniform(self.remaining),
            edge=self.uniform(self.edge),
            lean_deg=self.uniform((-self.lean_deg, self.lean_deg)),
            transition_mm=self.uniform(self.transition_mm),
        )

    def apply(self, data: Tensor, record: SaturationBandRecord) -> Tensor:
        """Apply the band of a record."""
        spacing_mm = spacing_per_axis(self.spacing_mm, data.ndim - 1)[-2:]
        return apply_saturation_band(
            data[None].float(),
            record.remaining,
            edge=record.edge,
            lean=math.tan(math.radians(record.lean_deg)),
            transition_mm=record.transition_mm,
            spacing_mm=spacing_mm,
        )[0]


class RandSaturationBandd(RandomKerneld):
    """Dictionary form of :class:`RandSaturationBand`."""

    array_class: ClassVar[type[RandomKernel]] = RandSaturationBand
