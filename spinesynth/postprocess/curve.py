"""The spine's own curve: a smooth line through its bodies and discs, and places along it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import KDTree

from spinesynth.postprocess.pieces import FloatArray

_STEP_MM = 1.0
_SMOOTHING_MM = 8.0  # a fifth of the way from one body to the next, nominal
_BEYOND_MM = 150.0  # straight continuation at both ends
_END_MM = 20.0  # length of the end piece whose direction continues


@dataclass(frozen=True)
class SpineCurve:
    """A line that runs upwards.

    Attributes:
        points_mm: ``(N, 3)`` samples along the axes of the grid.
        arc_mm: ``(N,)`` length from the first centre; negative before it.
    """

    points_mm: FloatArray
    arc_mm: FloatArray

    @cached_property
    def tangents(self) -> FloatArray:
        """Return the direction of each sample, upwards, of length 1."""
        steps = np.gradient(self.points_mm, axis=0)
        return np.asarray(steps / np.linalg.norm(steps, axis=1, keepdims=True))

    @cached_property
    def _tree(self) -> KDTree:
        return KDTree(self.points_mm)

    def locate(self, points_mm: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the place along the curve and the distance from it of points, in mm.

        Args:
            points_mm: ``(N, 3)`` along the axes of the grid.
        """
        distance, nearest = self._tree.query(points_mm)
        offset = points_mm - self.points_mm[nearest]
        along = (offset * self.tangents[nearest]).sum(axis=1)
        return self.arc_mm[nearest] + along, np.asarray(distance)

    def point(self, arc_mm: float) -> FloatArray:
        """Return the position of a place along the curve, ``(3,)``."""
        return np.array([np.interp(arc_mm, self.arc_mm, axis) for axis in self.points_mm.T])

    def tangent(self, arc_mm: float) -> FloatArray:
        """Return the direction at a place along the curve, upwards, ``(3,)``."""
        place = int(np.clip(np.searchsorted(self.arc_mm, arc_mm), 0, len(self.arc_mm) - 1))
        return np.asarray(self.tangents[place])


def curve_through(centres_mm: FloatArray) -> SpineCurve:
    """Return the smooth curve through centres, straight beyond the first and the last.

    Args:
        centres_mm: ``(M, 3)`` from below upwards, at least one; through one alone the
            curve is vertical.

    Example:
        >>> curve = curve_through(np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 40.0]]))
        >>> [round(float(v[0]), 3) for v in curve.locate(np.array([[3.0, 4.0, 10.0]]))]
        [10.0, 5.0]
    """
    if len(centres_mm) == 1:
        centres_mm = np.stack([centres_mm[0], centres_mm[0] + [0.0, 0.0, _END_MM]])
    chord = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(centres_mm, axis=0), axis=1))])
    places = np.linspace(0.0, chord[-1], max(3, round(chord[-1] / _STEP_MM) + 1))
    inner = PchipInterpolator(chord, centres_mm, axis=0)(places)
    reach = min(len(inner) - 1, round(_END_MM / _STEP_MM))
    steps = np.arange(1, round(_BEYOND_MM / _STEP_MM) + 1)[:, None] * _STEP_MM
    first, last = _unit(inner[reach] - inner[0]), _unit(inner[-1] - inner[-1 - reach])
    line = np.concatenate([inner[0] - steps[::-1] * first, inner, inner[-1] + steps * last])
    line = gaussian_filter1d(line, _SMOOTHING_MM / _STEP_MM, axis=0, mode="nearest")
    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    return SpineCurve(line, arc - arc[len(steps)])


def _unit(vector: FloatArray) -> FloatArray:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-6))
