"""Noise of magnitude images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from spinesynth.kernels.noise import add_chi_noise, add_gaussian_noise, draw_g_factor
from spinesynth.transforms.base import RandomKernel, RandomKerneld, Record, check_range, is_whole

_NO_G_FACTOR = (1.0, 1.0)


@dataclass(frozen=True)
class NoiseRecord(Record):
    """Drawn noise: spread relative to the image's peak, correlation, peak of the g-factor."""

    sigma: float
    correlation_vox: float
    g_factor: float = 1.0


class RandMagnitudeNoise(RandomKernel):
    """Add the noise of a magnitude image.

    Args:
        sigma: range of the standard deviation, relative to the image's maximum.
        correlation_vox: range of the noise's correlation width in voxels, as the
            scanner's interpolation leaves it; (0, 0) is white. Not for Gauss.
        kind: ``"rician"``; ``"chi"`` for the root of the sum of squares of several
            coils; or ``"gaussian"`` for the simple additive model.
        coils: complex channels of ``"chi"``, at least 1, which is Rician.
        g_factor: range of the peak of a smooth map, 1 or more, by which parallel
            imaging amplifies the noise; (1, 1) is even.
        prob: probability of acting.

    Shape:
        ``(C, *spatial)`` float >= 0; kept.

    Source:
        Gudbjartsson and Patz 1995, MRM 34:910; Constantinides, Atalar and McVeigh
        1997, MRM 38:852 (chi); Pruessmann et al. 1999, MRM 42:952 (g-factor).

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
        kind: Literal["rician", "chi", "gaussian"] = "rician",
        coils: int = 1,
        g_factor: tuple[float, float] = _NO_G_FACTOR,
        prob: float = 1.0,
    ) -> None:
        super().__init__(prob)
        check_range("sigma", sigma, low=0, high=float("inf"))
        check_range("correlation_vox", correlation_vox, low=0, high=float("inf"))
        check_range("g_factor", g_factor, low=1, high=float("inf"))
        if kind not in ("rician", "chi", "gaussian"):
            raise ValueError(f"kind must be 'rician' or 'gaussian' or 'chi', got {kind!r}")
        if not is_whole(coils) or coils < 1 or (coils > 1 and kind != "chi"):
            raise ValueError(
                "coils must be at least 1, a whole number, and 1 unless kind is 'chi', "
                f"got {coils} for {kind!r}"
            )
        if kind == "gaussian" and max(correlation_vox) > 0:
            raise ValueError(
                "correlation_vox must be (0, 0) for kind 'gaussian', which is white, "
                f"got {tuple(correlation_vox)}"
            )
        self.sigma, self.correlation_vox, self.kind = sigma, correlation_vox, kind
        self.coils, self.g_factor = coils, g_factor

    def draw(self, data: Tensor) -> NoiseRecord:
        """Draw spread, correlation and g-factor."""
        seed, sigma = self.draw_seed(), self.uniform(self.sigma)
        correlation = self.uniform(self.correlation_vox)
        # an even one takes no draw, so that sequences without it stay what they were
        even = tuple(self.g_factor) == _NO_G_FACTOR
        return NoiseRecord(seed, sigma, correlation, 1.0 if even else self.uniform(self.g_factor))

    def apply(self, data: Tensor, record: NoiseRecord) -> Tensor:
        """Add the noise of a record."""
        image, generator = data[None].float(), record.generator()
        sigma = record.sigma * float(image.amax())
        g_factor = None
        if record.g_factor > 1:
            drawn = draw_g_factor(tuple(data.shape[1:]), record.g_factor, generator=generator)
            g_factor = drawn.to(image.device)
        if self.kind == "gaussian":
            return add_gaussian_noise(image, sigma, generator=generator, g_factor=g_factor)[0]
        return add_chi_noise(
            image,
            sigma,
            coils=self.coils,
            generator=generator,
            correlation_vox=record.correlation_vox,
            g_factor=g_factor,
        )[0]


class RandMagnitudeNoised(RandomKerneld):
    """Dictionary form of :class:`RandMagnitudeNoise`."""

    array_class: ClassVar[type[RandomKernel]] = RandMagnitudeNoise
