"""Contrast from measured maps: a real turbo spin echo at a random TR and TE (SynthMRI)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from monai.config.type_definitions import KeysCollection
from torch import Tensor

from spinesynth.kernels.measured_maps import SWITCH_TE_MS, synthesize_tse
from spinesynth.transforms.base import (
    RandomKernel,
    RandomKerneld,
    Record,
    as_plain,
    check_range,
    is_number,
    rewrap,
)

_T1, _T2, _PD_T1W, _PD_T2W = range(4)


@dataclass(frozen=True)
class SynthMRIRecord(Record):
    """Drawn protocol, and the channel of the PD map that it is synthesised from."""

    tr_ms: float
    te_ms: float
    pd_channel: int


class RandSynthMRI(RandomKernel):
    """Synthesise a turbo spin echo of random TR and TE from measured maps.

    The maps are those that ``spinesynth qmri-prepare`` writes: T1, T2, and the proton
    density that :func:`~spinesynth.kernels.measured_maps.estimate_pd` finds in a real
    T1-weighted and a real T2-weighted TSE. Echo times below ``switch_te_ms`` take the
    PD map of the first, others that of the second; one alone serves all of them. At the
    TR and TE of its TSE, a PD map gives that TSE back.

    Args:
        tr_ms: range of the repetition time, above 0.
        te_ms: range of the echo time, above 0 and below the shortest TR.
        switch_te_ms: echo time from which the PD map of the T2-weighted TSE is taken.
        prob: must be 1; maps that nothing is synthesised from are no image.

    Shape:
        ``(4, *spatial)`` float: T1 in ms, T2 in ms, PD of the T1-weighted and of the
        T2-weighted TSE, or ``(3, *spatial)`` with either PD alone, to ``(1, *spatial)``
        in the units of the TSE; zero where T1 or T2 is zero or less (not measured).

    Source:
        The thesis among the project's requirements, section on SynthMRI, equation 6 and
        figure 1: TR 200 to 3000 ms, TE 5 to 100 ms, switched at 50 ms.

    Example:
        >>> import torch
        >>> maps = torch.tensor([800.0, 60.0, 1.0, 1.0]).reshape(4, 1, 1)
        >>> synthesise = RandSynthMRI().set_random_state(0)
        >>> synthesise(maps.expand(4, 8, 8)).shape
        torch.Size([1, 8, 8])
        >>> 200 <= synthesise.record.tr_ms <= 3000 and 5 <= synthesise.record.te_ms <= 100
        True
    """

    record_class: ClassVar[type[Record]] = SynthMRIRecord

    def __init__(
        self,
        tr_ms: tuple[float, float] = (200.0, 3000.0),
        *,
        te_ms: tuple[float, float] = (5.0, 100.0),
        switch_te_ms: float = SWITCH_TE_MS,
        prob: float = 1.0,
    ) -> None:
        super().__init__(prob)
        if prob != 1:
            raise ValueError(f"prob must be 1 (maps alone are no image), got {prob}")
        check_range("tr_ms", tr_ms, low=1e-3, high=float("inf"))
        check_range("te_ms", te_ms, low=1e-3, high=float("inf"))
        if te_ms[1] >= tr_ms[0]:
            raise ValueError(f"te_ms must lie below tr_ms={tuple(tr_ms)}, got {tuple(te_ms)}")
        if not is_number(switch_te_ms) or not switch_te_ms >= 0:
            raise ValueError(f"switch_te_ms must be at least 0, got {switch_te_ms!r}")
        self.tr_ms, self.te_ms, self.switch_te_ms = tr_ms, te_ms, switch_te_ms

    def draw(self, data: Tensor) -> SynthMRIRecord:
        """Draw TR and TE, and choose the PD map by the echo time."""
        if len(data) not in (_PD_T1W + 1, _PD_T2W + 1):
            raise ValueError(
                "maps must have 4 channels (T1, T2, PD of the T1-weighted, PD of the T2-weighted "
                f"TSE), or 3 with one PD alone, got shape {tuple(data.shape)}"
            )
        seed, tr_ms, te_ms = self.draw_seed(), self.uniform(self.tr_ms), self.uniform(self.te_ms)
        takes_t2w = len(data) > _PD_T2W and te_ms >= self.switch_te_ms
        return SynthMRIRecord(seed, tr_ms, te_ms, _PD_T2W if takes_t2w else _PD_T1W)

    def apply(self, data: Tensor, record: SynthMRIRecord) -> Tensor:
        """Synthesise at the TR and TE of a record."""
        if record.pd_channel >= len(data):
            raise ValueError(
                f"maps must have the channel {record.pd_channel} that the record takes its proton "
                f"density from, got shape {tuple(data.shape)}"
            )
        maps = data if data.is_floating_point() else data.float()
        t1_ms, t2_ms, pd = (maps[None, n : n + 1] for n in (_T1, _T2, record.pd_channel))
        return synthesize_tse(pd, t1_ms, t2_ms, tr_ms=record.tr_ms, te_ms=record.te_ms)[0]


class RandSynthMRId(RandomKerneld):
    """Dictionary form of :class:`RandSynthMRI`.

    Args:
        keys: keys of the maps, each ``(1, *spatial)``, in the order of the channels: T1,
            T2, PD of the T1-weighted TSE, PD of the T2-weighted TSE, or T1, T2 and one
            PD; or the one key of all maps in channels.
        image_key: key under which the image is put.
        allow_missing_keys: let samples lack one PD map, or all of the maps, which leaves
            them as they are; T1 or T2 alone is still an error.
        **parameters: those of :class:`RandSynthMRI`.
    """

    array_class: ClassVar[type[RandomKernel]] = RandSynthMRI

    def __init__(
        self,
        keys: KeysCollection = ("t1_ms", "t2_ms", "pd_t1w", "pd_t2w"),
        *,
        image_key: str = "image",
        allow_missing_keys: bool = False,
        **parameters: Any,  # noqa: ANN401  # those of array_class
    ) -> None:
        super().__init__(keys, allow_missing_keys=allow_missing_keys, **parameters)
        self.image_key = image_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Put the synthesised image beside the maps."""
        result = dict(data)
        present = list(self.key_iterator(result))
        if not present:
            return result
        lacking = [key for key in self.keys[: _T2 + 1] if key not in present]
        if lacking:
            raise KeyError(f"T1 and T2 must be in every sample with maps, but {lacking} is not")
        result[self.image_key] = self.transform(_stack([result[key] for key in present]))
        return result


def _stack(maps: Sequence[Tensor | np.ndarray]) -> Tensor:
    """Return the maps as channels, with the metadata of the first."""
    shapes = [tuple(one.shape) for one in maps]
    if len({shape[1:] for shape in shapes}) > 1:
        raise ValueError(f"maps must lie on one grid, got shapes {shapes}")
    return rewrap(torch.cat([as_plain(one) for one in maps]), maps[0])
