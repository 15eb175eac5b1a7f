"""Noise of magnitude images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from spinesynth.kernels.noise import add_gaussian_noise, add_rician_noise
from spinesynth.transforms.base import RandomKernel, RandomKerneld, Record, check_range


@dataclass(frozen=True)
class NoiseRecord(Record):
    """Drawn noise: spread relative to the image's peak, correlation in voxels."""

    sigma: float
    correlation_vox: float


class RandMagnitudeNoise(RandomKernel):
    """Add the noise of a magnitude image.

    Args:
        sigma: range of the standard deviation, relative to the image's maximum.
        correlation_vox: range of the noise's correlation width in voxels, as the
            scanner's interpolation leaves it; (0, 0) is white. Rician only.
        kind: ``"rician"``, or ``"gaussian"`` for the simple additive model.
        prob: probability of acting.

    Shape:
        ``(C, *spatial)`` float >= 0; kept.

    Source:
        Gudbjartsson and Patz 1995, MRM 34:910.

    Example:
        >>> import torch
        >>> noisy = RandMagnitudeNoise((0.1, 0.1)).set_random_state(0)(torch.ones(1, 8, 8))
        >>> bool((noisy >= 0).all())
        True
    """

    record_class: ClassVar[type[Record]] = NoiseRecord

    def __init__(
        self,
        sigma: tuple[float, float] = (0.01, 0.05),
        *,
        correlation_vox: tuple[float, float] = (0.0, 0.0),
        kind: Literal["rician", "gaussian"] = "rician",
        prob: float = 1.0,
    ) -> None:
        super().__init__(prob)
        check_range("sigma", sigma, low=0, high=float("inf"))
        check_range("correlation_vox", correlation_vox, low=0, high=float("inf"))
        if kind not in ("rician", "gaussian"):
            raise ValueError(f"kind must be 'rician' or 'gaussian', got {kind!r}")
        self.sigma, self.correlation_vox, self.kind = sigma, correlation_vox, kind

    def draw(self, data: Tensor) -> NoiseRecord:
        """Draw spread and correlation."""
        return NoiseRecord(
            self.draw_seed(), self.uniform(self.sigma), self.uniform(self.correlation_vox)
        )

    def apply(self, data: Tensor, record: NoiseRecord) -> Tensor:
        """Add the noise of a record."""
        image = data[None].float()
        sigma = record.sigma * float(image.amax())
        if self.kind == "gaussian":
            return add_gaussian_noise(image, sigma, generator=record.generator())[0]
        return add_rician_noise(
            image, sigma, generator=record.generator(), correlation_vox=record.correlation_vox
        )[0]


class RandMagnitudeNoised(RandomKerneld):
    """Dictionary form of :class:`RandMagnitudeNoise`."""

    array_class: ClassVar[type[RandomKernel]] = RandMagnitudeNoise
