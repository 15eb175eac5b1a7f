"""Gibbs ringing of an acquisition that covers only the centre of k-space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from torch import Tensor

from spinesynth.kernels.truncation import truncate_kspace
from spinesynth.transforms.base import RandomKernel, RandomKerneld, Record, as_list, check_range
from spinesynth.transforms.encoding_axis import check_axis, resolve_axis

#: How the kept part of k-space is weighted.
TruncationWindow = Literal["none", "hamming", "random"]


@dataclass(frozen=True)
class TruncationRecord(Record):
    """Drawn truncation: part of k-space kept along each axis, and the window."""

    fractions: tuple[float, ...]
    axes: tuple[int, ...]
    window: str


class RandTruncation(RandomKernel):
    """Keep the central part of k-space and zero-fill the rest: Gibbs ringing.

    Args:
        fraction: range, in (0, 1], of the part of the lines that is kept, drawn
            for each axis; 1 leaves the axis as it is, whatever the window.
        axes: axes of ``data`` to truncate; by default the image plane.
        window: ``"none"`` rings most (a step overshoots by 8.95 %),
            ``"hamming"`` apodises as scanners' filters do, ``"random"`` draws
            one of the two.
        prob: probability of acting.

    Shape:
        ``(C, *spatial)`` float >= 0, two or three spatial axes; kept.

    Source:
        Czervionke et al. 1988, AJNR 9:815 (truncation artefacts of the spine).

    Example:
        >>> import torch
        >>> ring = RandTruncation((0.5, 0.5), window="none").set_random_state(0)
        >>> ring(torch.rand(1, 16, 16)).shape
        torch.Size([1, 16, 16])
    """

    record_class: ClassVar[type[Record]] = TruncationRecord

    def __init__(
        self,
        fraction: tuple[float, float] = (0.5, 1.0),
        *,
        axes: Sequence[int] = (-2, -1),
        window: TruncationWindow = "random",
        prob: float = 1.0,
    ) -> None:
        super().__init__(prob)
        check_range("fraction", fraction, low=1e-3, high=1)
        if not 0 < len(set(as_list(axes))) == len(as_list(axes)):
            raise ValueError(f"axes must list one or more different axes, got {axes!r}")
        for axis in axes:
            check_axis("axes", axis)
        if window not in get_args(TruncationWindow):
            raise ValueError(f"window must be one of {get_args(TruncationWindow)}, got {window!r}")
        self.fraction, self.axes, self.window = fraction, tuple(axes), window

    def draw(self, data: Tensor) -> TruncationRecord:
        """Draw the part that is kept along each axis, and the window."""
        axes = tuple(resolve_axis("axes", axis, data.ndim) for axis in self.axes)
        fractions = tuple(self.uniform(self.fraction) for _ in axes)
        drawn = "hamming" if self.R.rand() < 0.5 else "none"
        window = drawn if self.window == "random" else self.window
        return TruncationRecord(self.draw_seed(), fractions, axes, window)

    def apply(self, data: Tensor, record: TruncationRecord) -> Tensor:
        """Truncate as a record says."""
        return truncate_kspace(
            data[None].float(),
            record.fractions,
            axes=record.axes,
            hamming=record.window == "hamming",
        )[0]


class RandTruncationd(RandomKerneld):
    """Dictionary form of :class:`RandTruncation`; all keys share one draw."""

    array_class: ClassVar[type[RandomKernel]] = RandTruncation
