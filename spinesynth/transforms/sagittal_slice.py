"""Cut one sagittal slice from volumes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.transforms.base import RandomKernel, RandomKerneld, Record


@dataclass(frozen=True)
class SliceRecord(Record):
    """Drawn slice index along the first spatial axis."""

    index: int


class RandSagittalSlice(RandomKernel):
    """Cut one slice ``(C, J, K)`` from a canonical volume ``(C, I, J, K)``.

    Slices are drawn uniformly among those of the first array that hold a label;
    a share of the draws takes any slice, so that empty ones are seen too.

    Args:
        any_slice_prob: probability in [0, 1] of drawing among all slices.
        prob: must be 1; the shape of the output does not depend on luck.

    Shape:
        ``(C, I, J, K)`` to ``(C, J, K)``; a MetaTensor keeps a 3 by 3 in-plane affine.

    Source:
        plain indexing; the first spatial axis runs left to right.

    Example:
        >>> import torch
        >>> RandSagittalSlice().set_random_state(0)(torch.ones(1, 3, 4, 5)).shape
        torch.Size([1, 4, 5])
    """

    record_class: ClassVar[type[Record]] = SliceRecord

    def __init__(self, any_slice_prob: float = 0.05, *, prob: float = 1.0) -> None:
        super().__init__(prob)
        if not 0 <= any_slice_prob <= 1:
            raise ValueError(f"any_slice_prob must be in [0, 1], got {any_slice_prob}")
        if prob != 1:
            raise ValueError(f"prob must be 1 (a volume is no slice), got {prob}")
        self.any_slice_prob = any_slice_prob

    def draw(self, data: Tensor) -> SliceRecord:
        """Draw the index among labelled slices, or among all."""
        seed = self.draw_seed()
        labelled = torch.nonzero((data != 0).flatten(2).any(-1).any(0)).flatten().tolist()
        if not labelled or self.R.rand() < self.any_slice_prob:
            labelled = list(range(data.shape[1]))
        return SliceRecord(seed, int(labelled[self.R.randint(len(labelled))]))

    def apply(self, data: Tensor, record: SliceRecord) -> Tensor:
        """Cut the slice of a record."""
        return data[:, record.index].clone()

    def __call__(self, data: Tensor | np.ndarray, randomize: bool = True) -> Tensor:
        """Cut a slice; the affine of the result holds the anterior and superior axes."""
        result = super().__call__(data, randomize)
        if not isinstance(data, MetaTensor):
            return result
        sizes = [float(s) for s in data.pixdim[-2:]]
        affine = torch.diag(torch.tensor([*sizes, 1.0], dtype=torch.float64))
        plain = result.as_tensor() if isinstance(result, MetaTensor) else result
        return MetaTensor(plain, affine=affine)


class RandSagittalSliced(RandomKerneld):
    """Dictionary form of :class:`RandSagittalSlice`: one index for all keys.

    The first key, usually the structure map, decides which slices hold a label.
    """

    array_class: ClassVar[type[RandomKernel]] = RandSagittalSlice
