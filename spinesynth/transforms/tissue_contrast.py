"""Contrast: paint a tissue map with a random Gaussian mixture on the T1-T2 spectrum."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, get_args

import torch
from monai.config.type_definitions import KeysCollection
from torch import Tensor

from spinesynth.anatomy.tissues import TISSUE_PRIORS, Tissue
from spinesynth.kernels.mixture import paint_mixture
from spinesynth.kernels.smooth_noise import smooth_noise
from spinesynth.transforms.base import RandomKernel, RandomKerneld, Record, check_range
from spinesynth.transforms.contrast_names import ContrastName

#: Tissues that usually share their intensity with another one in real scans.
_TWINS: tuple[tuple[Tissue, Tissue, float], ...] = (
    (Tissue.MARROW_POSTERIOR, Tissue.MARROW_BODY, 0.75),
    (Tissue.MARROW_SACRUM, Tissue.MARROW_BODY, 0.85),
    (Tissue.FAT_EPIDURAL, Tissue.FAT, 0.75),
    (Tissue.NUCLEUS, Tissue.ANNULUS, 0.3),
    (Tissue.BOWEL_GAS, Tissue.AIR, 0.6),
    (Tissue.SKIN, Tissue.FAT, 0.4),
    (Tissue.CORD, Tissue.CSF, 0.1),
)
_TWIN_JITTER = 0.04
_DARK_CORTEX_PROB = 0.65  # else it is invisible (as bright as marrow) or drawn like the rest
_DARK_AIR_PROB = 0.9
_TEXTURE_SCALES_VOX = (2.0, 5.0, 14.0)


@dataclass(frozen=True)
class ContrastRecord(Record):
    """Drawn contrast: mean and spread of each tissue in the order of :class:`Tissue`."""

    prior: str
    alpha: float
    means: tuple[float, ...]
    spreads: tuple[float, ...]
    texture: tuple[float, ...]


class RandTissueContrast(RandomKernel):
    """Paint a tissue map: one Gaussian per tissue, means drawn from a prior.

    Args:
        contrast: prior of the means. ``"t1"`` and ``"t2"`` draw from the ranges
            of :data:`~spinesynth.anatomy.tissues.TISSUE_PRIORS`;
            ``"interpolated"`` mixes one draw of each,
            ``(1 - alpha) T1 + alpha T2``; ``"random"`` draws every tissue from
            U(0, 1); ``"mixed"`` draws ``random`` or ``interpolated``, half each.
        alpha: range within [0, 1] from which the T1-T2 position is drawn.
        spread: range of the standard deviation of white noise within a tissue.
        texture: range of the amplitude of smooth texture at three scales,
            relative to each tissue's mean.
        twins: let tissues that look alike in real scans (marrow of body and
            process, fats) share their mean most of the time, and cortex be dark
            most of the time; False draws all tissues on their own.
        prob: must be 1; a tissue map that is not painted is no image.

    Shape:
        ``(1, *spatial)`` integer Tissue codes to ``(1, *spatial)`` float32 >= 0.

    Source:
        Billot et al. 2023, Medical Image Analysis 86:102789; priors as cited in
        :mod:`spinesynth.anatomy.tissues`.

    Example:
        >>> import torch
        >>> paint = RandTissueContrast("t2").set_random_state(0)
        >>> paint(torch.ones(1, 8, 8, dtype=torch.uint8)).dtype
        torch.float32
    """

    record_class: ClassVar[type[Record]] = ContrastRecord

    def __init__(
        self,
        contrast: ContrastName = "mixed",
        *,
        alpha: tuple[float, float] = (0.0, 1.0),
        spread: tuple[float, float] = (0.005, 0.06),
        texture: tuple[float, float] = (0.0, 0.18),
        twins: bool = True,
        prob: float = 1.0,
    ) -> None:
        super().__init__(prob)
        if contrast not in get_args(ContrastName):
            raise ValueError(f"contrast must be one of {get_args(ContrastName)}, got {contrast!r}")
        if prob != 1:
            raise ValueError(f"prob must be 1 (an unpainted tissue map is no image), got {prob}")
        check_range("alpha", alpha, low=0, high=1)
        check_range("spread", spread, low=0, high=10)
        check_range("texture", texture, low=0, high=10)
        self.contrast, self.alpha, self.twins = contrast, alpha, twins
        self.spread, self.texture = spread, texture

    def _draw_means(self, prior: str, alpha: float) -> list[float]:
        if prior == "random":
            return [float(v) for v in self.R.uniform(0, 1, len(Tissue))]
        means = []
        for tissue in Tissue:
            ranges = TISSUE_PRIORS[tissue]
            t1, t2 = self.uniform(ranges.t1), self.uniform(ranges.t2)
            means.append({"t1": t1, "t2": t2}.get(prior, (1 - alpha) * t1 + alpha * t2))
        return means

    def _couple(self, means: list[float]) -> list[float]:
        """Let look-alike tissues share a mean, and cortex and air be dark, most of the time."""
        for tissue, twin, probability in _TWINS:
            jitter = float(self.R.normal(0, _TWIN_JITTER))
            if self.R.rand() < probability:
                means[tissue] = max(0.0, means[twin] + jitter)
        cortex, air = self.R.rand(2)
        if cortex < _DARK_CORTEX_PROB:
            means[Tissue.CORTEX] = self.uniform((0.0, 0.15))
        elif cortex < (1 + _DARK_CORTEX_PROB) / 2:
            means[Tissue.CORTEX] = means[Tissue.MARROW_BODY]
        if air < _DARK_AIR_PROB:
            means[Tissue.AIR] = self.uniform((0.0, 0.04))
        return means

    def draw(self, data: Tensor) -> ContrastRecord:
        """Draw the prior, alpha, and each tissue's mean and spread."""
        seed, alpha = self.draw_seed(), self.uniform(self.alpha)
        prior = self.contrast
        if prior == "mixed":
            prior = "random" if self.R.rand() < 0.5 else "interpolated"
        means = self._draw_means(prior, alpha)
        means = self._couple(means) if self.twins else means
        spreads = [self.uniform(self.spread) for _ in Tissue]
        texture = tuple(self.uniform(self.texture) for _ in _TEXTURE_SCALES_VOX)
        return ContrastRecord(seed, prior, alpha, tuple(means), tuple(spreads), texture)

    def apply(self, data: Tensor, record: ContrastRecord) -> Tensor:
        """Paint with the means of a record."""
        generator = record.generator()
        image = paint_mixture(
            data[None],
            torch.tensor([record.means], device=data.device),
            spreads=torch.tensor([record.spreads], device=data.device),
            generator=generator,
        )
        for amplitude, scale in zip(record.texture, _TEXTURE_SCALES_VOX, strict=True):
            if amplitude > 0:
                size = data.shape[1:]
                noise = smooth_noise(size, [scale] * len(size), generator=generator)
                image = image * (1 + amplitude * noise.to(image.device))
        return image[0].clamp(min=0)


class RandTissueContrastd(RandomKerneld):
    """Dictionary form of :class:`RandTissueContrast`.

    Args:
        keys: key of the tissue map.
        image_key: key under which the image is put.
        allow_missing_keys: do not raise if the tissue map is missing.
        **parameters: those of :class:`RandTissueContrast`.
    """

    array_class: ClassVar[type[RandomKernel]] = RandTissueContrast

    def __init__(
        self,
        keys: KeysCollection,
        *,
        image_key: str = "image",
        allow_missing_keys: bool = False,
        **parameters: Any,  # noqa: ANN401  # those of array_class
    ) -> None:
        super().__init__(keys, allow_missing_keys=allow_missing_keys, **parameters)
        self.image_key = image_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Put the painted image beside the tissue map."""
        result = dict(data)
        for key in self.key_iterator(result):
            result[self.image_key] = self.transform(result[key])
        return result
