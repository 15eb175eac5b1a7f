"""Cut a thick sagittal slice from a volume, as the thin layers that it averages."""

from __future__ import annotations

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
    check_range,
    is_whole,
    rewrap,
)
from spinesynth.transforms.sagittal_slice import draw_slice

_WIDEST_MM = 50.0


@dataclass(frozen=True)
class SlabRecord(Record):
    """Drawn middle layer along the first spatial axis, and those on either side of it.

    ``beside`` is their number on each side, ``stride`` their distance in layers.
    """

    index: int
    beside: int
    stride: int = 1


class RandSagittalSlab(RandomKernel):
    """Cut the thin layers of one thick sagittal slice from a volume.

    A slice of 4 mm shows the mean of what lies within 4 mm: at the side of a body,
    bone and muscle in one pixel. :class:`RandSynthesizeMRId` paints each layer and
    averages them; the label is that of the middle layer.

    Args:
        thickness_mm: range from which the thickness is drawn; the number of layers is
            odd, the nearest to thickness over voxel size. Beyond the ends of the
            volume its outermost layer is repeated.
        most_layers: odd; a thicker slice is represented by so many, evenly spread.
        any_slice_prob: probability in [0, 1] of drawing the middle layer among all
            layers rather than among those that hold a label.
        spacing_mm: voxel size across the layers; a MetaTensor's own comes first.
        prob: must be 1; a volume is no slice.

    Shape:
        ``(C, I, J, K)`` to ``(C, n, J, K)``, n odd; the affine is that of the layers.

    Source:
        slice thickness of lumbar protocols, 3 to 5 mm: van der Graaf et al. 2024,
        doi 10.1038/s41597-024-03090-w.

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
        any_slice_prob: float = 0.05,
        spacing_mm: float = 1.0,
        prob: float = 1.0,
    ) -> None:
        super().__init__(prob)
        check_range("thickness_mm", thickness_mm, low=0, high=_WIDEST_MM)
        if not is_whole(most_layers) or most_layers < 1 or most_layers % 2 == 0:
            raise ValueError(f"most_layers must be an odd number >= 1, got {most_layers!r}")
        if not 0 <= any_slice_prob <= 1:
            raise ValueError(f"any_slice_prob must be in [0, 1], got {any_slice_prob}")
        if not 0 < spacing_mm < float("inf"):
            raise ValueError(f"spacing_mm must be finite and > 0, got {spacing_mm}")
        if prob != 1:
            raise ValueError(f"prob must be 1 (a volume is no slice), got {prob}")
        self.thickness_mm, self.any_slice_prob = thickness_mm, any_slice_prob
        self.most_layers = most_layers
        self.spacing_mm = self._step_mm = spacing_mm

    def draw(self, data: Tensor) -> SlabRecord:
        """Draw the middle layer among labelled ones, or among all, and the thickness."""
        seed = self.draw_seed()
        index = draw_slice(data, any_slice_prob=self.any_slice_prob, state=self.R)
        within = self.uniform(self.thickness_mm) / self._step_mm
        beside = max(0, round((within - 1) / 2))  # of all layers within the thickness
        kept = min(beside, self.most_layers // 2)
        stride = max(1, round((2 * beside + 1) / (2 * kept + 1)))
        return SlabRecord(seed, index, kept, stride)

    def apply(self, data: Tensor, record: SlabRecord) -> Tensor:
        """Cut the layers of a record."""
        offsets = torch.arange(-record.beside, record.beside + 1) * record.stride
        layers = record.index + offsets
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
        affine[:3, 3] += (record.index - record.beside * record.stride) * affine[:3, 0]
        affine[:3, 0] *= record.stride
        return rewrap(result, data, affine=affine)


class RandSagittalSlabd(RandomKerneld):
    """Dictionary form of :class:`RandSagittalSlab`: the same layers for all keys.

    The first key, usually the structure map, decides which slices hold a label.
    """

    array_class: ClassVar[type[RandomKernel]] = RandSagittalSlab
