"""Chemical shift: the fat of an image moves along the readout."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from monai.config.type_definitions import KeysCollection
from torch import Tensor

from spinesynth.anatomy.tissues import Tissue
from spinesynth.kernels.chemical_shift import apply_chemical_shift, fat_water_shift_hz
from spinesynth.transforms.base import (
    RandomKernel,
    RandomKerneld,
    Record,
    as_list,
    as_plain,
    check_range,
    is_number,
    rewrap,
)
from spinesynth.transforms.encoding_axis import check_axis, draw_axis

#: Share of a tissue's signal that is fat; tissues that are not named have none.
#: All values are nominal: they are shares of signal, which depend on the
#: contrast as well, while the literature measures proton density. Young adults'
#: lumbar bodies have 27-35 % of it and older ones more (Baum et al. 2018,
#: Frontiers in Endocrinology 9:141), and fat is the brighter part on TSE.
FAT_FRACTIONS: Mapping[Tissue, float] = MappingProxyType(
    {
        Tissue.FAT: 0.95,  # adipose tissue holds a few per cent of water
        Tissue.FAT_EPIDURAL: 0.9,  # with vessels and septa
        Tissue.MARROW_BODY: 0.4,
        Tissue.MARROW_POSTERIOR: 0.45,  # turns fatty earlier than the body
        Tissue.MARROW_SACRUM: 0.5,  # fat rises from L1 downwards
        Tissue.MARROW_FATTY: 0.85,  # haemangioma, fatty endplate change
        Tissue.MARROW_OEDEMA: 0.2,  # water displaces fat
        Tissue.MARROW_SCLEROTIC: 0.2,  # little signal of either
        Tissue.SKIN: 0.2,  # partial volume with the fat beneath
        Tissue.MUSCLE: 0.05,  # fat between its fibres
    }
)


def fat_fraction_map(tissue: Tensor) -> Tensor:
    """Return the share of fat in the signal of each voxel of a tissue map, as float32."""
    table = torch.tensor([FAT_FRACTIONS.get(member, 0.0) for member in Tissue])
    return table.to(tissue.device)[tissue.long()]


@dataclass(frozen=True)
class ChemicalShiftRecord(Record):
    """Drawn readout: field, bandwidth, axis, and the shift that follows from them."""

    field_tesla: float
    bandwidth_hz_per_pixel: float
    shift_vox: float
    axis: int


class RandChemicalShift(RandomKernel):
    """Move the fat of an image along the readout, and leave its water.

    Fat lags behind water by 3.5 ppm, 223.5 Hz at 1.5 T and 447 Hz at 3 T, and
    moves by that frequency over the bandwidth of a pixel, to one side or the
    other with the polarity of the readout gradient.

    Args:
        field_tesla: field strengths to choose from, each above 0 and at most 20.
        bandwidth_hz_per_pixel: range of the bandwidth of a pixel; a voxel of
            ``data`` counts as an acquired pixel (nominal for lumbar TSE).
        axis: readout axis of ``data``; None draws one of the last two.
        prob: probability of acting.

    Shape:
        ``(2, *spatial)`` float: image >= 0 and share of fat in [0, 1]. The image
        comes back with its fat moved, the share as it was.

    Source:
        Hood et al. 1999, RadioGraphics 19:357.

    Example:
        >>> import torch
        >>> move = RandChemicalShift((1.5,), bandwidth_hz_per_pixel=(100, 100))
        >>> data = torch.stack([torch.rand(16, 16), torch.ones(16, 16)])
        >>> moved = move.set_random_state(0)(data)
        >>> round(abs(move.record.shift_vox), 2)
        2.24
    """

    record_class: ClassVar[type[Record]] = ChemicalShiftRecord

    def __init__(
        self,
        field_tesla: Sequence[float] = (1.5, 3.0),
        *,
        bandwidth_hz_per_pixel: tuple[float, float] = (130.0, 400.0),
        axis: int | None = None,
        prob: float = 1.0,
    ) -> None:
        super().__init__(prob)
        fields = as_list(field_tesla)
        if not fields or not all(is_number(tesla) and 0 < tesla <= 20 for tesla in fields):
            raise ValueError(
                f"field_tesla must be one or more numbers in (0, 20], got {field_tesla!r}"
            )
        check_range("bandwidth_hz_per_pixel", bandwidth_hz_per_pixel, low=1, high=1e6)
        check_axis("axis", axis)
        self.field_tesla, self.axis = tuple(field_tesla), axis
        self.bandwidth_hz_per_pixel = bandwidth_hz_per_pixel

    def draw(self, data: Tensor) -> ChemicalShiftRecord:
        """Draw field, bandwidth, polarity and axis."""
        field = float(self.field_tesla[self.R.randint(len(self.field_tesla))])
        bandwidth = self.uniform(self.bandwidth_hz_per_pixel)
        polarity = 1 - 2 * int(self.R.randint(2))
        shift = polarity * fat_water_shift_hz(field) / bandwidth
        axis = draw_axis("axis", self.axis, data.ndim, random_state=self.R)
        return ChemicalShiftRecord(self.draw_seed(), field, bandwidth, shift, axis)

    def apply(self, data: Tensor, record: ChemicalShiftRecord) -> Tensor:
        """Move the fat as a record says."""
        if data.shape[0] != 2:
            raise ValueError(
                "data must have 2 channels, image and share of fat, "
                f"got {data.shape[0]} (the dictionary form takes a tissue_key instead)"
            )
        values = data.float()
        return torch.cat([self.shift_fat(values[:1], values[1:], record), values[1:]])

    def shift_fat(self, image: Tensor, fat: Tensor, record: ChemicalShiftRecord) -> Tensor:
        """Return an image ``(C, *spatial)`` whose fat, a share ``(1, *spatial)``, has moved."""
        return apply_chemical_shift(
            image[None].float(), fat[None], record.shift_vox, axis=record.axis
        )[0]


class RandChemicalShiftd(RandomKerneld):
    """Dictionary form of :class:`RandChemicalShift`; all keys share one draw.

    Args:
        keys: keys of the images.
        tissue_key: key of the tissue map, on the images' grid, from which the
            share of fat is looked up in :data:`FAT_FRACTIONS`; None takes arrays
            with the share in a second channel, as the array form does.
        allow_missing_keys: do not raise if a key is missing.
        **parameters: those of :class:`RandChemicalShift`.
    """

    array_class: ClassVar[type[RandomKernel]] = RandChemicalShift
    transform: RandChemicalShift

    def __init__(
        self,
        keys: KeysCollection,
        *,
        tissue_key: str | None = None,
        allow_missing_keys: bool = False,
        **parameters: Any,  # noqa: ANN401  # those of array_class
    ) -> None:
        super().__init__(keys, allow_missing_keys=allow_missing_keys, **parameters)
        self.tissue_key = tissue_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Move the fat of the arrays under ``keys`` of a copied dictionary."""
        if self.tissue_key is None:
            return super().__call__(data)
        result = dict(data)
        fat: Tensor | None = None
        for key in self.key_iterator(result):
            image = as_plain(result[key])
            if fat is None:
                fat = fat_fraction_map(as_plain(result[self.tissue_key]))
                self.randomize(image)
            if isinstance(self.record, ChemicalShiftRecord):
                image = self.transform.shift_fat(image, fat, self.record)
            result[key] = rewrap(image.clone(), result[key])
        return result
