"""Contrast: paint a tissue map with a random Gaussian mixture on the T1-T2 spectrum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, get_args

import torch
from torch import Tensor

from spinesynth.anatomy.contrast_prior import ContrastPrior, read_contrast_prior
from spinesynth.anatomy.tissues import Tissue
from spinesynth.kernels.mixture import multiply_texture, paint_mixture
from spinesynth.kernels.smooth_noise import smooth_noise
from spinesynth.seeding import make_generator
from spinesynth.transforms.base import RandomKernel, Record, check_number, check_range
from spinesynth.transforms.contrast_draw import (
    couple_twins,
    draw_from_prior,
    draw_merges,
    draw_named_means,
    draw_saturation,
    draw_split,
    part_discs_from_marrow,
)
from spinesynth.transforms.contrast_names import ContrastName
from spinesynth.transforms.tissue_painter import (
    TEXTURE_SCALES_VOX,
    WIDEST_BLUR_VOX,
    TissuePainter,
    TissuePainterd,
)

_MOST_CONTRAST = 0.5


@dataclass(frozen=True)
class ContrastRecord(Record):
    """Drawn contrast: mean and spread of each tissue in the order of :class:`Tissue`.

    ``merged`` holds pairs of codes whose second has taken the first's Gaussian,
    ``split`` the codes that have a second part, ``part_means`` that part's means
    and ``part_scale_vox`` its size; ``saturation`` None clips nothing.
    """

    prior: str
    alpha: float
    means: tuple[float, ...]
    spreads: tuple[float, ...]
    texture: tuple[float, ...]
    merged: tuple[tuple[int, int], ...] = ()
    split: tuple[int, ...] = ()
    part_means: tuple[float, ...] = ()
    part_scale_vox: float = 1.0
    partial_volume_vox: float = 0.0
    saturation: float | None = None


class RandTissueContrast(TissuePainter):
    """Paint a tissue map: one Gaussian per tissue, means drawn from a prior.

    Args:
        contrast: prior of the means. ``"t1"`` and ``"t2"`` draw from the ranges
            of :data:`~spinesynth.anatomy.tissues.TISSUE_PRIORS`;
            ``"interpolated"`` mixes one draw of each,
            ``(1 - alpha) T1 + alpha T2``; ``"random"`` draws every tissue from
            U(0, 1); ``"mixed"`` draws ``random`` or ``interpolated``, half each;
            ``"clipped"`` is ``interpolated`` with the brightest tissues
            saturated: the image is clipped at U(0.5, 0.9) of the brightest mean
            (13 of the 28 T2 SPACE images of SPIDER are clipped at 255). Or a
            :class:`~spinesynth.anatomy.contrast_prior.ContrastPrior`, or the
            path of its YAML file: it decides spreads and groups too, and
            ``alpha``, ``spread``, ``twins`` and ``least_contrast`` do not matter.
        alpha: range within [0, 1] from which the T1-T2 position is drawn.
        spread: range of the standard deviation of white noise within a tissue.
        texture: range of the amplitude of smooth texture at three scales,
            relative to each tissue's mean.
        twins: let tissues that look alike in real scans (marrow of body and
            process, fats) share their mean most of the time, and cortex be dark
            most of the time; False draws all tissues on their own.
        least_contrast: how far the means of annulus and vertebral marrow lie apart at
            least, in [0, 0.5]: discs are seen in real scans, whatever their contrast, and
            a network that learns to guess them finds them in muscle. A mean of the annulus
            nearer than that is moved away from the marrow's, before tissues merge.
        merge_prob: probability that one to three random pairs of tissues share
            one Gaussian, so that the border between them is invisible.
        split_prob: probability that one to three random tissues consist of two
            parts with different means, parted by a smooth random field.
        partial_volume_vox: range of the full width at half maximum, in voxels, of
            the blur that mixes the means, but not the noise, at borders.
        labels: tissue, or its name in lower case, of each code of the map, for
            label maps with codes of their own in [0, 255]; by default the codes
            are those of :class:`~spinesynth.anatomy.tissues.Tissue`.
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
        contrast: ContrastName | ContrastPrior | Path = "mixed",
        *,
        alpha: tuple[float, float] = (0.0, 1.0),
        spread: tuple[float, float] = (0.005, 0.06),
        texture: tuple[float, float] = (0.0, 0.18),
        twins: bool = True,
        least_contrast: float = 0.0,
        merge_prob: float = 0.0,
        split_prob: float = 0.0,
        partial_volume_vox: tuple[float, float] = (0.0, 0.0),
        labels: Mapping[int, Tissue | str] | None = None,
        prob: float = 1.0,
    ) -> None:
        super().__init__(prob, labels=labels)
        check_range("alpha", alpha, low=0, high=1)
        check_range("spread", spread, low=0, high=10)
        check_range("texture", texture, low=0, high=10)
        check_range("partial_volume_vox", partial_volume_vox, low=0, high=WIDEST_BLUR_VOX)
        check_number("merge_prob", merge_prob, low=0, high=1)
        check_number("split_prob", split_prob, low=0, high=1)
        self.contrast = _read_contrast(contrast)
        check_number("least_contrast", least_contrast, low=0, high=_MOST_CONTRAST)
        self.least_contrast = least_contrast
        self.alpha, self.twins, self.spread, self.texture = alpha, twins, spread, texture
        self.merge_prob, self.split_prob = merge_prob, split_prob
        self.partial_volume_vox = partial_volume_vox

    def _draw_gaussians(self, alpha: float) -> tuple[str, list[float], list[float]]:
        """Draw the prior's name, and the means; and the spreads where the prior has them."""
        if isinstance(self.contrast, ContrastPrior):
            return self.contrast.name, *draw_from_prior(self.R, self.contrast)
        prior: str = self.contrast
        if prior == "mixed":
            prior = "random" if self.R.rand() < 0.5 else "interpolated"
        means = draw_named_means(self.R, prior, alpha)
        means = couple_twins(self.R, means) if self.twins else means
        means = part_discs_from_marrow(means, self.least_contrast)
        return prior, means, [self.uniform(self.spread) for _ in Tissue]

    def draw(self, data: Tensor) -> ContrastRecord:
        """Draw the prior, alpha, each tissue's mean and spread, and what happens to them."""
        seed, alpha = self.draw_seed(), self.uniform(self.alpha)
        prior, means, spreads = self._draw_gaussians(alpha)
        texture = tuple(self.uniform(self.texture) for _ in TEXTURE_SCALES_VOX)
        # what is switched off draws nothing: it leaves the sequence of the rest as it is
        saturation = draw_saturation(self.R, means) if self.contrast == "clipped" else None
        changes: dict[str, Any] = {}
        if self.merge_prob > 0 and self.R.rand() < self.merge_prob:
            changes["merged"] = draw_merges(self.R)
            for first, second in changes["merged"]:
                means[second], spreads[second] = means[first], spreads[first]
        if self.split_prob > 0 and self.R.rand() < self.split_prob:
            tissues, part_means, scale_vox = draw_split(self.R)
            changes |= {"split": tissues, "part_means": part_means, "part_scale_vox": scale_vox}
        if self.partial_volume_vox[1] > 0:
            changes["partial_volume_vox"] = self.uniform(self.partial_volume_vox)
        return ContrastRecord(
            seed, prior, alpha, tuple(means), tuple(spreads), texture,
            saturation=saturation, **changes,
        )  # fmt: skip

    def apply(self, data: Tensor, record: ContrastRecord) -> Tensor:
        """Paint with the means of a record."""
        means, spreads, second_part = list(record.means), list(record.spreads), None
        if record.split:
            second_part = _draw_parts(data, record)
            means, spreads = means * 2, spreads * 2
            for tissue, mean in zip(record.split, record.part_means, strict=True):
                means[len(record.means) + tissue] = mean
        generator = record.generator()
        image = paint_mixture(
            data[None],
            torch.tensor([means], device=data.device),
            spreads=torch.tensor([spreads], device=data.device),
            generator=generator,
            lookup=self._lookup,
            second_part=second_part,
            partial_volume_vox=record.partial_volume_vox,
        )
        if any(record.texture):
            image = multiply_texture(
                image,
                record.texture,
                scales_vox=TEXTURE_SCALES_VOX,
                generator=generator,
                out=image,
            )
        return image[0].clamp_(min=0, max=record.saturation)


def _read_contrast(
    contrast: ContrastName | ContrastPrior | Path,
) -> ContrastName | ContrastPrior:
    """Return a known name or a prior, read from its file if a path is given."""
    if isinstance(contrast, ContrastPrior):
        return contrast
    if isinstance(contrast, Path) or str(contrast).endswith((".yaml", ".yml")):
        return read_contrast_prior(contrast)
    for name in get_args(ContrastName):
        if contrast == name:
            return name  # type: ignore[no-any-return]  # one of the literals
    raise ValueError(
        f"contrast must be one of {get_args(ContrastName)}, a ContrastPrior or the path of its "
        f"YAML file, got {contrast!r}"
    )


def _draw_parts(data: Tensor, record: ContrastRecord) -> Tensor:
    """Draw where the second part of split tissues lies, ``(1, 1, *spatial)`` bool."""
    size = data.shape[1:]
    # a generator of its own: the noise of the rest does not depend on splitting
    generator = make_generator(record.seed, "split")
    field = smooth_noise(size, [record.part_scale_vox] * len(size), generator=generator)
    return (field > 0).to(data.device)


class RandTissueContrastd(TissuePainterd):
    """Dictionary form of :class:`RandTissueContrast`, as :class:`TissuePainterd`."""

    array_class: ClassVar[type[RandomKernel]] = RandTissueContrast
