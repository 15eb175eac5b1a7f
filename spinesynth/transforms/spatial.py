"""What the stages that move voxels have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from torch import Tensor

from spinesynth.transforms.base import RandomKernel


class RandomSpatial(RandomKernel):
    """Base of the stages that move the voxels of maps and images alike."""

    takes_codes: ClassVar[bool] = True

    def see(self, data: Tensor | np.ndarray) -> None:
        """Take what the stage needs of an input's affine; by default nothing."""

    def output_size(self, spatial: Sequence[int]) -> tuple[int, ...]:
        """Return the spatial size of the output; by default that of the input."""
        return tuple(spatial)

    def output_affine(self) -> Tensor | None:
        """Return the affine of the output; None where it stays that of the input."""
        return None
