"""One door to the contrasts: a random mixture, MR physics, or what lies between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from torch import Tensor

from spinesynth.anatomy.tissues import Tissue
from spinesynth.transforms.base import RandomKernel, Record, check_range
from spinesynth.transforms.contrast_draw import part_discs_from_marrow
from spinesynth.transforms.sequence_contrast import RandSequenceContrast, SequenceContrastRecord
from spinesynth.transforms.tissue_contrast import ContrastRecord, RandTissueContrast
from spinesynth.transforms.tissue_painter import TissuePainter, TissuePainterd

ContrastSource = Literal["random", "interpolated", "physics", "hybrid"]


class RandContrast(TissuePainter):
    """Paint a tissue map by a random mixture, by MR physics, or by both.

    Args:
        contrast: where the means of the tissues come from. ``"random"`` and
            ``"interpolated"`` are those of :class:`~spinesynth.transforms.RandTissueContrast`,
            ``"physics"`` is :class:`~spinesynth.transforms.RandSequenceContrast`.
            ``"hybrid"`` draws a physics weight w for each sample: means and texture are
            ``(1 - w)`` of a ``"random"`` draw's and w of a ``"physics"`` draw's; the white
            noise, drawn from one range by both, is the latter's.
        physics_weight: range within [0, 1] of the weight w of a hybrid.
        sequences: of the protocols, as of ``RandSequenceContrast``.
        field_t: as there.
        property_texture: range of the texture in T1, T2 and PD: ``texture`` there.
        alpha: of an interpolated mixture, as of ``RandTissueContrast``.
        texture: range of the texture of a mixture, as there.
        twins: as there.
        least_contrast: how far the means of annulus and vertebral marrow lie apart at
            least, in a mixture and in a hybrid; physics is left as it is.
        spread: range of the standard deviation of white noise within a tissue.
        partial_volume_vox: range of the blur that mixes the means at borders.
        labels: tissue, or its name in lower case, of each code of the map.
        prob: must be 1; a tissue map that is not painted is no image.

    Shape:
        ``(1, *spatial)`` integer Tissue codes to ``(1, *spatial)`` float32 >= 0.

    Source:
        the two that it chooses from; hybrid is of this project.

    Example:
        >>> import torch
        >>> paint = RandContrast("hybrid", physics_weight=(0.2, 0.8)).set_random_state(0)
        >>> paint(torch.ones(1, 8, 8, dtype=torch.uint8)).shape
        torch.Size([1, 8, 8])
        >>> 0.2 <= paint.record.physics_weight <= 0.8
        True
    """

    def __init__(
        self,
        contrast: ContrastSource = "hybrid",
        *,
        physics_weight: tuple[float, float] = (0.0, 1.0),
        sequences: Sequence[str] = ("spider", "clinical"),
        field_t: float | None = None,
        property_texture: tuple[float, float] = (0.0, 0.05),
        alpha: tuple[float, float] = (0.0, 1.0),
        texture: tuple[float, float] = (0.0, 0.18),
        twins: bool = True,
        least_contrast: float = 0.0,
        spread: tuple[float, float] = (0.005, 0.06),
        partial_volume_vox: tuple[float, float] = (0.0, 0.0),
        labels: Mapping[int, Tissue | str] | None = None,
        prob: float = 1.0,
    ) -> None:
        super().__init__(prob, labels=labels)
        if contrast not in get_args(ContrastSource):
            raise ValueError(
                f"contrast must be one of {get_args(ContrastSource)}, got {contrast!r}"
            )
        check_range("physics_weight", physics_weight, low=0, high=1)
        check_range("property_texture", property_texture, low=0, high=1)
        self.contrast, self.physics_weight = contrast, physics_weight
        both: dict[str, Any] = {"spread": spread, "labels": labels}
        both["partial_volume_vox"] = partial_volume_vox
        self._mixture = RandTissueContrast(
            "interpolated" if contrast == "interpolated" else "random",
            alpha=alpha,
            texture=texture,
            twins=twins,
            least_contrast=least_contrast,
            **both,
        )
        self._physics = RandSequenceContrast(
            sequences, field_t=field_t, texture=property_texture, **both
        )

    @property
    def _painter(self) -> RandTissueContrast | RandSequenceContrast:
        """Return the one whose records these are."""
        return self._physics if self.contrast in ("physics", "hybrid") else self._mixture

    def draw(self, data: Tensor) -> Record:
        """Draw the record of the painter that the contrast names; of a hybrid, of both."""
        for painter in (self._mixture, self._physics):
            painter.set_random_state(state=self.R)
        drawn = self._painter.draw(data)
        if self.contrast != "hybrid":
            return drawn
        assert isinstance(drawn, SequenceContrastRecord)  # of the painter of a hybrid
        mixture, weight = self._mixture.draw(data), self.uniform(self.physics_weight)
        return _mix(mixture, drawn, weight, least_contrast=self._mixture.least_contrast)

    def read_record(self, fields: Mapping[str, Any]) -> Record:
        """Return the record of the painter that the contrast names."""
        return self._painter.read_record(fields)

    def apply(self, data: Tensor, record: Any) -> Tensor:  # noqa: ANN401  # its painter's Record
        """Paint by the painter that the contrast names."""
        return self._painter.apply(data, record)


def _mix(
    mixture: ContrastRecord,
    physics: SequenceContrastRecord,
    weight: float,
    *,
    least_contrast: float,
) -> SequenceContrastRecord:
    """Return the physics of a weight w and the mixture of 1 - w, as one record."""

    def blend(random: np.ndarray, physical: tuple[Any, ...]) -> np.ndarray:
        blended: np.ndarray = (1 - weight) * random + weight * np.array(physical)
        return blended

    means = np.array(mixture.means)
    # the texture of a mixture is relative to each mean
    gains = blend(np.outer(mixture.texture, means), physics.gains)
    blended = blend(means, physics.means).tolist()
    return replace(
        physics,
        means=tuple(part_discs_from_marrow(blended, least_contrast)),
        gains=tuple(map(tuple, gains.tolist())),
        physics_weight=weight,
    )


class RandContrastd(TissuePainterd):
    """Dictionary form of :class:`RandContrast`, as :class:`TissuePainterd`."""

    array_class: ClassVar[type[RandomKernel]] = RandContrast
