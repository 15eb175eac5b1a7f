"""Aliasing: a field of view smaller than the body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from torch import Tensor

from spinesynth.kernels.wrap_around import wrap_around
from spinesynth.transforms.base import RandomKernel, RandomKerneld, Record, check_range
from spinesynth.transforms.encoding_axis import check_axis, draw_axis

#: What is seen outside the field of view.
OutsideView = Literal["dark", "repeated"]


@dataclass(frozen=True)
class WrapAroundRecord(Record):
    """Drawn aliasing: size and place of the field of view, gain, axis."""

    fraction: float
    offset: float
    gain: float
    axis: int


class RandWrapAround(RandomKernel):
    """Fold what lies outside a smaller field of view over onto its other side.

    Only the image is folded: the label map stays as it is.

    Args:
        fraction: range, in [0.5, 1], of the field of view as part of the axis; 1
            folds nothing.
        offset: range, in [0, 1], of the part of the cut that lies before the
            field of view: 0 folds one end only, 0.5 both alike, 1 the other.
        gain: range, in [0, 1], of the sensitivity for folded tissue, which lies
            far from the coil.
        outside: ``"dark"`` moves the signal into the field of view and leaves
            zeros, so that a gain of 1 keeps the total; labels there lose their
            signal. ``"repeated"`` shows the periodic image on: everything keeps
            its signal and gets a fainter copy of the other end on top.
        axis: phase-encoding axis of ``data``; None draws one of the last two.
        prob: probability of acting.

    Shape:
        ``(C, *spatial)`` float >= 0, two or three spatial axes; kept.

    Source:
        Graves and Mitchell 2013, JMRI 38:269.

    Example:
        >>> import torch
        >>> fold = RandWrapAround((0.5, 0.5), offset=(0, 0), gain=(1, 1), axis=-1)
        >>> fold(torch.tensor([[[1.0, 2.0, 3.0, 4.0]]])).tolist()
        [[[4.0, 6.0, 0.0, 0.0]]]
    """

    record_class: ClassVar[type[Record]] = WrapAroundRecord

    def __init__(
        self,
        fraction: tuple[float, float] = (0.8, 0.95),
        *,
        offset: tuple[float, float] = (0.0, 1.0),
        gain: tuple[float, float] = (0.3, 1.0),
        outside: OutsideView = "dark",
        axis: int | None = None,
        prob: float = 1.0,
    ) -> None:
        super().__init__(prob)
        check_range("fraction", fraction, low=0.5, high=1)
        check_range("offset", offset, low=0, high=1)
        check_range("gain", gain, low=0, high=1)
        check_axis("axis", axis)
        if outside not in get_args(OutsideView):
            raise ValueError(f"outside must be one of {get_args(OutsideView)}, got {outside!r}")
        self.fraction, self.offset, self.gain = fraction, offset, gain
        self.axis, self.outside = axis, outside

    def draw(self, data: Tensor) -> WrapAroundRecord:
        """Draw the field of view, the gain and the axis."""
        return WrapAroundRecord(
            self.draw_seed(),
            fraction=self.uniform(self.fraction),
            offset=self.uniform(self.offset),
            gain=self.uniform(self.gain),
            axis=draw_axis("axis", self.axis, data.ndim, random_state=self.R),
        )

    def apply(self, data: Tensor, record: WrapAroundRecord) -> Tensor:
        """Fold as a record says."""
        size = data.shape[record.axis]
        kept = max(round(record.fraction * size), (size + 1) // 2)
        return wrap_around(
            data[None].float(),
            kept,
            start=round(record.offset * (size - kept)),
            gain=record.gain,
            axis=record.axis,
            dark=self.outside == "dark",
        )[0]


class RandWrapAroundd(RandomKerneld):
    """Dictionary form of :class:`RandWrapAround`; all keys share one draw."""

    array_class: ClassVar[type[RandomKernel]] = RandWrapAround
