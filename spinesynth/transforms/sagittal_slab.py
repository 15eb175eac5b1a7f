"""Cut a thick sagittal slice from a volume, as the thin layers that it averages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.transforms.base import RandomKernel, RandomKerneld, Record, check_range, rewrap
from spinesynth.transforms.sagittal_slice import draw_slice

_WIDEST_MM = 50.0


@dataclass(frozen=True)
class SlabRecord(Record):
    """Drawn middle layer along the first spatial axis, and layers on either side of it."""

    index: int
    beside: int


class RandSagittalSlab(RandomKernel):
    """Cut the thin layers of one thick sagittal slice from a volume.

    A slice of 4 mm shows the mean of what lies within 4 mm: at the side of a body,
    bone and muscle in one pixel. :class:`RandSynthesizeMRId` paints each layer and
    averages them; the label is that of the middle layer.

    Args:
        thickness_mm: range from which the thickness is drawn; the number of layers is
            odd, the nearest to thickness over voxel size. Beyond the ends of the
            volume its outermost layer is repeated.
        any_slice_prob: probability in [0, 1] of drawing the middle layer among all
            layers rather than among those that hold a label.
        spacing_mm: voxel size across the layers; a MetaTensor's own comes first.
        prob: must be 1; the shape of the output does not depend on luck.

    Shape:
        ``(C, I, J, K)`` to ``(C, n, J, K)``, n odd; a MetaTensor keeps its voxel size and place.

    Source:
        slice thickness of lumbar protocols, 3 to 5 mm: van der Graaf et al. 2024,
        doi 10.1038/s41597-024-03090-w.

    Example:
        >>> import torch
        >>> slab = RandSagittalSlab((5, 5), spacing_mm=1).set_random_state(0)
        >>> slab(torch.ones(1, 9, 4, 5)).shape
        torch.Size([1, 5, 4, 5])
    """

    record_class: ClassVar[type[Record]] = SlabRecord
    takes_codes: ClassVar[bool] = True

    def __init__(
        self,
        thickness_mm: tuple[float, float] = (0.0, 5.0),
        *,
        any_slice_prob: float = 0.05,
        spacing_mm: float = 1.0,
        prob: float = 1.0,
    ) -> None:
        super().__init__(prob)
        check_range("thickness_mm", thickness_mm, low=0, high=_WIDEST_MM)
        if not 0 <= any_slice_prob <= 1:
            raise ValueError(f"any_slice_prob must be in [0, 1], got {any_slice_prob}")
        if not 0 < spacing_mm < float("inf"):
            raise ValueError(f"spacing_mm must be finite and > 0, got {spacing_mm}")
        if prob != 1:
            raise ValueError(f"prob must be 1 (a volume is no slice), got {prob}")
        self.thickness_mm, self.any_slice_prob = thickness_mm, any_slice_prob
        self.spacing_mm = self._step_mm = spacing_mm

    def draw(self, data: Tensor) -> SlabRecord:
        """Draw the middle layer among labelled ones, or among all, and the thickness."""
        seed = self.draw_seed()
        index = draw_slice(data, any_slice_prob=self.any_slice_prob, state=self.R)
        layers = self.uniform(self.thickness_mm) / self._step_mm
        return SlabRecord(seed, index, max(0, round((layers - 1) / 2)))

    def apply(self, data: Tensor, record: SlabRecord) -> Tensor:
        """Cut the layers of a record."""
        layers = torch.arange(record.index - record.beside, record.index + record.beside + 1)
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
        affine[:3, 3] += (record.index - record.beside) * affine[:3, 0]
        return rewrap(result, data, affine=affine)


class RandSagittalSlabd(RandomKerneld):
    """Dictionary form of :class:`RandSagittalSlab`: the same layers for all keys.

    The first key, usually the structure map, decides which slices hold a label.
    """

    array_class: ClassVar[type[RandomKernel]] = RandSagittalSlab
