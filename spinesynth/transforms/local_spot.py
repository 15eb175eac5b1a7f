"""Augmentation of real images: brightness or gamma that changes around one place.

They are no stages of synthesis, which draws bias fields and coils in their place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from spinesynth.kernels.local_spot import apply_local_gamma, gaussian_spot
from spinesynth.transforms.base import RandomKernel, RandomKerneld, Record, check_range

#: Where the peak lies, in sizes of the image, and how wide it is at least and at most.
_PLACE, _WIDTHS = (-0.5, 1.5), (1 / 6, 1.0)


@dataclass(frozen=True)
class SpotRecord(Record):
    """Drawn spot: centre and standard deviation along each axis in voxels, and the change."""

    centre_vox: tuple[float, ...]
    width_vox: tuple[float, ...]
    change: float

    def spot(self, data: Tensor) -> Tensor:
        """Return the spot for an image ``(C, *spatial)``."""
        spot = gaussian_spot(data.shape[1:], centre_vox=self.centre_vox, width_vox=self.width_vox)
        return spot.to(data.device)


class RandomSpot(RandomKernel):
    """Base of both: draws where the spot is and how wide.

    Args:
        low: first range of the change.
        high: second range; each is as likely as the other.
        prob: probability of acting.
    """

    record_class: ClassVar[type[Record]] = SpotRecord

    def __init__(
        self, low: tuple[float, float], high: tuple[float, float], *, prob: float = 1.0
    ) -> None:
        super().__init__(prob)
        self.ranges = (low, high)

    def draw(self, data: Tensor) -> SpotRecord:
        """Draw centre and width of the spot, and the change."""
        seed, sizes = self.draw_seed(), data.shape[1:]
        centre = tuple(self.uniform(_PLACE) * size for size in sizes)
        logs = (math.log(_WIDTHS[0]), math.log(_WIDTHS[1]))
        width = tuple(math.exp(self.uniform(logs)) * size for size in sizes)
        return SpotRecord(seed, centre, width, self.uniform(self.ranges[int(self.R.randint(2))]))


class RandBrightnessSpot(RandomSpot):
    """Add a smooth bump to an image, or take it away.

    Args:
        darker: range of what is added at the peak, below 0, in the image's own units.
        brighter: the same above 0.
        prob: probability of acting.

    Shape:
        ``(C, *spatial)`` float; kept.

    Source:
        additive brightness gradient of nnU-Net's DA5 trainer: Isensee et al. 2021,
        Nature Methods 18:203, and the code that accompanies it.

    Example:
        >>> import torch
        >>> RandBrightnessSpot().set_random_state(0)(torch.zeros(1, 8, 8)).abs().max() >= 1
        tensor(True)
    """

    def __init__(
        self,
        darker: tuple[float, float] = (-5.0, -1.0),
        brighter: tuple[float, float] = (1.0, 5.0),
        *,
        prob: float = 1.0,
    ) -> None:
        check_range("darker", darker, low=-math.inf, high=0)
        check_range("brighter", brighter, low=0, high=math.inf)
        super().__init__(darker, brighter, prob=prob)

    def apply(self, data: Tensor, record: SpotRecord) -> Tensor:
        """Add the spot of a record."""
        return data.float() + record.change * record.spot(data)


class RandLocalGamma(RandomSpot):
    """Bend the gamma curve of an image around one place.

    Args:
        flatter: range of the exponent, below 1.
        steeper: the same above 1.
        prob: probability of acting.

    Shape:
        ``(C, *spatial)`` float of any sign; kept, and so is its range.

    Source:
        local gamma of nnU-Net's DA5 trainer: Isensee et al. 2021, Nature Methods
        18:203, and the code that accompanies it.

    Example:
        >>> import torch
        >>> RandLocalGamma().set_random_state(0)(torch.arange(16.0).reshape(1, 4, 4)).max()
        tensor(15.)
    """

    def __init__(
        self,
        flatter: tuple[float, float] = (0.01, 0.8),
        steeper: tuple[float, float] = (1.5, 4.0),
        *,
        prob: float = 1.0,
    ) -> None:
        check_range("flatter", flatter, low=1e-3, high=1)
        check_range("steeper", steeper, low=1, high=100)
        super().__init__(flatter, steeper, prob=prob)

    def apply(self, data: Tensor, record: SpotRecord) -> Tensor:
        """Apply the exponent of a record within its spot."""
        return apply_local_gamma(data.float(), record.change, record.spot(data))


class RandBrightnessSpotd(RandomKerneld):
    """Dictionary form of :class:`RandBrightnessSpot`; all keys share one spot."""

    array_class: ClassVar[type[RandomKernel]] = RandBrightnessSpot


class RandLocalGammad(RandomKerneld):
    """Dictionary form of :class:`RandLocalGamma`; all keys share one spot."""

    array_class: ClassVar[type[RandomKernel]] = RandLocalGamma
