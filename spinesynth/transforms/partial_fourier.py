"""Asymmetric sampling of k-space along the phase-encoding axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from spinesynth.kernels.partial_fourier import apply_partial_fourier
from spinesynth.transforms.base import RandomKernel, RandomKerneld, Record, check_range
from spinesynth.transforms.encoding_axis import check_axis, draw_axis


@dataclass(frozen=True)
class PartialFourierRecord(Record):
    """Drawn sampling: part of the lines that is acquired, and their axis."""

    fraction: float
    axis: int


class RandPartialFourier(RandomKernel):
    """Acquire one side of k-space only in part and fill the rest with zeros.

    The reconstruction is the magnitude after zero filling, which blurs along the
    axis; scanners that estimate the missing lines (homodyne, projection onto
    convex sets) blur less.

    Args:
        fraction: range, in [0.5, 1], of the part of the lines that is acquired;
            1 acquires all. Clinical scans use 5/8 to 7/8 (nominal).
        axis: phase-encoding axis of ``data``; None draws one of the last two.
        prob: probability of acting.

    Shape:
        ``(C, *spatial)`` float >= 0, two or three spatial axes; kept.

    Source:
        McGibney et al. 1993, MRM 30:51.

    Example:
        >>> import torch
        >>> part = RandPartialFourier((0.6, 0.6)).set_random_state(0)
        >>> part(torch.rand(1, 16, 16)).shape
        torch.Size([1, 16, 16])
    """

    record_class: ClassVar[type[Record]] = PartialFourierRecord

    def __init__(
        self,
        fraction: tuple[float, float] = (0.55, 0.9),
        *,
        axis: int | None = None,
        prob: float = 1.0,
    ) -> None:
        super().__init__(prob)
        check_range("fraction", fraction, low=0.5, high=1)
        check_axis("axis", axis)
        self.fraction, self.axis = fraction, axis

    def draw(self, data: Tensor) -> PartialFourierRecord:
        """Draw the part that is acquired, and the axis."""
        axis = draw_axis("axis", self.axis, data.ndim, random_state=self.R)
        return PartialFourierRecord(self.draw_seed(), self.uniform(self.fraction), axis)

    def apply(self, data: Tensor, record: PartialFourierRecord) -> Tensor:
        """Drop the lines that a record leaves out."""
        return apply_partial_fourier(data[None].float(), record.fraction, axis=record.axis)[0]


class RandPartialFourierd(RandomKerneld):
    """Dictionary form of :class:`RandPartialFourier`; all keys share one draw."""

    array_class: ClassVar[type[RandomKernel]] = RandPartialFourier
