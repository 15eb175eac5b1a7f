"""Cut thick sagittal slices from a volume, as the thin layers that they average."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.transforms.base import (
    RandomKernel,
    RandomKerneld,
    Record,
    as_plain,
    check_number,
    check_range,
    check_spacing,
    is_number,
    is_whole,
    rewrap,
)
from spinesynth.transforms.sagittal_slice import check_slice_draw, draw_slice

_WIDEST_MM = 50.0
_WIDEST_GAP = 10.0


def check_odd(name: str, value: int) -> None:
    """Raise unless a value is an odd number of at least 1."""
    if not is_whole(value) or value < 1 or value % 2 == 0:
        raise ValueError(f"{name} must be an odd number >= 1, got {value!r}")


def neighbour_step(distance_mm: float, step_mm: float) -> int:
    """Return how many layers of ``step_mm`` lie nearest to a distance, at least one."""
    return max(1, round(distance_mm / step_mm))


@dataclass(frozen=True)
class SlabRecord(Record):
    """Drawn middle layer along the first spatial axis, and those on either side of it.

    ``beside`` is their number on each side, ``stride`` their distance in layers;
    ``slices`` lie side by side, ``apart`` layers from middle to middle.
    """

    index: int
    beside: int
    stride: int = 1
    slices: int = 1
    apart: int = 0


class RandSagittalSlab(RandomKernel):
    """Cut the thin layers of one thick slice, and of its neighbours, from a volume.

    A slice of 4 mm shows the mean of what lies within 4 mm: at the side of a body,
    bone and muscle in one pixel. :class:`RandSynthesizeMRId` paints each layer and
    averages them; the label is that of the middle layer. A network that sees the
    slices on either side too (2.5D) tells the side of a body from muscle.

    Args:
        thickness_mm: range from which the thickness is drawn; the number of layers is
            odd, the nearest to thickness over voxel size. Beyond the ends of the
            volume its outermost layer is repeated.
        most_layers: odd; a thicker slice is represented by so many, evenly spread.
        slices: odd; how many slices to cut, the drawn one and as many on each side.
        gap: range of the gap between slices, relative to their thickness.
        least_distance_mm: slices closer than that to each other, from middle to middle,
            show the same: it is kept, and at least one layer.
        any_slice_prob: probability in [0, 1] of drawing the middle layer among all
            layers rather than among those that hold a label.
        area_power: in [0, 1]; a layer with a label is as likely as its labelled area to
            this power, 0 makes all of them alike.
        ignored_codes: codes that count as no label there, such as one for "unknown".
        spacing_mm: voxel size across the layers; a MetaTensor's own comes first.
        prob: must be 1; a volume is no slice.

    Shape:
        ``(C, I, J, K)`` to ``(C, slices x n, J, K)``, n odd, slice after slice; the
        affine is that of the first slice's layers.

    Source:
        slice thickness of lumbar protocols, 3 to 5 mm: van der Graaf et al. 2024,
        doi 10.1038/s41597-024-03090-w; gap and least distance are nominal.

    Example:
        >>> import torch
        >>> slab = RandSagittalSlab((3, 3), spacing_mm=1).set_random_state(0)
        >>> slab(torch.ones(1, 9, 4, 5)).shape
        torch.Size([1, 3, 4, 5])
    """

    record_class: ClassVar[type[Record]] = SlabRecord
    takes_codes: ClassVar[bool] = True

    def __init__(
        self,
        thickness_mm: tuple[float, float] = (0.0, 5.0),
        *,
        most_layers: int = 3,
        slices: int = 1,
        gap: tuple[float, float] = (0.0, 0.25),
        least_distance_mm: float = 2.0,
        any_slice_prob: float = 0.05,
        area_power: float = 0.0,
        ignored_codes: Sequence[int] = (),
        spacing_mm: float = 1.0,
        prob: float = 1.0,
    ) -> None:
        super().__init__(prob)
        check_range("thickness_mm", thickness_mm, low=0, high=_WIDEST_MM)
        check_range("gap", gap, low=0, high=_WIDEST_GAP)
        check_odd("most_layers", most_layers)
        check_odd("slices", slices)
        check_number("least_distance_mm", least_distance_mm, low=0, high=_WIDEST_MM)
        check_slice_draw(any_slice_prob, area_power)
        if not is_number(spacing_mm):
            raise ValueError(f"spacing_mm must be one number, finite and > 0, got {spacing_mm!r}")
        check_spacing("spacing_mm", spacing_mm)
        if prob != 1:
            raise ValueError(f"prob must be 1 (a volume is no slice), got {prob}")
        self.thickness_mm = thickness_mm
        self.any_slice_prob, self.area_power = any_slice_prob, area_power
        self.ignored_codes = tuple(ignored_codes)
        self.most_layers, self.slices = most_layers, slices
        self.gap, self.least_distance_mm = gap, least_distance_mm
        self.spacing_mm = self._step_mm = spacing_mm

    def draw(self, data: Tensor) -> SlabRecord:
        """Draw the middle layer among labelled ones, or among all, and the thickness."""
        seed = self.draw_seed()
        index = draw_slice(
            data,
            any_slice_prob=self.any_slice_prob,
            state=self.R,
            area_power=self.area_power,
            ignored_codes=self.ignored_codes,
        )
        thickness_mm = self.uniform(self.thickness_mm)
        beside = max(0, round((thickness_mm / self._step_mm - 1) / 2))  # all within it
        kept = min(beside, self.most_layers // 2)
        stride = max(1, round((2 * beside + 1) / (2 * kept + 1)))
        if self.slices == 1:
            return SlabRecord(seed, index, kept, stride)
        adjoining_mm = thickness_mm * (1 + self.uniform(self.gap))
        apart = neighbour_step(max(adjoining_mm, self.least_distance_mm), self._step_mm)
        return SlabRecord(seed, index, kept, stride, self.slices, apart)

    def apply(self, data: Tensor, record: SlabRecord) -> Tensor:
        """Cut the layers of a record."""
        offsets = torch.arange(-record.beside, record.beside + 1) * record.stride
        middles = (torch.arange(record.slices) - record.slices // 2) * record.apart
        layers = (record.index + middles[:, None] + offsets).flatten()
        return data.index_select(1, layers.clamp_(0, data.shape[1] - 1).to(data.device))

    def __call__(self, data: Tensor | np.ndarray, randomize: bool = True) -> Tensor:
        """Cut a slab; the affine of the result begins at its first layer."""
        self._step_mm = self.spacing_mm
        if not isinstance(data, MetaTensor):
            return super().__call__(data, randomize)
        self._step_mm = float(data.pixdim[-3])
        result, record = super().__call__(data, randomize), self.record
        assert isinstance(record, SlabRecord)  # prob is 1, so there is always one
        affine = data.affine.clone()
        before = record.beside * record.stride + record.slices // 2 * record.apart
        affine[:3, 3] += (record.index - before) * affine[:3, 0]
        affine[:3, 0] *= record.stride
        return rewrap(result, data, affine=affine)


class RandSagittalSlabd(RandomKerneld):
    """Dictionary form of :class:`RandSagittalSlab`: the same layers for all keys.

    The first key, usually the structure map, decides which slices hold a label.
    """

    array_class: ClassVar[type[RandomKernel]] = RandSagittalSlab


def layers_as_channels(slab: Tensor, *, middle: bool) -> Tensor:
    """Return ``(n, J, K)`` of a slab ``(1, n, J, K)``, or ``(1, J, K)`` of its middle layer.

    A MetaTensor keeps its in-plane affine; a slab of several channels is returned as it is.
    """
    if slab.shape[0] != 1:
        return slab
    plain = as_plain(slab)[0]
    plain = plain[len(plain) // 2][None] if middle else plain
    if not isinstance(slab, MetaTensor):
        return plain
    spacing = [float(step) for step in slab.pixdim[-2:]]
    return MetaTensor(plain, affine=torch.diag(torch.tensor([*spacing, 1.0], dtype=torch.float64)))
