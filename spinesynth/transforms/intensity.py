"""Gamma curve, and the percentile normalisation shared by training and prediction."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from monai.config.type_definitions import KeysCollection
from monai.transforms.transform import MapTransform, Transform
from monai.utils.enums import TransformBackends
from torch import Tensor

from spinesynth.kernels.intensity import apply_gamma, normalise_intensity
from spinesynth.transforms.base import (
    RandomKernel,
    RandomKerneld,
    Record,
    as_plain,
    check_range,
    rewrap,
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


class PercentileNormalise(Transform):
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

    backend: ClassVar[list[TransformBackends]] = [  # type: ignore[misc]  # plain in MONAI
        TransformBackends.TORCH
    ]

    def __call__(self, data: Tensor | np.ndarray) -> Tensor:
        """Return the normalised image."""
        return rewrap(normalise_intensity(as_plain(data)), data)


class PercentileNormalised(MapTransform):
    """Dictionary form of :class:`PercentileNormalise`."""

    def __init__(self, keys: KeysCollection, *, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.transform = PercentileNormalise()

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Normalise the arrays under ``keys``, each on its own."""
        result = dict(data)
        for key in self.key_iterator(result):
            result[key] = self.transform(result[key])
        return result
