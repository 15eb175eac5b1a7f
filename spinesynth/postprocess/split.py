"""Part vertebrae that were found as one, where their section along the spine has a neck."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from spinesynth.postprocess.curve import SpineCurve
from spinesynth.postprocess.pieces import BoolArray, FloatArray, Piece

#: Height of a lumbar body where a map does not tell: means of L5 to T12 (phantom/morphometry.py).
BODY_HEIGHT_MM = 27.0
#: From one lumbar body to the next, with the disc (ibidem).
PITCH_MM = 37.0
_BODY_RANGE_MM = (15.0, 40.0)  # of heights that count for the mean; nominal
# All that follows is nominal.
_STEP_MM, _SMOOTHING_MM = 1.0, 1.5
_OUTSIDE = (0.01, 0.99)  # quantiles of places that a piece reaches from and to
_TALL = 1.2  # of the usual height: shorter pieces are one body
_NECK = (0.4, 0.9)  # sections over the usual one, between which a neck gains by being narrow
_COST_OF_LENGTH = 4.0  # of the square of a part's length over the usual one, less 1
_COST_AT_EDGE = 0.25  # share of that cost where the map may have cut a part short
_LEAST_PART_MM = 8.0


def extent(arc_mm: FloatArray) -> tuple[float, float]:
    """Return from where to where along the curve a piece reaches, without its outliers."""
    low, high = np.quantile(arc_mm, _OUTSIDE)
    return float(low), float(high)


def usual_height(heights_mm: list[float]) -> float:
    """Return the usual height of a body in a map, from heights among which some are merged.

    Example:
        >>> usual_height([25.0, 27.0, 26.0, 60.0]), usual_height([64.0])
        (26.0, 27.0)
    """
    low, high = _BODY_RANGE_MM
    plain = [height for height in heights_mm if low <= height <= high]
    return float(np.median(plain)) if plain else BODY_HEIGHT_MM


def split_merged(
    piece: Piece, curve: SpineCurve, *, height_mm: float, cut: tuple[bool, bool] = (False, False)
) -> list[Piece]:
    """Part a piece that is taller than a body: at its necks, in parts of about the usual length.

    Args:
        piece: of bodies.
        curve: of the spine.
        height_mm: usual height of a body.
        cut: whether the map ends at the lower and at the upper end of the piece, where the
            part may be short.

    Returns:
        Parts from below upwards; the piece itself if it is one body.
    """
    arc, _ = curve.locate(piece.points_mm)
    low, high = extent(arc)
    if high - low < _TALL * height_mm:
        return [piece]
    edges = np.arange(low, high + _STEP_MM, _STEP_MM)
    sections = np.histogram(arc, bins=edges)[0].astype(float)
    sections = gaussian_filter1d(sections, _SMOOTHING_MM / _STEP_MM, mode="nearest")
    cuts = edges[best_cuts(sections / np.median(sections), height_mm=height_mm, cut=cut)]
    place = np.searchsorted(cuts, arc)
    parts: list[BoolArray] = [place == n for n in range(len(cuts) + 1)]
    return [piece.part(part) for part in parts if part.any()]


def best_cuts(
    sections: FloatArray, *, height_mm: float, cut: tuple[bool, bool] = (False, False)
) -> list[int]:
    """Return where a column of sections, 1 mm each and 1 at their usual size, is best cut.

    The number of cuts and their places have the least sum of two costs: of parts longer or
    shorter than a body with its share of the discs, and of cuts that are no neck.

    Args:
        sections: ``(N,)`` from below upwards.
        height_mm: usual height of a body.
        cut: as in :func:`split_merged`.

    Example:
        >>> column = np.ones(64)
        >>> column[30:34] = 0.4
        >>> best_cuts(column, height_mm=27.0), best_cuts(np.ones(30), height_mm=27.0)
        ([32], [])
    """
    total = len(sections)
    disc_mm = height_mm * (PITCH_MM / BODY_HEIGHT_MM - 1)
    gain = np.clip(gaussian_filter1d(sections, _SMOOTHING_MM, mode="nearest"), *_NECK) - _NECK[1]
    best = np.full(total + 1, np.inf)
    before = np.zeros(total + 1, dtype=int)
    best[0] = 0.0
    for end in range(1, total + 1):
        starts = np.arange(end)
        lengths = (end - starts) * _STEP_MM
        usual = height_mm + disc_mm / 2 * ((starts > 0).astype(float) + (end < total))
        costs = _COST_OF_LENGTH * (lengths / usual - 1) ** 2
        at_edge = ((starts == 0) & cut[0]) | bool(end == total and cut[1])
        costs[at_edge & (lengths < usual)] *= _COST_AT_EDGE
        costs[(lengths < _LEAST_PART_MM) & ~at_edge] = np.inf
        costs = best[:end] + costs + (gain[end] if end < total else 0.0)
        before[end] = int(costs.argmin())
        best[end] = costs[before[end]]
    cuts, place = [], int(before[total])
    while place:
        cuts.append(place)
        place = int(before[place])
    return cuts[::-1]
