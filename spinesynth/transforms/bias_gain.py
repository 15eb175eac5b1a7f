"""Receive bias: a smooth multiplicative field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from spinesynth.kernels.fields import apply_bias_field
from spinesynth.transforms.base import RandomKernel, RandomKerneld, Record, check_count, check_range


@dataclass(frozen=True)
class BiasRecord(Record):
    """Drawn bias: strength of the log field and nodes along each axis."""

    strength: float
    nodes: int


class RandBiasGain(RandomKernel):
    """Multiply an image by exp of a smooth random field, as coils leave it.

    The field is SynthSeg's: its logarithm is normal at few nodes and smooth
    between them (cubic B-splines here, trilinear there).

    Args:
        strength: range of the standard deviation of the log field at its nodes;
            SynthSeg draws from (0, 0.5).
        nodes: nodes along each axis, at least 2; SynthSeg uses 4.
        prob: probability of acting.

    Shape:
        ``(C, *spatial)`` float, two or three spatial axes; kept.

    Source:
        Billot et al. 2023, Medical Image Analysis 86:102789.

    Example:
        >>> import torch
        >>> bias = RandBiasGain(strength=(0.3, 0.3)).set_random_state(0)
        >>> bias(torch.ones(1, 8, 8)).shape
        torch.Size([1, 8, 8])
    """

    record_class: ClassVar[type[Record]] = BiasRecord

    def __init__(
        self, strength: tuple[float, float] = (0.0, 0.5), *, nodes: int = 4, prob: float = 1.0
    ) -> None:
        super().__init__(prob)
        check_range("strength", strength, low=0, high=5)
        check_count("nodes", nodes, low=2)
        self.strength, self.nodes = strength, nodes

    def draw(self, data: Tensor) -> BiasRecord:
        """Draw the strength of the field."""
        return BiasRecord(self.draw_seed(), self.uniform(self.strength), self.nodes)

    def apply(self, data: Tensor, record: BiasRecord) -> Tensor:
        """Multiply by the field of a record."""
        shape = (1, 1, *[record.nodes] * (data.ndim - 1))
        nodes = record.strength * torch.randn(shape, generator=record.generator())
        return apply_bias_field(data[None].float(), nodes.to(data.device))[0]


class RandBiasGaind(RandomKerneld):
    """Dictionary form of :class:`RandBiasGain`; all keys share one field."""

    array_class: ClassVar[type[RandomKernel]] = RandBiasGain
