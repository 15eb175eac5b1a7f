"""Stack the segments into a spine, and give every point spine coordinates.

Two coordinate systems are used. A *frame* is rigid and belongs to one segment:
``u`` right, ``v`` anterior from the posterior wall, ``w`` up from mid-height.
*Spine coordinates* follow the posterior wall through all segments: arc length
``s`` upwards from the tip of the sacrum, ``t`` anterior of the wall, ``u`` right
of the (scoliotic) midline. Bones live in frames; canal, ligaments, muscles and
vessels live in spine coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import cos, pi, radians, sin, tan

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import grid_sample

from spinesynth.anatomy.phantom.morphometry import SCOLIOSIS_WAVELENGTH_MM
from spinesynth.anatomy.phantom.parameters import PhantomRecord

_STEP_MM = 2.0  # of the sampled curve
_COARSE = 4  # samples between two of the first search for the nearest
_SMOOTHING_MM = 5.0
_EXTENSION_MM = 200.0  # straight continuation at both ends
_RASTER_MM = 4.0  # of the look-up table; error of bilinear reading is below 0.05 mm

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Frame:
    """Rigid frame of one segment, with the tilt of its two end surfaces.

    Attributes:
        origin: middle of the posterior edge in body coordinates, float64 (3,).
        axes: columns are u, v, w in body coordinates, float64 (3, 3).
        height_mm: along the posterior edge.
        top_slope: rise of the upper surface per mm anterior.
        bottom_slope: fall of the lower surface per mm anterior.
        s_low: arc length of the lower posterior corner.
        s_high: arc length of the upper posterior corner.
    """

    origin: Tensor
    axes: Tensor
    height_mm: float
    top_slope: float
    bottom_slope: float
    s_low: float
    s_high: float

    @property
    def s_middle(self) -> float:
        """Return the arc length of the origin."""
        return (self.s_low + self.s_high) / 2

    @cached_property
    def numbers(self) -> Array:
        """Return the rows (3, 4) that make u, v, w of body points, then height and slopes."""
        axes = self.axes.numpy().T
        rows = np.empty((3, 4))
        rows[:, :3], rows[:, 3] = axes, -(axes @ self.origin.numpy())
        ends = (self.height_mm, self.top_slope, self.bottom_slope)
        return np.concatenate((rows.reshape(12), ends))

    def coordinates(self, x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return u, v, w of body points, in mm."""
        shift = (self.axes.T @ self.origin).tolist()
        u, v, w = (
            x * row[0] + y * row[1] + (z * row[2] - back)
            for row, back in zip(self.axes.T.tolist(), shift, strict=True)
        )
        return u, v, w

    def point(self, u: float, v: float, w: float) -> Tensor:
        """Return the body position of frame coordinates, float64 (3,)."""
        return self.origin + self.axes @ torch.tensor([u, v, w], dtype=torch.float64)


@dataclass(frozen=True)
class _Segment:
    """Straight piece of the posterior edge, bottom to top, in the sagittal plane."""

    height: float
    tilt: float  # forward tilt of its axis, radians
    top: float  # half wedges, radians
    bottom: float
    slip: float = 0.0  # of its upper end, anterior
    yaw: float = 0.0  # turn about its own axis, radians


@dataclass(frozen=True)
class Spine:
    """Frames of all segments and the curve through their posterior edges.

    Level tuples run upwards from L5, sacral tuples downwards from S1.
    """

    vertebrae: tuple[Frame, ...]
    discs: tuple[Frame, ...]
    sacrum: tuple[Frame, ...]
    sacral_discs: tuple[Frame, ...]
    curve: Array  # (N, 2) y, z at equal steps of s
    s_first: float
    scoliosis_mm: float
    scoliosis_phase: float

    @property
    def s_endplate(self) -> float:
        """Return the arc length of the S1 endplate."""
        return self.sacrum[0].s_high

    def plane(self, low: list[float], high: list[float], device: torch.device) -> SpinePlane:
        """Return the look-up table that covers a box of the body.

        Args:
            low: least R, A, S coordinates in mm.
            high: largest coordinates.
            device: where the table shall lie.
        """
        # Nodes at multiples of the step, so that every grid reads the same table.
        first = [int(np.floor(value / _RASTER_MM)) for value in low[1:]]
        last = [int(np.floor(value / _RASTER_MM)) + 1 for value in high[1:]]
        y, z = (
            np.arange(a, b + 1, dtype=np.float64) * _RASTER_MM
            for a, b in zip(first, last, strict=True)
        )
        return SpinePlane(
            torch.from_numpy(self._raster(y, z)).float().to(device),
            (float(y[0]), float(z[0])),
            (float(y[-1]), float(z[-1])),
            self.scoliosis_mm,
            self.scoliosis_phase,
        )

    def _raster(self, y: Array, z: Array) -> Array:
        """Return s and t over the sagittal plane, (2, Z, Y)."""
        nearest = self._nearest(y, z)
        tangents = np.gradient(self.curve, _STEP_MM, axis=0)
        tangents /= np.sqrt((tangents * tangents).sum(axis=1, keepdims=True))
        curve_y, curve_z = self.curve[nearest, 0], self.curve[nearest, 1]
        tangent_y, tangent_z = tangents[nearest, 0], tangents[nearest, 1]
        rel_y, rel_z = y[None, :] - curve_y, z[:, None] - curve_z
        s = self.s_first + nearest * _STEP_MM + rel_y * tangent_y + rel_z * tangent_z
        return np.stack((s, rel_y * tangent_z - rel_z * tangent_y))

    def _nearest(self, y: Array, z: Array) -> NDArray[np.int64]:
        """Return the index of the curve's nearest sample to every node, (Z, Y)."""
        coarse = self.curve[::_COARSE]
        # the squared distance less what all samples share; a neighbour may win, which is mended
        rows = (coarse * coarse).sum(axis=1) - 2.0 * z[:, None] * coarse[:, 1]
        columns = 2.0 * y[:, None] * coarse[:, 0]
        far = rows.astype(np.float32)[:, None] - columns.astype(np.float32)
        nearest: NDArray[np.int64] = far.argmin(axis=2) * _COARSE
        step = _COARSE
        while step > 1:  # the distance has one minimum near the coarse one
            step //= 2
            nearest = self._nearer(y, z, nearest, step)
        return nearest

    def _nearer(self, y: Array, z: Array, index: NDArray[np.int64], step: int) -> NDArray[np.int64]:
        """Return the nearest of samples and of those a step before and after them."""
        offsets = np.array((-step, 0, step))[:, None, None]
        tried = np.clip(index + offsets, 0, len(self.curve) - 1)
        dy, dz = y - self.curve[:, 0].take(tried), z[:, None] - self.curve[:, 1].take(tried)
        best = (dy * dy + dz * dz).argmin(axis=0)
        nearer: NDArray[np.int64] = np.take_along_axis(tried, best[None], axis=0)[0]
        return nearer


@dataclass(frozen=True)
class SpinePlane:
    """Table of s and t over a part of the sagittal plane.

    Attributes:
        table: s and t in mm, float32 (2, Z, Y).
        first_mm: y and z of the first node.
        last_mm: y and z of the last node.
        scoliosis_mm: amplitude of the lateral shift.
        scoliosis_phase: of the shift, radians.
    """

    table: Tensor
    first_mm: tuple[float, float]
    last_mm: tuple[float, float]
    scoliosis_mm: float
    scoliosis_phase: float

    def coordinates(self, x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return spine coordinates u, t, s of body points, in mm."""
        where = torch.stack([self._unit(p, n) for n, p in enumerate((y, z))], dim=-1)
        read = grid_sample(
            self.table[None], where.reshape(1, 1, -1, 2), align_corners=True, padding_mode="border"
        )
        s, t = (channel.reshape(x.shape) for channel in read[0, :, 0])
        rate = 2 * pi / SCOLIOSIS_WAVELENGTH_MM
        shift = (s * rate).add_(self.scoliosis_phase).sin_()
        return torch.add(x, shift, alpha=-self.scoliosis_mm), t, s

    def _unit(self, values: Tensor, axis: int) -> Tensor:
        """Return values on the scale that is -1 at the first node and 1 at the last."""
        first, last = self.first_mm[axis], self.last_mm[axis]
        return (values - first).mul_(2.0 / (last - first)).sub_(1.0)


def stack_spine(record: PhantomRecord) -> Spine:
    """Stack the record's segments from the tip of the sacrum to T7.

    The S1 endplate's posterior corner is the origin of the body coordinates.
    """
    sacral, upper = _sacral_segments(record), _upper_segments(record)
    sequence = sacral[::-1] + upper  # bottom to top
    corners = [np.zeros(2)]
    for segment in sequence:
        slip = segment.slip * _axis(segment.tilt + pi / 2)
        corners.append(corners[-1] + segment.height * _axis(segment.tilt) + slip)
    points = np.array(corners) - corners[len(sacral)]
    arc = np.concatenate(([0.0], np.cumsum([segment.height for segment in sequence])))
    frames = _frames(sequence, points, arc, record)
    below, above = frames[: len(sacral)][::-1], frames[len(sacral) :]
    curve, s_first = _smooth_curve(points, arc, sequence)
    return Spine(
        vertebrae=tuple(above[1::2]),
        discs=tuple(above[0::2]),
        sacrum=tuple(below[0::2]),
        sacral_discs=tuple(below[1::2]),
        curve=curve,
        s_first=s_first,
        scoliosis_mm=record.scoliosis_mm,
        scoliosis_phase=record.scoliosis_phase,
    )


def _upper_segments(record: PhantomRecord) -> list[_Segment]:
    """Return disc, vertebra, disc, vertebra... from L5/S1 upwards."""
    tilt = radians(record.sacral_slope_deg)  # of the surface reached so far
    segments = []
    for disc, body in zip(record.discs, record.vertebrae, strict=True):
        half = radians(disc.wedge_deg) / 2
        segments.append(_Segment(disc.posterior_height_mm, tilt - half, half, half, disc.slip_mm))
        tilt -= 2 * half
        half = radians(body.wedge_deg) / 2
        yaw = radians(body.axial_rotation_deg)
        segments.append(_Segment(body.posterior_height_mm, tilt - half, half, half, yaw=yaw))
        tilt -= 2 * half
    return segments


def _sacral_segments(record: PhantomRecord) -> list[_Segment]:
    """Return S1, disc, S2, disc... downwards; a surface halves the angle between axes."""
    tilts = [radians(segment.tilt_deg) for segment in record.sacrum]
    above = radians(record.sacral_slope_deg)
    segments = []
    for n, segment in enumerate(record.sacrum):
        below = (tilts[n] + tilts[n + 1]) / 2 if n + 1 < len(tilts) else tilts[n]
        segments.append(_Segment(segment.height_mm, tilts[n], tilts[n] - above, below - tilts[n]))
        segments.append(_Segment(segment.disc_height_mm, below, 0.0, 0.0))
        above = below
    return segments[:-1]


def _axis(tilt: float) -> Array:
    return np.array([sin(tilt), cos(tilt)])


def _frames(
    sequence: list[_Segment], points: Array, arc: Array, record: PhantomRecord
) -> list[Frame]:
    """Return the frames of all segments, bottom to top."""
    rate = 2 * pi / SCOLIOSIS_WAVELENGTH_MM
    phase = (arc[:-1] + arc[1:]) / 2 * rate + record.scoliosis_phase
    axes = _axes(sequence, record.scoliosis_mm * rate * np.cos(phase))
    origins = np.empty((len(sequence), 3))
    origins[:, 0] = record.scoliosis_mm * np.sin(phase)
    origins[:, 1:] = (points[:-1] + points[1:]) / 2
    return [
        Frame(
            origin=origin,
            axes=turned,
            height_mm=segment.height,
            top_slope=tan(segment.top),
            bottom_slope=tan(segment.bottom),
            s_low=s_low,
            s_high=s_high,
        )
        for segment, origin, turned, s_low, s_high in zip(
            sequence,
            torch.from_numpy(origins),
            torch.from_numpy(axes),
            arc[:-1].tolist(),
            arc[1:].tolist(),
            strict=True,
        )
    ]


def _axes(sequence: list[_Segment], slope: Array) -> Array:
    """Return columns u = v x w, v and w (N, 3, 3); w leans sideways with the curve's slope."""
    tilt, yaw = (np.array([getattr(part, name) for part in sequence]) for name in ("tilt", "yaw"))
    forward, up, length = np.sin(tilt), np.cos(tilt), np.sqrt(slope * slope + 1.0)
    u = np.stack((1.0 / length, -slope * forward / length, -slope * up / length), axis=1)
    v = np.stack((np.zeros_like(up), up, -forward), axis=1)
    w = np.stack((slope / length, forward / length, up / length), axis=1)
    c, s = np.cos(yaw)[:, None], np.sin(yaw)[:, None]  # about w
    return np.stack((c * u + s * v, c * v - s * u, w), axis=2)


def _smooth_curve(points: Array, arc: Array, sequence: list[_Segment]) -> tuple[Array, float]:
    """Sample the polyline at equal steps, extend its ends and smooth it."""
    low = points[0] - _EXTENSION_MM * _axis(sequence[0].tilt)
    high = points[-1] + _EXTENSION_MM * _axis(sequence[-1].tilt)
    nodes = np.concatenate(([arc[0] - _EXTENSION_MM], arc, [arc[-1] + _EXTENSION_MM]))
    corners = np.vstack((low, points, high))
    s = np.arange(nodes[0], nodes[-1], _STEP_MM)
    curve = np.stack([np.interp(s, nodes, corners[:, axis]) for axis in range(2)], axis=1)
    reach = int(4 * _SMOOTHING_MM / _STEP_MM)
    offsets = np.arange(-reach, reach + 1) * _STEP_MM
    kernel = np.exp(-0.5 * (offsets / _SMOOTHING_MM) ** 2)
    kernel /= kernel.sum()
    smooth = np.stack([np.convolve(curve[:, axis], kernel, mode="valid") for axis in range(2)], 1)
    return smooth, float(s[0] + reach * _STEP_MM)
