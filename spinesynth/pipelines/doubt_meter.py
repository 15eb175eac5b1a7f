"""How unsure a network is about what it found, in one number, while it predicts."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.pipelines.ensemble import Predictor, certainty
from spinesynth.pipelines.slab_reading import join_slabs, likeliest_structures


class DoubtMeter:
    """Predict as another predictor does, and measure its doubt on the way.

    Doubt is the mean entropy of the classes over the voxels of what was found, as a share of the
    greatest there can be; 1 where nothing was found. No probabilities are kept.

    Args:
        predictor: that predicts.

    Attributes:
        structures: as of the predictor.
        groups: as of the predictor.
        doubt: in [0, 1], of the last image; NaN before the first.
    """

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self.structures, self.groups = predictor.structures, predictor.groups
        self.doubt = math.nan

    def slabs(self, image: MetaTensor) -> Iterator[Tensor]:
        """Yield class probabilities ``(C, slices, J, K)``; ``doubt`` is known after the last."""
        unsure, found = 0.0, 0
        for slab in self._predictor.slabs(image):
            inside = self.structures[slab.argmax(0)] > 0
            unsure += float((1.0 - certainty(slab))[inside].double().sum())
            found += int(torch.count_nonzero(inside))
            yield slab
        self.doubt = min(unsure / found, 1.0) if found else 1.0

    def probabilities(self, image: MetaTensor) -> Tensor:
        """Return ``(C, I, J, K)`` class probabilities on the image's own grid."""
        return join_slabs(self, image)

    def __call__(self, image: MetaTensor) -> Tensor:
        """Return uint8 ``(I, J, K)`` Structure codes on the image's own grid."""
        return likeliest_structures(self, image)
