"""What was read in a label map: vertebrae and discs with their levels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from spinesynth.postprocess.curve import SpineCurve
from spinesynth.postprocess.names import UNKNOWN

#: Codes of the instance map: SPIDER's, so that its scheme decodes it.
CANAL_INSTANCE, DISC_OFFSET = 100, 200
#: A level that is named with less confidence is a guess.
CONFIDENT = 0.5

Kind = Literal["vertebra", "disc", "canal", "sacrum"]


@dataclass(frozen=True)
class Level:
    """One vertebra, disc, the canal or the sacrum.

    Attributes:
        instance: its code in the instance map; 0 for the sacrum, which has none there.
        kind: ``vertebra``, ``disc``, ``canal`` or ``sacrum``.
        name: such as ``L5``, ``T12`` or ``L5-S1``; ``unknown`` if nothing tells; the kind
            itself for canal and sacrum.
        confidence: of the name, in [0, 1]; 0 if it is unknown.
        partial: whether it reaches the upper, lower, front or back edge of the map.
        volume_mm3: of all its voxels.
        centre_mm: mean position in world coordinates, RAS; of a vertebra that of its body.
    """

    instance: int
    kind: Kind
    name: str
    confidence: float
    partial: bool
    volume_mm3: float
    centre_mm: tuple[float, float, float]

    @property
    def is_named(self) -> bool:
        """Say whether the level is told with confidence."""
        return self.name != UNKNOWN and self.confidence >= CONFIDENT


@dataclass(frozen=True)
class SpineReading:
    """A cleaned label map with its instances and levels.

    Attributes:
        structures: uint8 ``(I, J, K)``, codes of ``Structure``.
        instances: int32 ``(I, J, K)``: vertebrae from 1 upwards from the lowest one seen,
            discs 200 + the vertebra above, canal 100, 0 elsewhere, in the sacrum, and in what
            was kept but belongs to no vertebra. Where a vertebra was not found, its number is
            left out.
        levels: vertebrae upwards, discs upwards, canal, sacrum; those that there are.
        notes: what a user should know, in words.
        curve: of the spine along the axes of the grid in mm; None without a spine.
    """

    structures: Tensor
    instances: Tensor
    levels: tuple[Level, ...]
    notes: tuple[str, ...] = ()
    curve: SpineCurve | None = None

    @cached_property
    def counts(self) -> Tensor:
        """Return the upward counts that label schemes encode, uint8 ``(I, J, K)``.

        Example:
            >>> from spinesynth.anatomy.label_schemes import get_scheme
            >>> structures = torch.tensor([[[6, 3, 4]]], dtype=torch.uint8)
            >>> instances = torch.tensor([[[1, 201, 100]]], dtype=torch.int32)
            >>> reading = SpineReading(structures, instances, ())
            >>> get_scheme("spider").encode(structures, reading.counts).tolist()
            [[[1, 201, 100]]]
        """
        counts = torch.where(
            self.instances > DISC_OFFSET, self.instances - DISC_OFFSET, self.instances
        )
        return counts.masked_fill(self.instances == CANAL_INSTANCE, 0).to(torch.uint8)

    def of_kind(self, kind: Kind) -> tuple[Level, ...]:
        """Return the levels of one kind, upwards."""
        return tuple(level for level in self.levels if level.kind == kind)
