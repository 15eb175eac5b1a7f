"""Ghosts of breathing and pulsation along the phase-encoding axis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from torch import Tensor

from spinesynth.kernels.ghosting import (
    anterior_share,
    apply_periodic_ghosting,
    ghosting_weights,
)
from spinesynth.transforms.base import RandomKernel, RandomKerneld, Record, check_range, is_whole
from spinesynth.transforms.encoding_axis import check_axis, draw_axis, resolve_axis

#: What moves: all of the image, or the part that lies in front.
MovingRegion = Literal["all", "anterior"]


@dataclass(frozen=True)
class GhostingRecord(Record):
    """Drawn ghosts: a periodic change of signal and place along one axis."""

    amplitude: float
    displacement_vox: float
    cycles: float
    phase_rad: float
    axis: int
    anterior_fraction: float


class RandPeriodicGhosting(RandomKernel):
    """Repeat moving tissue along the phase-encoding axis, as breathing does.

    The lines are taken as acquired in order, edge to edge. ``n`` cycles in one
    acquisition put the ghosts ``n`` voxels away on both sides: breathing of 4 s
    in a scan of 160 s, 40 voxels. The mean of the complex image is kept.

    Args:
        amplitude: range, in [0, 0.99], of the relative change of signal; a ghost has
            half of it.
        cycles: range of the number of cycles in one acquisition, up to 1000.
        displacement_vox: range of the amplitude of the movement along the axis,
            whose ghosts show edges rather than areas.
        axis: phase-encoding axis of ``data``; None draws one of the last two.
        moving: ``"all"`` ghosts the whole image, ``"anterior"`` the part of it
            that lies in front, as the abdominal wall moves and the spine does not.
        anterior_fraction: range, in [0, 1], of the size of that part (nominal).
        anterior_axis: axis of ``data`` that points anterior; by default the last
            but one, as in canonical slices ``(C, J, K)`` and volumes ``(C, I, J, K)``.
        prob: probability of acting.

    Shape:
        ``(C, *spatial)`` float >= 0, two or three spatial axes; kept.

    Source:
        Wood and Henkelman 1986, Medical Physics 13:794, doi 10.1118/1.595851.

    Example:
        >>> import torch
        >>> ghost = RandPeriodicGhosting(amplitude=(0.2, 0.2)).set_random_state(0)
        >>> ghost(torch.rand(1, 16, 16)).shape
        torch.Size([1, 16, 16])
    """

    record_class: ClassVar[type[Record]] = GhostingRecord

    def __init__(
        self,
        amplitude: tuple[float, float] = (0.05, 0.3),
        *,
        cycles: tuple[float, float] = (4.0, 60.0),
        displacement_vox: tuple[float, float] = (0.0, 0.5),
        axis: int | None = None,
        moving: MovingRegion = "all",
        anterior_fraction: tuple[float, float] = (0.3, 0.5),
        anterior_axis: int = -2,
        prob: float = 1.0,
    ) -> None:
        super().__init__(prob)
        check_range("amplitude", amplitude, low=0, high=0.99)
        check_range("cycles", cycles, low=0, high=1000)
        check_range("displacement_vox", displacement_vox, low=0, high=1000)
        check_range("anterior_fraction", anterior_fraction, low=0, high=1)
        check_axis("axis", axis)
        if not is_whole(anterior_axis):
            raise ValueError(f"anterior_axis must be a whole number, got {anterior_axis!r}")
        check_axis("anterior_axis", anterior_axis)
        if moving not in get_args(MovingRegion):
            raise ValueError(f"moving must be one of {get_args(MovingRegion)}, got {moving!r}")
        self.amplitude, self.cycles, self.displacement_vox = amplitude, cycles, displacement_vox
        self.axis, self.anterior_axis, self.moving = axis, anterior_axis, moving
        self.anterior_fraction = anterior_fraction

    def draw(self, data: Tensor) -> GhostingRecord:
        """Draw the change, its frequency and phase, and the axis."""
        return GhostingRecord(
            self.draw_seed(),
            amplitude=self.uniform(self.amplitude),
            displacement_vox=self.uniform(self.displacement_vox),
            cycles=self.uniform(self.cycles),
            phase_rad=self.uniform((0.0, 2 * math.pi)),
            axis=draw_axis("axis", self.axis, data.ndim, random_state=self.R),
            anterior_fraction=self.uniform(self.anterior_fraction),
        )

    def apply(self, data: Tensor, record: GhostingRecord) -> Tensor:
        """Add the ghosts of a record."""
        if record.amplitude == 0 and record.displacement_vox == 0:
            return data.clone()
        weights = ghosting_weights(
            data.shape[record.axis],
            cycles=record.cycles,
            amplitude=record.amplitude,
            displacement_vox=record.displacement_vox,
            phase_rad=record.phase_rad,
        )
        moving = self._share(data, record.anterior_fraction) if self.moving == "anterior" else None
        return apply_periodic_ghosting(
            data[None].float(), weights, axis=record.axis, moving=moving
        )[0]

    def _share(self, data: Tensor, fraction: float) -> Tensor:
        axis = resolve_axis("anterior_axis", self.anterior_axis, data.ndim)
        share = anterior_share(data.shape[axis], fraction).to(data.device)
        return share.reshape([-1] + [1] * (-1 - axis))


class RandPeriodicGhostingd(RandomKerneld):
    """Dictionary form of :class:`RandPeriodicGhosting`; all keys share one draw."""

    array_class: ClassVar[type[RandomKernel]] = RandPeriodicGhosting
