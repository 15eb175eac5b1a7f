"""Cut one sagittal slice from volumes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.transforms.base import RandomKernel, RandomKerneld, Record, as_plain, check_number
from spinesynth.transforms.spatial import RandomSpatial


@dataclass(frozen=True)
class SliceRecord(Record):
    """Drawn slice index along the first spatial axis."""

    index: int


def draw_slice(
    data: Tensor,
    *,
    any_slice_prob: float,
    state: np.random.RandomState,
    area_power: float = 0.0,
    ignored_codes: Sequence[int] = (),
) -> int:
    """Draw a slice of the first spatial axis that holds a label, now and then any.

    Args:
        data: ``(C, I, J, K)`` label map; without any label all slices are alike.
        any_slice_prob: probability in [0, 1] of drawing among all slices, all alike.
        state: random state to draw from.
        area_power: a slice with a label is as likely as its labelled area to this power;
            0 makes all of them alike.
        ignored_codes: codes that count as no label.
    """
    for code in ignored_codes:
        data = data.masked_fill(data == code, 0)
    labelled = torch.nonzero(data.flatten(2).any(-1).any(0)).flatten().tolist()
    if not labelled or state.rand() < any_slice_prob:
        labelled = list(range(data.shape[1]))
    elif area_power > 0:
        # only where it is needed, and by numpy, which counts large maps faster
        held = data.cpu().numpy().any(0).reshape(data.shape[1], -1)
        area = torch.from_numpy(np.count_nonzero(held[labelled], axis=1))
        share = area.double().pow(area_power).cumsum(0)
        drawn = state.rand() * float(share[-1])
        return int(labelled[int((share <= drawn).sum())])
    return int(labelled[state.randint(len(labelled))])


def check_slice_draw(any_slice_prob: float, area_power: float) -> None:
    """Raise unless the parameters of :func:`draw_slice` are possible."""
    check_number("any_slice_prob", any_slice_prob, low=0, high=1)
    check_number("area_power", area_power, low=0, high=1)


class RandSagittalSlice(RandomSpatial):
    """Cut one slice ``(C, J, K)`` from a canonical volume ``(C, I, J, K)``.

    Slices are drawn among those of the first array that hold a label; a share of
    the draws takes any slice, so that empty ones are seen too.

    Args:
        any_slice_prob: probability in [0, 1] of drawing among all slices.
        area_power: in [0, 1]; a slice with a label is as likely as its labelled area to
            this power. 0 makes all of them alike; in volumes much wider than the spine
            most of them then show tips of processes.
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

    def __init__(
        self, any_slice_prob: float = 0.05, *, area_power: float = 0.0, prob: float = 1.0
    ) -> None:
        super().__init__(prob)
        check_slice_draw(any_slice_prob, area_power)
        if prob != 1:
            raise ValueError(f"prob must be 1 (a volume is no slice), got {prob}")
        self.any_slice_prob, self.area_power = any_slice_prob, area_power
        self._spacing_mm: list[float] | None = None

    def draw(self, data: Tensor) -> SliceRecord:
        """Draw the index among labelled slices, or among all."""
        seed = self.draw_seed()
        index = draw_slice(
            data,
            any_slice_prob=self.any_slice_prob,
            state=self.R,
            area_power=self.area_power,
        )
        return SliceRecord(seed, index)

    def apply(self, data: Tensor, record: SliceRecord) -> Tensor:
        """Cut the slice of a record."""
        return data[:, record.index].clone()

    def see(self, data: Tensor | np.ndarray) -> None:
        """Take the in-plane voxel size of an input from its affine."""
        self._spacing_mm = None
        if isinstance(data, MetaTensor):
            self._spacing_mm = [float(s) for s in data.pixdim[-2:]]

    def output_size(self, spatial: Sequence[int]) -> tuple[int, ...]:
        """Return the size of a slice."""
        return tuple(spatial[1:])

    def output_affine(self) -> Tensor | None:
        """Return the in-plane affine of the last input, None if it had none."""
        if self._spacing_mm is None:
            return None
        return torch.diag(torch.tensor([*self._spacing_mm, 1.0], dtype=torch.float64))

    def __call__(self, data: Tensor | np.ndarray, randomize: bool = True) -> Tensor:
        """Cut a slice; the affine of the result holds the anterior and superior axes."""
        self.see(data)
        result, affine = super().__call__(data, randomize), self.output_affine()
        return result if affine is None else MetaTensor(as_plain(result), affine=affine)


class RandSagittalSliced(RandomKerneld):
    """Dictionary form of :class:`RandSagittalSlice`: one index for all keys.

    The first key, usually the structure map, decides which slices hold a label.
    """

    array_class: ClassVar[type[RandomKernel]] = RandSagittalSlice
