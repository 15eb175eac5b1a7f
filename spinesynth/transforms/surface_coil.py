"""Surface coil: signal that falls off from the patient's back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from spinesynth.kernels.fields import apply_surface_coil
from spinesynth.transforms.base import (
    RandomKernel,
    RandomKerneld,
    Record,
    check_range,
    check_spacing,
    is_whole,
    spacing_per_axis,
)
from spinesynth.transforms.encoding_axis import check_axis, resolve_axis


@dataclass(frozen=True)
class SurfaceCoilRecord(Record):
    """Drawn fall-off: decay distance in mm and the sensitivity far away."""

    decay_mm: float
    floor: float


class RandSurfaceCoil(RandomKernel):
    """Let the signal fall off along the anterior axis, as behind a spine coil.

    Args:
        decay_mm: range of the distance over which sensitivity falls to 1/e
            (spine arrays see about 100 mm deep; nominal).
        floor: range of the sensitivity that remains far from the coil.
        spacing_mm: voxel size along the anterior axis, or of every axis.
        axis: axis of ``data`` that points anterior; by default the last but one,
            as in canonical slices ``(C, J, K)`` and volumes ``(C, I, J, K)``. 0 holds
            the channels and is refused.
        prob: probability of acting.

    Shape:
        ``(C, *spatial)`` float; kept.

    Source:
        Roemer et al. 1990, MRM 16:192 (sensitivity of surface-coil arrays).

    Example:
        >>> import torch
        >>> coil = RandSurfaceCoil(decay_mm=(50, 50), floor=(0, 0)).set_random_state(0)
        >>> round(float(coil(torch.ones(1, 51, 4))[0, 50, 0]), 4)
        0.3679
    """

    record_class: ClassVar[type[Record]] = SurfaceCoilRecord

    def __init__(
        self,
        decay_mm: tuple[float, float] = (60.0, 250.0),
        *,
        floor: tuple[float, float] = (0.0, 0.4),
        spacing_mm: float | Sequence[float] = 1.0,
        axis: int = -2,
        prob: float = 1.0,
    ) -> None:
        super().__init__(prob)
        check_range("decay_mm", decay_mm, low=1e-3, high=float("inf"))
        check_range("floor", floor, low=0, high=1)
        check_spacing("spacing_mm", spacing_mm)
        if not is_whole(axis):
            raise ValueError(f"axis must be a whole number, got {axis!r}")
        check_axis("axis", axis)
        self.decay_mm, self.floor, self.spacing_mm, self.axis = decay_mm, floor, spacing_mm, axis

    def draw(self, data: Tensor) -> SurfaceCoilRecord:
        """Draw decay distance and floor; short decays are as likely as long ones per octave."""
        low, high = self.decay_mm
        decay = low if low == high else low * (high / low) ** self.R.rand()
        return SurfaceCoilRecord(self.draw_seed(), float(decay), self.uniform(self.floor))

    def apply(self, data: Tensor, record: SurfaceCoilRecord) -> Tensor:
        """Apply the fall-off of a record."""
        axis = resolve_axis("axis", self.axis, data.ndim)
        spacing_mm = spacing_per_axis(self.spacing_mm, data.ndim - 1)
        return apply_surface_coil(
            data[None].float(),
            record.decay_mm,
            axis=axis,
            spacing_mm=spacing_mm[axis],
            floor=record.floor,
        )[0]


class RandSurfaceCoild(RandomKerneld):
    """Dictionary form of :class:`RandSurfaceCoil`."""

    array_class: ClassVar[type[RandomKernel]] = RandSurfaceCoil
