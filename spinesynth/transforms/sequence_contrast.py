"""Contrast from MR physics: paint a tissue map as a drawn scan of a drawn patient shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, get_args

import numpy as np
import torch
from numpy.random import RandomState
from torch import Tensor

from spinesynth.anatomy.protocols import PROTOCOL_FAMILIES, Protocol, draw_protocol
from spinesynth.anatomy.protocols import Sequence as PulseSequence
from spinesynth.anatomy.relaxation_draw import draw_relaxation
from spinesynth.anatomy.tissues import Tissue
from spinesynth.kernels.mixture import add_tissue_texture, paint_mixture
from spinesynth.kernels.sequence_signal import Conditions, DixonPart, signal_table
from spinesynth.suggest import did_you_mean
from spinesynth.transforms.base import RandomKernel, Record, check_range
from spinesynth.transforms.tissue_painter import (
    TEXTURE_SCALES_VOX,
    WIDEST_BLUR_VOX,
    TissuePainter,
    TissuePainterd,
)

_DIXON_PARTS: tuple[DixonPart, ...] = get_args(DixonPart)
_PROPERTIES = 3  # with texture: T1, T2 and PD


@dataclass(frozen=True)
class SequenceContrastRecord(Record):
    """Drawn scan, and what it makes of each tissue, in the order of :class:`Tissue`.

    ``protocol`` holds the fields of a :class:`~spinesynth.anatomy.protocols.Protocol`,
    ``conditions`` those of :class:`~spinesynth.kernels.sequence_signal.Conditions`.
    ``texture`` are the signed amplitudes in ln T1, ln T2 and ln PD at each scale,
    ``gains`` what the signal of each tissue makes of them. Means, spreads and gains are
    relative to the brightest tissue. ``physics_weight`` is below 1 where a random mixture
    is mixed in: means and gains hold it, ``texture`` does not.
    """

    protocol: Mapping[str, Any]
    conditions: Mapping[str, Any]
    age_years: float
    hydration: float
    means: tuple[float, ...]
    spreads: tuple[float, ...]
    texture: tuple[tuple[float, ...], ...]
    gains: tuple[tuple[float, ...], ...]
    partial_volume_vox: float = 0.0
    physics_weight: float = 1.0


class RandSequenceContrast(TissuePainter):
    """Paint a tissue map by a signal equation: a random protocol, a random patient.

    Each sample draws a protocol as scanners used it
    (:mod:`spinesynth.anatomy.protocols`), the T1, T2, T2*, proton density and fat of one
    patient (:mod:`spinesynth.anatomy.relaxation_draw`), and what flow and magnetisation
    transfer take. Signals are divided by that of the brightest of all tissues, be it in
    the map or not.

    Args:
        sequences: names of families (``"spider"``: T1 and T2 turbo spin echo and SPACE;
            ``"thesis"``: spin echo of any TR and TE; ``"clinical"``: PD, STIR, FLAIR, GRE,
            bSSFP, Dixon) or of single sequences (``"stir"``). Each name is equally likely,
            and within a family each sequence.
        field_t: field in tesla, 1.5 or 3.0; None draws it with the protocol.
        flow: range of the share of blood that sees both pulses of a spin echo: 0 is a flow
            void. The default is nominal.
        transfer: range of the strength of a magnetisation transfer pulse before a GRE, from
            0 (none) to 1.
        spread: range of the standard deviation of white noise within a tissue.
        texture: range of the amplitude of smooth texture in ln T1, ln T2 and ln PD at each
            of three scales, their signs drawn too. The signal follows it by its derivatives
            (to first order), so that it is strong where the scan is sensitive. The default
            is nominal.
        partial_volume_vox: range of the full width at half maximum, in voxels, of the blur
            that mixes the signals, but neither noise nor texture, at borders.
        labels: tissue, or its name in lower case, of each code of the map, as of
            :class:`~spinesynth.transforms.RandTissueContrast`.
        prob: must be 1; a tissue map that is not painted is no image.

    Shape:
        ``(1, *spatial)`` integer Tissue codes to ``(1, *spatial)`` float32 >= 0.

    Source:
        equations as cited in :mod:`spinesynth.kernels.signal_equations`, tissues and
        protocols as cited in ``relaxation_table.yaml`` and ``protocol_table.yaml``.

    Example:
        >>> import torch
        >>> paint = RandSequenceContrast(("stir", "t2_tse"), field_t=1.5).set_random_state(0)
        >>> paint(torch.ones(1, 8, 8, dtype=torch.uint8)).dtype
        torch.float32
        >>> paint.record.protocol["sequence"]
        'stir'
    """

    record_class: ClassVar[type[Record]] = SequenceContrastRecord

    def __init__(
        self,
        sequences: Sequence[str] = ("spider", "clinical"),
        *,
        field_t: float | None = None,
        flow: tuple[float, float] = (0.0, 0.5),
        transfer: tuple[float, float] = (0.0, 1.0),
        spread: tuple[float, float] = (0.005, 0.06),
        texture: tuple[float, float] = (0.0, 0.05),
        partial_volume_vox: tuple[float, float] = (0.0, 0.0),
        labels: Mapping[int, Tissue | str] | None = None,
        prob: float = 1.0,
    ) -> None:
        super().__init__(prob, labels=labels)
        check_range("flow", flow, low=0, high=1)
        check_range("transfer", transfer, low=0, high=1)
        check_range("spread", spread, low=0, high=10)
        check_range("texture", texture, low=0, high=1)
        check_range("partial_volume_vox", partial_volume_vox, low=0, high=WIDEST_BLUR_VOX)
        self._choices = _read_sequences(sequences, field_t)
        self.field_t = field_t
        self.flow, self.transfer = flow, transfer
        self.spread, self.texture = spread, texture
        self.partial_volume_vox = partial_volume_vox

    def draw(self, data: Tensor) -> SequenceContrastRecord:
        """Draw protocol, patient, conditions, texture and noise, and work out the signals."""
        seed = self.draw_seed()
        choice = self._choices[self.R.randint(len(self._choices))]
        protocol = draw_protocol(self.R, sequences=choice, field_t=self.field_t)
        patient = draw_relaxation(self.R, field_t=protocol.field_t)
        conditions = Conditions(
            flow=self.uniform(self.flow),
            transfer=self.uniform(self.transfer),
            dixon_part=_DIXON_PARTS[self.R.randint(len(_DIXON_PARTS))],
        )
        table = signal_table(protocol, patient, conditions)
        size = (_PROPERTIES, len(TEXTURE_SCALES_VOX))
        low, high = self.texture
        sides = self.R.uniform(-1, 1, size)  # sign and place in the range at once
        texture = np.copysign(low + (high - low) * np.abs(sides), sides)
        signal, *slopes = (column.numpy() for column in table)
        brightest = max(signal.tolist())
        return SequenceContrastRecord(
            seed,
            protocol=_plain(protocol),
            conditions=dict(vars(conditions)),
            age_years=patient.age_years,
            hydration=patient.hydration,
            means=_floats(signal / brightest),
            spreads=_floats(self.R.uniform(*self.spread, len(Tissue))),
            texture=tuple(map(tuple, texture.tolist())),
            gains=tuple(map(tuple, (texture.T @ np.array(slopes) / brightest).tolist())),
            partial_volume_vox=self.uniform(self.partial_volume_vox),
        )

    def apply(self, data: Tensor, record: SequenceContrastRecord) -> Tensor:
        """Paint with the means, spreads and gains of a record."""
        generator = record.generator()
        tables = (record.means, record.spreads, record.gains)
        means, spreads, gains = (
            torch.from_numpy(np.array([table], dtype=np.float32)).to(data.device)
            for table in tables
        )
        image = paint_mixture(
            data[None],
            means,
            spreads=spreads,
            generator=generator,
            lookup=self._lookup,
            partial_volume_vox=record.partial_volume_vox,
        )
        if any(map(any, record.gains)):
            add_tissue_texture(
                image,
                data[None],
                gains,
                scales_vox=TEXTURE_SCALES_VOX,
                generator=generator,
                lookup=self._lookup,
            )
        return image[0].clamp_(min=0)


def _read_sequences(
    names: Sequence[str], field_t: float | None
) -> tuple[tuple[PulseSequence, ...], ...]:
    """Return the sequences of each name; of a family, those with parameters at the field.

    Raises:
        ValueError: if a name is unknown, or nothing of it has parameters at the field.
    """
    known = {**PROTOCOL_FAMILIES, **{one.value: (one,) for one in PulseSequence}}
    if isinstance(names, str) or not names:
        raise ValueError(f"sequences must list at least one of {tuple(known)}, got {names!r}")
    for name in names:
        if name not in known:
            hint = did_you_mean(str(name), tuple(known))
            raise ValueError(f"sequences must be of {tuple(known)}, got {name!r}{hint}")
    return tuple(_at_field(known[name], field_t) for name in names)


def _at_field(
    sequences: tuple[PulseSequence, ...], field_t: float | None
) -> tuple[PulseSequence, ...]:
    """Return the sequences that have parameters at the field; the error of the last if none has."""
    kept, refused = [], None
    for sequence in sequences:
        try:
            draw_protocol(RandomState(0), sequences=(sequence,), field_t=field_t)
        except ValueError as error:
            refused = error
        else:
            kept.append(sequence)
    if not kept and refused is not None:
        raise refused
    return tuple(kept)


def _plain(protocol: Protocol) -> dict[str, Any]:
    """Return the fields as plain JSON types."""
    return {**vars(protocol), "sequence": protocol.sequence.value}


def _floats(values: np.ndarray) -> tuple[float, ...]:
    return tuple(values.tolist())


class RandSequenceContrastd(TissuePainterd):
    """Dictionary form of :class:`RandSequenceContrast`, as :class:`TissuePainterd`."""

    array_class: ClassVar[type[RandomKernel]] = RandSequenceContrast
