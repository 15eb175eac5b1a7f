"""Count bodies and discs upwards, across gaps, and find where the sacrum begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from spinesynth.postprocess.column import CLEAR_SACRUM_MM2, Body, Column
from spinesynth.postprocess.parts import Parts
from spinesynth.postprocess.pieces import FloatArray, Piece

# All nominal.
_GAP = 1.6  # of the usual way: a body is missing in between
_SACRUM_MM2 = 50.0  # area in the slice that shows most of a sacrum that is in view
_LEAST_TRUST = 0.35  # in one that hardly shows
_CORRIDOR_MM = 25.0  # to the side of the lowest body, in which the sacrum is looked for
_TO_SACRUM = 0.72  # of the usual way from the lowest body's centre to the top of S1
_DISC_TO_SACRUM = 0.3  # of it from the lowest disc's centre
_ROOM_MM = 40.0  # below the lowest disc, in which a body would show
_DISC_OFF = 0.42  # of the usual way between a disc and its place: farther is in a body
_LARGE = 0.5  # of the usual volume of a disc: then it is one, wherever it lies


class Anchor(NamedTuple):
    """What tells which vertebra is the lowest of the lumbar spine.

    Attributes:
        missing: vertebrae between the lowest body and the sacrum that were not found.
        confidence: in [0, 1].
        on_sacrum: whether the sacrum itself is seen.
        note: in words; empty if nothing is to be said.
    """

    missing: int
    confidence: float
    on_sacrum: bool
    note: str


@dataclass(frozen=True)
class Counted:
    """The column with its upward counts; a number is left out where a body was not found.

    Attributes:
        bodies: by number, upwards.
        discs: by the number of the vertebra above, upwards; the largest piece first.
        lost: pieces that are no part of the column.
        anchor: what tells the lowest lumbar vertebra, which is number 1 then; None if
            nothing does, and 1 is the lowest body that was found.
    """

    bodies: dict[int, Body]
    discs: dict[int, list[Piece]]
    lost: tuple[Piece, ...]
    anchor: Anchor | None

    @property
    def gaps(self) -> tuple[int, ...]:
        """Return the numbers left out between the lowest and the highest body."""
        return tuple(
            n for n in range(min(self.bodies, default=1), max(self.bodies, default=0))
            if n not in self.bodies
        )  # fmt: skip


def count_column(column: Column, parts: Parts, spacing_mm: FloatArray) -> Counted:
    """Count the bodies and discs of a column upwards.

    Args:
        column: with bodies or discs.
        parts: masks of the map.
        spacing_mm: voxel size, ``(3,)``.
    """
    if not column.bodies:
        alone = {n: [disc] for n, (_, disc) in enumerate(column.discs, start=1)}
        return Counted({}, alone, column.off, None)
    numbers = number_bodies(column)
    below = number_discs(column, numbers)
    anchor = find_anchor(column, below, parts, spacing_mm)
    shift = anchor.missing if anchor else 0
    discs: dict[int, list[Piece]] = {}
    lost = list(column.off)
    for number, (_, disc) in zip(below, column.discs, strict=True):
        if number is None or number + shift < 1:
            lost.append(disc)
        else:
            discs.setdefault(number + shift, []).append(disc)
    for pieces in discs.values():
        pieces.sort(key=lambda piece: -piece.volume_mm3)
    bodies = {n + shift: body for n, body in zip(numbers, column.bodies, strict=True)}
    return Counted(bodies, discs, tuple(lost), anchor)


def number_bodies(column: Column) -> list[int]:
    """Return upward counts of the bodies, 1 for the lowest, with gaps where some are missing."""
    numbers = [1] if column.bodies else []
    for below, above in zip(column.bodies[:-1], column.bodies[1:], strict=True):
        steps = (above.arc_mm - below.arc_mm) / column.pitch_mm
        numbers.append(numbers[-1] + (1 if steps < _GAP else max(2, round(steps))))
    return numbers


def number_discs(column: Column, numbers: list[int]) -> list[int | None]:
    """Return the vertebra that each disc lies below, None for what lies within a body.

    A piece as large as a disc is one wherever it lies: between wedged or slipped bodies its
    middle may be far from halfway.

    Args:
        column: with at least one body.
        numbers: of its bodies.
    """
    arcs = [body.arc_mm for body in column.bodies]
    places = {n: arc for n, arc in zip(numbers, arcs, strict=True)}
    span = range(numbers[0] - 2, numbers[-1] + 3)
    beyond = {
        n: arcs[0] + (n - numbers[0]) * column.pitch_mm
        if n < numbers[0]
        else arcs[-1] + (n - numbers[-1]) * column.pitch_mm
        for n in span
    }
    between = dict(zip(span, np.interp(span, numbers, arcs), strict=True))
    centres = {
        n: places.get(n, between[n] if numbers[0] < n < numbers[-1] else beyond[n]) for n in span
    }
    middles = {n: (centres[n - 1] + centres[n]) / 2 for n in span if n - 1 in centres}
    volumes = [disc.volume_mm3 for _, disc in column.discs]
    large = _LARGE * float(np.median(volumes)) if volumes else 0.0
    found: list[int | None] = []
    for arc, disc in column.discs:
        number = min(middles, key=lambda n: abs(middles[n] - arc))
        off = abs(middles[number] - arc) > _DISC_OFF * column.pitch_mm
        found.append(None if off and disc.volume_mm3 < large else number)
    return found


def find_anchor(
    column: Column, below: list[int | None], parts: Parts, spacing_mm: FloatArray
) -> Anchor | None:
    """Return what tells the lowest lumbar vertebra, or None if nothing does.

    Args:
        column: with at least one body, which counts as 1.
        below: number of the vertebra that each disc lies below.
        parts: masks of the map.
        spacing_mm: voxel size, ``(3,)``.
    """
    sacrum = _sacrum(parts, spacing_mm)
    if sacrum is not None:
        anchor = _on_sacrum(column, below, sacrum)
        if anchor is not None:
            return anchor
    return _with_room_below(column, below, parts, spacing_mm)


def _sacrum(parts: Parts, spacing_mm: FloatArray) -> Piece | None:
    """Return all there is of the sacrum, or None if it is too small to be one."""
    voxels = np.argwhere(parts.sacrum)
    whole = Piece(voxels, spacing_mm)
    return whole if len(voxels) and area_mm2(whole) >= _SACRUM_MM2 else None


def area_mm2(piece: Piece) -> float:
    """Return the area of a piece in the sagittal slice that shows most of it."""
    pixels = np.bincount(piece.voxels[:, 0]).max()
    return float(pixels * piece.spacing_mm[1] * piece.spacing_mm[2])


def _on_sacrum(column: Column, below: list[int | None], sacrum: Piece) -> Anchor | None:
    """Return the anchor that a sacrum below the lowest body gives."""
    centre = column.curve.point(column.bodies[0].arc_mm)
    if sacrum.points_mm[:, 2].mean() >= centre[2]:
        return None
    way = _way_mm(centre, sacrum)
    steps = way / column.pitch_mm - _TO_SACRUM
    for number, (arc, disc) in zip(below, column.discs, strict=True):
        beyond = np.linalg.norm(disc.centre_mm - centre) > way  # within the sacrum
        if number is not None and number <= 1 and arc < column.bodies[0].arc_mm and not beyond:
            rest = _way_mm(disc.centre_mm, sacrum) / column.pitch_mm - _DISC_TO_SACRUM
            steps = 1 - number + max(0, round(rest))
            break  # the lowest one
    missing = max(0, round(steps))
    share = min(1.0, area_mm2(sacrum) / CLEAR_SACRUM_MM2)
    clear = _LEAST_TRUST + (1 - _LEAST_TRUST) * share
    note = (
        f"{missing} vertebrae between the lowest body and the sacrum not found" if missing else ""
    )
    return Anchor(missing, clear * (0.7 if missing else 1.0), True, note)


def _way_mm(centre_mm: FloatArray, sacrum: Piece) -> float:
    """Return how far the sacrum lies from a point, its wings aside."""
    offsets = sacrum.points_mm - centre_mm
    beside = np.abs(offsets[:, 0]) <= _CORRIDOR_MM
    near = offsets[beside] if beside.any() else offsets
    return float(np.quantile(np.linalg.norm(near, axis=1), 0.01))


def _with_room_below(
    column: Column, below: list[int | None], parts: Parts, spacing_mm: FloatArray
) -> Anchor | None:
    """Return the anchor of a lowest disc under which a body would have been seen."""
    if [n for n in below if n is not None and n <= 1] != [1]:
        return None
    arc = column.discs[below.index(1)][0]
    tip = (column.curve.point(arc) - _ROOM_MM * column.curve.tangent(arc)) / spacing_mm
    inside = (tip[1:] >= 0).all() and (tip[1:] <= np.array(parts.body.shape[1:]) - 1).all()
    if not inside:
        return None
    return Anchor(0, 0.75, False, "no sacrum found: the lowest disc has no body below it")
