"""Gamma curve, and the percentile normalisation shared by training and prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from spinesynth.kernels.intensity import apply_gamma, normalise_intensity
from spinesynth.transforms.base import (
    FixedKernel,
    FixedKerneld,
    RandomKernel,
    RandomKerneld,
    Record,
    check_range,
)


@dataclass(frozen=True)
class GammaRecord(Record):
    """Drawn exponent."""

    gamma: float


class RandGammaCurve(RandomKernel):
    """Raise intensities, scaled to the image's maximum, to a random power.

    Args:
        log_gamma: range of the natural logarithm of the exponent; 0 is neutral.
        prob: probability of acting.

    Shape:
        ``(C, *spatial)`` float >= 0; kept.

    Source:
        Billot et al. 2023, Medical Image Analysis 86:102789 (log-normal gamma).

    Example:
        >>> import torch
        >>> RandGammaCurve((0.0, 0.0)).set_random_state(0)(torch.ones(1, 2, 2)).sum()
        tensor(4.)
    """

    record_class: ClassVar[type[Record]] = GammaRecord

    def __init__(self, log_gamma: tuple[float, float] = (-0.4, 0.4), *, prob: float = 1.0) -> None:
        super().__init__(prob)
        check_range("log_gamma", log_gamma, low=-5, high=5)
        self.log_gamma = log_gamma

    def draw(self, data: Tensor) -> GammaRecord:
        """Draw the exponent."""
        return GammaRecord(self.draw_seed(), float(np.exp(self.uniform(self.log_gamma))))

    def apply(self, data: Tensor, record: GammaRecord) -> Tensor:
        """Apply the exponent of a record."""
        return apply_gamma(data[None].float(), record.gamma)[0]


class RandGammaCurved(RandomKerneld):
    """Dictionary form of :class:`RandGammaCurve`."""

    array_class: ClassVar[type[RandomKernel]] = RandGammaCurve


class PercentileNormalise(FixedKernel):
    """Scale an image to [0, 1] by percentiles over the voxels above its padding.

    Shape:
        any shape; kept.

    Source:
        :func:`spinesynth.kernels.intensity.normalise_intensity`.

    Example:
        >>> import torch
        >>> PercentileNormalise()(torch.arange(1000.0)).max()
        tensor(1.)
    """

    def apply(self, data: Tensor) -> Tensor:
        """Return the normalised image."""
        return normalise_intensity(data)


class PercentileNormalised(FixedKerneld):
    """Dictionary form of :class:`PercentileNormalise`."""

    array_class: ClassVar[type[FixedKernel]] = PercentileNormalise
