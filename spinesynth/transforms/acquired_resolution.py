"""Resolution of the acquisition: thick slices and coarse pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from spinesynth.kernels.resolution import degrade_resolution
from spinesynth.transforms.base import (
    RandomKernel,
    RandomKerneld,
    Record,
    check_range,
    spacing_per_axis,
)


@dataclass(frozen=True)
class ResolutionRecord(Record):
    """Drawn voxel size in mm along each spatial axis."""

    resolution_mm: tuple[float, ...]


class RandAcquiredResolution(RandomKernel):
    """Acquire with larger voxels (blur by the profile, sample) and interpolate back.

    Args:
        resolution_mm: range of the acquired voxel size in mm.
        spacing_mm: voxel size of the input, one number for all axes or one each.
        thick_axis_prob: probability that one random axis alone is coarse, as in
            stacks of thick slices; otherwise the axes share one voxel size.
        prob: probability of acting.

    Shape:
        ``(C, *spatial)`` float; kept, and centred on the input.

    Source:
        Billot et al. 2020, MIDL (partial-volume-aware acquisition); Gaussian
        slice profile whose full width at half maximum is the voxel.

    Example:
        >>> import torch
        >>> coarse = RandAcquiredResolution((3.0, 3.0)).set_random_state(0)
        >>> coarse(torch.rand(1, 32, 32)).shape
        torch.Size([1, 32, 32])
    """

    record_class: ClassVar[type[Record]] = ResolutionRecord

    def __init__(
        self,
        resolution_mm: tuple[float, float] = (1.0, 4.0),
        *,
        spacing_mm: float | Sequence[float] = 1.0,
        thick_axis_prob: float = 0.3,
        prob: float = 1.0,
    ) -> None:
        super().__init__(prob)
        check_range("resolution_mm", resolution_mm, low=1e-3, high=float("inf"))
        check_range("thick_axis_prob", (0, thick_axis_prob), low=0, high=1)
        self.resolution_mm, self.spacing_mm = resolution_mm, spacing_mm
        self.thick_axis_prob = thick_axis_prob

    def draw(self, data: Tensor) -> ResolutionRecord:
        """Draw the acquired voxel size of each axis."""
        axes = data.ndim - 1
        size = self.uniform(self.resolution_mm)
        alone, axis = self.R.rand() < self.thick_axis_prob, int(self.R.randint(axes))
        seed = self.draw_seed()
        fine = self.resolution_mm[0]
        sizes = tuple(size if not alone or n == axis else fine for n in range(axes))
        return ResolutionRecord(seed, sizes)

    def apply(self, data: Tensor, record: ResolutionRecord) -> Tensor:
        """Acquire at the voxel size of a record; finer than the input changes nothing."""
        spacing = spacing_per_axis(self.spacing_mm, data.ndim - 1)
        factor = [max(1.0, r / s) for r, s in zip(record.resolution_mm, spacing, strict=True)]
        return degrade_resolution(data[None].float(), factor)[0]


class RandAcquiredResolutiond(RandomKerneld):
    """Dictionary form of :class:`RandAcquiredResolution`."""

    array_class: ClassVar[type[RandomKernel]] = RandAcquiredResolution
