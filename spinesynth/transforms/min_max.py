"""Normalisation by the extremes, as SynthSeg and its followers do."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, ClassVar

import numpy as np
from monai.config.type_definitions import KeysCollection
from monai.transforms.transform import MapTransform, Transform
from monai.utils.enums import TransformBackends
from torch import Tensor

from spinesynth.kernels.min_max import rescale_min_max
from spinesynth.transforms.base import as_plain, rewrap


class MinMaxNormalise(Transform):
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

    backend: ClassVar[list[TransformBackends]] = [  # type: ignore[misc]  # plain in MONAI
        TransformBackends.TORCH
    ]

    def __call__(self, data: Tensor | np.ndarray) -> Tensor:
        """Return the scaled image; a constant one becomes 0."""
        return rewrap(rescale_min_max(as_plain(data)), data)


class MinMaxNormalised(MapTransform):
    """Dictionary form of :class:`MinMaxNormalise`."""

    def __init__(self, keys: KeysCollection, *, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.transform = MinMaxNormalise()

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Scale the arrays under ``keys``, each on its own."""
        result = dict(data)
        for key in self.key_iterator(result):
            result[key] = self.transform(result[key])
        return result
