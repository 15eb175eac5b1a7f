"""Paint the thin layers of one or several thick slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from spinesynth.seeding import derive_seed32
from spinesynth.transforms.base import Record
from spinesynth.transforms.tissue_painter import TissuePainter


def paint_slices(painter: TissuePainter, layers: Tensor, record: Record, *, slices: int) -> Tensor:
    """Paint each layer and average those of a slice.

    The layers of one slice share its noise and texture. Slices share the contrast, but
    each has noise and texture of its own, as slices that are measured one after another:
    a network could otherwise read borders from what they have in common.

    Args:
        painter: of a map ``(1, *spatial)``.
        layers: ``(slices x n, *spatial)`` codes, slice after slice.
        record: of the painter; the middle slice is painted with it as it is.
        slices: odd.

    Returns:
        ``(slices, *spatial)`` float32.
    """
    each = len(layers) // slices
    painted = []
    for number in range(slices):
        beside = number - slices // 2
        own = record
        if beside:
            own = replace(record, seed=derive_seed32(record.seed, "slice", beside))
        of_slice = layers[number * each : (number + 1) * each]
        painted += [painter.apply(layer[None], own) for layer in of_slice]
    return average_layers(painted, slices=slices)


def average_layers(layers: Sequence[Tensor], *, slices: int) -> Tensor:
    """Return ``(slices, ...)``: the mean of the layers ``(1, ...)`` of each slice."""
    if len(layers) == slices:
        return layers[0] if slices == 1 else torch.cat(tuple(layers))
    stacked = torch.cat(tuple(layers))
    return stacked.view(slices, -1, *stacked.shape[1:]).mean(1)
