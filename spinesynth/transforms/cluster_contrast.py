"""Contrast of label maps divided by intensity: one random Gaussian for each code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from spinesynth.kernels.mixture import paint_mixture
from spinesynth.transforms.base import RandomKernel, Record, check_range
from spinesynth.transforms.tissue_painter import TissuePainter, TissuePainterd
from spinesynth.transforms.whole_numbers import whole_numbers

_CODES = 256  # label maps hold codes of one byte


@dataclass(frozen=True)
class ClusterContrastRecord(Record):
    """The ranges that the Gaussians are drawn from; the seed draws them."""

    mean: tuple[float, float]
    spread: tuple[float, float]

    def gaussians(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return mean and spread of each code in [0, 255], ``(256,)`` float32."""
        drawn = torch.rand((2, _CODES), generator=generator)
        means, spreads = (
            low + (high - low) * values
            for (low, high), values in zip((self.mean, self.spread), drawn, strict=True)
        )
        return means, spreads


class RandClusterContrast(TissuePainter):
    """Paint a map of any codes: one Gaussian for each code, whatever it stands for.

    This is for label maps whose structures and surroundings are divided by the
    intensities of real images (scheme ``em_clusters``): such clusters are no
    tissues, so no prior of :class:`RandTissueContrast` holds for them.

    Args:
        mean: range of the mean intensity of a code.
        spread: range of the standard deviation of white noise within a code.
        prob: must be 1; a map that is not painted is no image.

    Shape:
        ``(1, *spatial)`` integer codes in [0, 255] to ``(1, *spatial)`` float32 >= 0.

    Source:
        Billot et al. 2023, Medical Image Analysis 86:102789, section 3.2: means
        from U(0, 255), spreads from U(0, 35), here over 255 and nominally 0.12.

    Example:
        >>> import torch
        >>> paint = RandClusterContrast().set_random_state(0)
        >>> paint(torch.tensor([[[0, 22], [23, 179]]], dtype=torch.uint8)).shape
        torch.Size([1, 2, 2])
    """

    record_class: ClassVar[type[Record]] = ClusterContrastRecord

    def __init__(
        self,
        mean: tuple[float, float] = (0.0, 1.0),
        *,
        spread: tuple[float, float] = (0.0, 0.12),
        prob: float = 1.0,
    ) -> None:
        super().__init__(prob)
        check_range("mean", mean, low=0, high=10)
        check_range("spread", spread, low=0, high=10)
        self.mean, self.spread = mean, spread

    def draw(self, data: Tensor) -> ClusterContrastRecord:
        """Draw the seed of the Gaussians."""
        return ClusterContrastRecord(self.draw_seed(), self.mean, self.spread)

    def apply(self, data: Tensor, record: ClusterContrastRecord) -> Tensor:
        """Paint with the Gaussians of a record."""
        generator = record.generator()
        means, spreads = (values.to(data.device)[None] for values in record.gaussians(generator))
        codes = whole_numbers(data, "map")
        return paint_mixture(codes[None], means, spreads=spreads, generator=generator)[0].clamp_(0)


class RandClusterContrastd(TissuePainterd):
    """Dictionary form of :class:`RandClusterContrast`, as :class:`TissuePainterd`."""

    array_class: ClassVar[type[RandomKernel]] = RandClusterContrast
