"""Blur along all axes alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from spinesynth.kernels.motion import blur_along_axis
from spinesynth.transforms.base import RandomKernel, RandomKerneld, Record, check_range


@dataclass(frozen=True)
class GaussianBlurRecord(Record):
    """Drawn width of the Gaussian in voxels."""

    sigma_vox: float


class RandGaussianBlur(RandomKernel):
    """Blur along every spatial axis with one Gaussian.

    For the recipes that blur; the resolution of a scanner is
    :class:`RandAcquiredResolution`.

    Args:
        sigma_vox: range of the Gaussian's width in voxels.
        prob: probability of acting.

    Shape:
        ``(C, *spatial)`` float; kept.

    Source:
        Billot et al. 2023, Medical Image Analysis 86:102789.

    Example:
        >>> import torch
        >>> RandGaussianBlur((1.0, 1.0)).set_random_state(0)(torch.rand(1, 8, 8)).shape
        torch.Size([1, 8, 8])
    """

    record_class: ClassVar[type[Record]] = GaussianBlurRecord

    def __init__(self, sigma_vox: tuple[float, float] = (0.0, 1.0), *, prob: float = 1.0) -> None:
        super().__init__(prob)
        check_range("sigma_vox", sigma_vox, low=0, high=float("inf"))
        self.sigma_vox = sigma_vox

    def draw(self, data: Tensor) -> GaussianBlurRecord:
        """Draw the width."""
        return GaussianBlurRecord(self.draw_seed(), self.uniform(self.sigma_vox))

    def apply(self, data: Tensor, record: GaussianBlurRecord) -> Tensor:
        """Blur as a record says."""
        image = data[None].float()
        for axis in range(2, image.ndim):
            image = blur_along_axis(image, record.sigma_vox, axis=axis)
        return image[0]


class RandGaussianBlurd(RandomKerneld):
    """Dictionary form of :class:`RandGaussianBlur`; all keys are blurred alike."""

    array_class: ClassVar[type[RandomKernel]] = RandGaussianBlur
