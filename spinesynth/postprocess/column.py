"""The column: bodies along one curve from below upwards, and what lies off it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spinesynth.postprocess.chain import Node, find_chain
from spinesynth.postprocess.curve import SpineCurve, curve_through
from spinesynth.postprocess.parts import Parts
from spinesynth.postprocess.pieces import FloatArray, Piece, find_pieces
from spinesynth.postprocess.split import (
    BODY_HEIGHT_MM,
    PITCH_MM,
    extent,
    split_merged,
    usual_height,
)

#: Area of a sacrum, in the slice that shows most of it, of which there is no doubt; nominal.
CLEAR_SACRUM_MM2 = 300.0
# All nominal.
_WEIGHT_OF_DISC = 0.5
_SIZE_COUNTS = 0.25  # of the largest: smaller pieces say nothing of the usual size
_CHUNK_MM, _TALL_MM = 30.0, 56.0  # taller pieces are several; no tilted body is
_NEAR_MM = 30.0  # from the curve to the centre of what may belong to it
_OVERLAP = 0.5  # of a piece's extent: then it is a fragment of the body there
_FLAT = 0.6  # of the usual height
_GAP = 1.4  # of the usual way from one body to the next: there is room for another body in between
_PITCH_RANGE_MM = (20.0, 52.0)


@dataclass(frozen=True)
class Body:
    """One vertebral body.

    Attributes:
        pieces: the main one first, then fragments.
        arc_mm: place of its centre along the curve.
        low_mm: where it begins along the curve.
        high_mm: where it ends.
    """

    pieces: tuple[Piece, ...]
    arc_mm: float
    low_mm: float
    high_mm: float


@dataclass(frozen=True)
class Column:
    """Bodies and discs of one spine.

    Attributes:
        curve: through their centres.
        bodies: from below upwards.
        discs: with the place of each along the curve, from below upwards.
        off: pieces of bodies and discs that lie off the curve.
        pitch_mm: usual way from one body to the next.
        parted: how many bodies were parted from others.
        spacing_mm: voxel size of the map, ``(3,)``.
    """

    curve: SpineCurve
    bodies: tuple[Body, ...]
    discs: tuple[tuple[float, Piece], ...]
    off: tuple[Piece, ...]
    pitch_mm: float
    parted: int
    spacing_mm: FloatArray


def find_column(
    parts: Parts, spacing_mm: FloatArray, *, least_mm3: float, splits: bool
) -> Column | None:
    """Find the bodies and discs of the one spine of a map.

    Args:
        parts: masks of the map.
        spacing_mm: voxel size, ``(3,)``.
        least_mm3: smaller pieces are not looked at.
        splits: whether merged bodies are parted.

    Returns:
        The column, or None if there is neither body nor disc.
    """
    floor = _floor_mm(parts, spacing_mm)
    bodies, low = _above(find_pieces(parts.body, spacing_mm, least_mm3=least_mm3), floor)
    discs, lower = _above(find_pieces(parts.disc, spacing_mm, least_mm3=least_mm3), floor)
    chunks = [chunk for body in bodies for chunk in _chunks(body)]
    first, _ = _follow(chunks, discs)
    if first is None:
        return None
    found = len(bodies)
    if splits:
        bodies = _parted(bodies, first, parts.body.shape[2])
    curve, chained = _follow(bodies, discs)
    assert curve is not None  # there was one before
    column, off = _gather(bodies, chained, curve, parts.body.shape)
    pitch = usual_pitch([body.arc_mm for body in column])
    placed, beside = _placed_discs(discs, curve)
    return Column(
        curve, column, placed, (*low, *lower, *off, *beside), pitch, len(bodies) - found, spacing_mm
    )


def usual_pitch(arcs_mm: list[float]) -> float:
    """Return the usual way from one body to the next, in mm.

    Example:
        >>> usual_pitch([0.0, 36.0, 70.0, 140.0]), usual_pitch([0.0])
        (35.0, 37.0)
    """
    low, high = _PITCH_RANGE_MM
    ways = [way for way in np.diff(arcs_mm) if low <= way <= high]
    return float(np.median(ways)) if ways else PITCH_MM


def _floor_mm(parts: Parts, spacing_mm: FloatArray) -> float:
    """Return the height of the middle of the sacrum, below which there is no body."""
    pixels = parts.sacrum.sum(axis=(1, 2))
    if pixels.max() * spacing_mm[1] * spacing_mm[2] < CLEAR_SACRUM_MM2:
        return -np.inf
    return float(np.average(np.arange(parts.sacrum.shape[2]), weights=parts.sacrum.sum(axis=(0, 1)))
                 * spacing_mm[2])  # fmt: skip


def _above(pieces: list[Piece], floor_mm: float) -> tuple[list[Piece], list[Piece]]:
    """Return the pieces whose middle lies above a height, and the others."""
    higher = [piece.centre_mm[2] > floor_mm for piece in pieces]
    return (
        [piece for piece, is_higher in zip(pieces, higher, strict=True) if is_higher],
        [piece for piece, is_higher in zip(pieces, higher, strict=True) if not is_higher],
    )


def _chunks(piece: Piece) -> list[Piece]:
    """Return a piece, or parts of it in order of height if it is taller than any body."""
    heights = piece.points_mm[:, 2]
    tall = float(np.ptp(heights))
    if tall < _TALL_MM:
        return [piece]
    count = round(tall / _CHUNK_MM)
    place = np.minimum((heights - heights.min()) / tall * count, count - 1).astype(int)
    return [piece.part(place == n) for n in range(count) if (place == n).any()]


def _follow(bodies: list[Piece], discs: list[Piece]) -> tuple[SpineCurve | None, list[int]]:
    """Return the curve through the best chain, and the numbers of the bodies in it."""
    nodes = [
        *(Node(b.centre_mm, w, True) for b, w in zip(bodies, _weights(bodies), strict=True)),
        *(
            Node(d.centre_mm, _WEIGHT_OF_DISC * w, False)
            for d, w in zip(discs, _weights(discs), strict=True)
        ),
    ]
    chain = find_chain(nodes)
    if not chain:
        return None, []
    curve = curve_through(np.stack([nodes[n].centre_mm for n in chain]))
    return curve, [n for n in chain if n < len(bodies)]


def _weights(pieces: list[Piece]) -> list[float]:
    """Return what each piece is worth: 1 from the usual size on."""
    sizes = np.array([piece.volume_mm3 for piece in pieces])
    if not len(sizes):
        return []
    usual = float(np.median(sizes[sizes >= _SIZE_COUNTS * sizes.max()]))
    return [float(share) for share in np.minimum(1.0, sizes / usual)]


def _parted(bodies: list[Piece], curve: SpineCurve, rows: int) -> list[Piece]:
    """Return the bodies, those near the curve that are merged in their parts."""
    places = [curve.locate(body.points_mm) for body in bodies]
    near = [bool(np.median(distance) < _NEAR_MM) for _, distance in places]
    extents = [extent(arc) for arc, _ in places]
    height = usual_height([high - low for (low, high), n in zip(extents, near, strict=True) if n])
    parted = []
    for body, is_near in zip(bodies, near, strict=True):
        levels = body.voxels[:, 2]
        cut = (bool(levels.min() == 0), bool(levels.max() == rows - 1))
        parted += split_merged(body, curve, height_mm=height, cut=cut) if is_near else [body]
    return parted


def _gather(
    pieces: list[Piece], chained: list[int], curve: SpineCurve, shape: tuple[int, ...]
) -> tuple[tuple[Body, ...], list[Piece]]:
    """Return the bodies of the chain with their fragments, and the pieces that belong to none."""
    numbers = _with_left_out(pieces, _without_slivers(pieces, chained, curve), curve, shape)
    members = [[pieces[n]] for n in numbers]
    spans = [extent(curve.locate(m[0].points_mm)[0]) for m in members]
    main = {id(m[0]) for m in members}
    off = []
    for piece in pieces:
        if id(piece) in main:
            continue
        owner = _owner(piece, spans, curve)
        if owner is None:
            off.append(piece)
        else:
            members[owner].append(piece)
    bodies = tuple(
        Body(tuple(m), float(curve.locate(m[0].centre_mm[None])[0][0]), *span)
        for m, span in zip(members, spans, strict=True)
    )
    return bodies, off


def _without_slivers(pieces: list[Piece], chained: list[int], curve: SpineCurve) -> list[int]:
    """Leave out of a chain flat bodies between two that are no farther apart than neighbours."""
    arcs = {n: float(curve.locate(pieces[n].centre_mm[None])[0][0]) for n in chained}
    spans = {n: extent(curve.locate(pieces[n].points_mm)[0]) for n in chained}
    heights = {n: high - low for n, (low, high) in spans.items()}
    usual = usual_height(list(heights.values()))
    room = _GAP * usual * PITCH_MM / BODY_HEIGHT_MM
    kept = list(chained)
    for n in sorted(chained[1:-1], key=lambda m: heights[m]):
        at = kept.index(n)
        if not 0 < at < len(kept) - 1 or heights[n] > _FLAT * usual:
            continue
        if arcs[kept[at + 1]] - arcs[kept[at - 1]] < room:
            kept.remove(n)
    return kept


def _with_left_out(
    pieces: list[Piece], chained: list[int], curve: SpineCurve, shape: tuple[int, ...]
) -> list[int]:
    """Add to a chain flat bodies that fill its gaps, and what the map's edges cut of the next."""
    places = {n: curve.locate(piece.points_mm) for n, piece in enumerate(pieces)}
    middles = {n: float(np.median(arc)) for n, (arc, _) in places.items()}
    spans = {n: extent(arc) for n, (arc, _) in places.items()}
    usual = float(np.median([pieces[n].volume_mm3 for n in chained])) if chained else 0.0
    pitch = usual_pitch([middles[n] for n in chained])
    for n in range(len(pieces) if chained else 0):  # the largest first
        if n in chained or float(np.median(places[n][1])) > _NEAR_MM:
            continue
        above = next((m for m in chained if middles[m] > middles[n]), None)
        at = len(chained) if above is None else chained.index(above)
        below = chained[at - 1] if at else None
        rows = pieces[n].voxels[:, 2]
        if (below is not None and middles[n] <= spans[below][1]) or (
            above is not None and middles[n] >= spans[above][0]
        ):
            continue  # within a body
        if below is None:
            fits = rows.min() == 0
        elif above is None:
            fits = rows.max() == shape[2] - 1
        else:
            is_gap = middles[above] - middles[below] >= _GAP * pitch
            fits = is_gap and pieces[n].volume_mm3 >= _SIZE_COUNTS * usual
        if fits:
            chained = [*chained[:at], n, *chained[at:]]
    return chained


def _owner(piece: Piece, spans: list[tuple[float, float]], curve: SpineCurve) -> int | None:
    """Return the body of which a piece is a fragment, by where it lies along the curve."""
    arc, distance = curve.locate(piece.points_mm)
    if float(np.median(distance)) > _NEAR_MM:
        return None
    shares = [float(((low <= arc) & (arc <= high)).mean()) for low, high in spans]
    best = int(np.argmax(shares)) if shares else 0
    return best if shares and shares[best] >= _OVERLAP else None


def _placed_discs(
    discs: list[Piece], curve: SpineCurve
) -> tuple[tuple[tuple[float, Piece], ...], list[Piece]]:
    """Return the discs near the curve with their places, and the others."""
    placed, beside = [], []
    for disc in discs:
        arc, distance = curve.locate(disc.centre_mm[None])
        if float(distance[0]) > _NEAR_MM:
            beside.append(disc)
        else:
            placed.append((float(arc[0]), disc))
    return tuple(sorted(placed, key=lambda item: item[0])), beside
