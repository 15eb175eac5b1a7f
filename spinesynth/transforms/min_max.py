"""Normalisation by the extremes, as SynthSeg and its followers do."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from spinesynth.kernels.min_max import rescale_min_max
from spinesynth.transforms.base import FixedKernel, FixedKerneld


class MinMaxNormalise(FixedKernel):
    """Scale an image to [0, 1] by its extremes.

    Prediction reads images by :class:`PercentileNormalise`; this one is for the
    recipes of authors who use it.

    Shape:
        any shape; kept.

    Source:
        Billot et al. 2023, Medical Image Analysis 86:102789.

    Example:
        >>> import torch
        >>> MinMaxNormalise()(torch.tensor([2.0, 4.0, 6.0]))
        tensor([0.0000, 0.5000, 1.0000])
    """

    def apply(self, data: Tensor) -> Tensor:
        """Return the scaled image; a constant one becomes 0."""
        return rescale_min_max(data)


class MinMaxNormalised(FixedKerneld):
    """Dictionary form of :class:`MinMaxNormalise`."""

    array_class: ClassVar[type[FixedKernel]] = MinMaxNormalise
