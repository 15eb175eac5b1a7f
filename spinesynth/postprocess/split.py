"""Part vertebrae that were found as one, where their section along the spine has a neck."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from spinesynth.postprocess.curve import SpineCurve
from spinesynth.postprocess.pieces import FloatArray, Piece

#: Height of a lumbar body where a map does not tell: means of L5 to T12 (phantom/morphometry.py).
BODY_HEIGHT_MM = 27.0
#: From one lumbar body to the next, with the disc (ibidem).
PITCH_MM = 37.0
_BODY_RANGE_MM = (15.0, 40.0)  # of heights that count for the mean; nominal
# All that follows is nominal.
_STEP_MM, _SMOOTHING_MM = 1.0, 1.5
_OUTSIDE = (0.01, 0.99)  # quantiles of places that a piece reaches from and to
_TOO_TALL = 1.45  # of the usual height: surely more than one
_TALL = 1.2  # more than one if the neck is narrow
_NARROW, _NECK = 0.5, 0.92  # section of a neck over the smaller of the largest beside it
_LEAST_PART = 0.35  # of the usual height that a part has


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


def split_merged(piece: Piece, curve: SpineCurve, *, height_mm: float) -> list[Piece]:
    """Part a piece that is taller than a body, at its necks or else evenly.

    Args:
        piece: of bodies.
        curve: of the spine.
        height_mm: usual height of a body.

    Returns:
        Parts from below upwards; the piece itself if it is one body.
    """
    arc, _ = curve.locate(piece.points_mm)
    cuts = sorted(_cuts(arc, height_mm))
    if not cuts:
        return [piece]
    place = np.searchsorted(cuts, arc)
    return [piece.part(place == n) for n in range(len(cuts) + 1)]


def _cuts(arc: FloatArray, height_mm: float) -> list[float]:
    """Return the places along the curve at which voxels are parted."""
    low, high = extent(arc)
    tall = (high - low) / height_mm
    if tall < _TALL:
        return []
    cut = _neck(arc, low, high, height_mm, _NECK if tall >= _TOO_TALL else _NARROW)
    if cut is None:
        if tall < _TOO_TALL:
            return []
        pitch = height_mm * PITCH_MM / BODY_HEIGHT_MM
        count = max(2, round((high - low + pitch - height_mm) / pitch))
        return [float(place) for place in np.linspace(low, high, count + 1)[1:-1]]
    below, above = arc[arc < cut], arc[arc >= cut]
    return [*_cuts(below, height_mm), cut, *_cuts(above, height_mm)]


def _neck(
    arc: FloatArray, low: float, high: float, height_mm: float, narrowest: float
) -> float | None:
    """Return the place of the narrowest neck, or None if none is narrow enough."""
    edges = np.arange(low, high + _STEP_MM, _STEP_MM)
    sections = np.histogram(arc, bins=edges)[0].astype(float)
    sections = gaussian_filter1d(sections, _SMOOTHING_MM / _STEP_MM, mode="nearest")
    margin = round(_LEAST_PART * height_mm / _STEP_MM)
    places = np.arange(margin, len(sections) - margin)
    if not len(places):
        return None
    before = np.maximum.accumulate(sections)[places]
    after = np.maximum.accumulate(sections[::-1])[::-1][places]
    necks = sections[places] / np.maximum(np.minimum(before, after), 1e-9)
    best = int(necks.argmin())
    return float(edges[places[best]] + _STEP_MM / 2) if necks[best] <= narrowest else None
