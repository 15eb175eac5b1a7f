"""A map of how undecided the network is at each voxel, gathered slab by slab."""

from __future__ import annotations

import torch
from torch import Tensor

from spinesynth.kernels.entropy import normalised_entropy


class UncertaintyMap:
    """Gather the entropy of each voxel while probabilities pass by: a watcher of slabs.

    Args:
        shape: ``(I, J, K)`` of the image.

    Attributes:
        percent: uint8 ``(I, J, K)``, normalised entropy in per cent, 0 where no slab came.

    Example:
        >>> uncertainty = UncertaintyMap((1, 1, 2))
        >>> uncertainty(0, torch.tensor([[[[1.0, 0.5]]], [[[0.0, 0.5]]]]))
        >>> uncertainty.percent.tolist()
        [[[0, 100]]]
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.percent = torch.zeros(shape, dtype=torch.uint8)

    def __call__(self, start: int, slab: Tensor) -> None:
        """Take a slab ``(C, slices, J, K)`` of probabilities whose first slice is ``start``."""
        percent = (normalised_entropy(slab) * 100).round().clamp(0, 100)
        self.percent[start : start + slab.shape[1]] = percent.to(torch.uint8)
