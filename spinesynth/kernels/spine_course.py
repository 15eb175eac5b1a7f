"""The course of a column of bodies or discs, and coordinates along and across it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn.functional import interpolate

_NODE_MM = 1.0  # steps of the course's table
_BEYOND_MM = 80.0  # by which it continues beyond the map
_SMOOTHING_MM = 8.0
_COARSE_MM = 4.0  # grid of the coordinates, which are smooth
_STEEPEST = 1.2  # A per S, about 50 degrees
_SMALLEST = 0.35  # of the largest piece: less is a process, or a body cut off
_BESIDE = 0.5  # of a piece's height: a piece closer to its middle lies beside it
_STEPS = 4  # of the search for the nearest point; more change less than a tenth of a mm


class SpineCourse(NamedTuple):
    """Coordinates of a sagittal plane along a column, in mm.

    Attributes:
        s: ``(J, K)`` along the column, upwards.
        t: ``(J, K)`` across it, forwards from its middle.
        rear: ``(J, K)`` t of the posterior wall at this height.
        front: ``(J, K)`` t of the anterior wall at this height.
        extents: lowest and highest s of each piece, upwards.
        step_mm: voxel size along K.
    """

    s: Tensor
    t: Tensor
    rear: Tensor
    front: Tensor
    extents: tuple[tuple[float, float], ...]
    step_mm: float


def find_course(column: Tensor, spacing_mm: tuple[float, float]) -> SpineCourse | None:
    """Follow the pieces of a column.

    Args:
        column: ``(I, J, K)`` mask of bodies or of discs; of a volume, the slice that
            shows most of it is followed.
        spacing_mm: voxel size along J and K.

    Returns:
        The course, or None if there are not two pieces above each other.
    """
    mask = np.asarray(column[int(column.sum((1, 2)).argmax())])
    pieces = _pieces(mask, spacing_mm)
    if len(pieces) < 2:
        return None
    centres = np.array([piece.mean(0) for piece in pieces])
    heights = np.arange(-_BEYOND_MM, mask.shape[1] * spacing_mm[1] + _BEYOND_MM, _NODE_MM)
    line = _through(centres, heights)
    slope = np.gradient(line, _NODE_MM)
    arc = np.cumsum(np.hypot(1.0, slope)) * _NODE_MM
    tables = np.stack([line, slope, arc])
    a, k = (
        np.linspace(0, (size - 1) * step, max(2, round(size * step / _COARSE_MM)))
        for size, step in zip(mask.shape, spacing_mm, strict=True)
    )
    rows, columns = np.broadcast_arrays(a[:, None], k[None])
    s, t = _project(rows, columns, tables=tables)
    walls, extents = [], []
    places = np.stack(_project(*np.concatenate(pieces).T, tables=tables))
    for piece in np.split(places, np.cumsum([len(piece) for piece in pieces[:-1]]), axis=1):
        (low, _), (_, behind), (_, before), (high, _) = np.percentile(piece, (2, 4, 96, 98), axis=1)
        extents.append((float(low), float(high)))
        walls.append([(low + high) / 2, behind, before])
    nodes = np.array(walls).T
    rear, front = (np.interp(s, nodes[0], edge) for edge in nodes[1:])
    coarse = torch.from_numpy(np.stack([s, t, rear, front])).float()
    fields = interpolate(coarse[None], mask.shape, mode="bilinear", align_corners=True)[0]
    return SpineCourse(
        s=fields[0], t=fields[1], rear=fields[2], front=fields[3],
        extents=tuple(extents), step_mm=spacing_mm[1],
    )  # fmt: skip


def _pieces(mask: np.ndarray, spacing_mm: tuple[float, float]) -> list[np.ndarray]:
    """Return the positions (a, s) in mm of the voxels of each large piece, upwards."""
    labels, count = ndimage.label(mask)
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    if not count:
        return []
    large = [n + 1 for n in np.argsort(-areas) if areas[n] >= max(2, _SMALLEST * areas.max())]
    found: list[tuple[float, float, np.ndarray]] = []
    boxes = ndimage.find_objects(labels)
    for number in large:  # the largest first: a process beside a body is left out
        box = boxes[number - 1]
        corner = [part.start for part in box]
        points = (np.argwhere(labels[box] == number) + corner) * np.array(spacing_mm)
        height = float(points[:, 1].mean())
        if all(abs(other - height) > _BESIDE * extent for other, extent, _ in found):
            found.append((height, float(np.ptp(points[:, 1])), points))
    return [points for _, _, points in sorted(found, key=lambda piece: piece[0])]


def _through(centres: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Return the smooth line ``a(height)`` through centres, straight beyond its ends."""
    a, k = centres.T
    slopes = np.clip(np.diff(a) / np.maximum(np.diff(k), 1e-3), -_STEEPEST, _STEEPEST)
    line = np.interp(heights, k, a)
    below, above = heights < k[0], heights > k[-1]
    line[below] = a[0] + slopes[0] * (heights[below] - k[0])
    line[above] = a[-1] + slopes[-1] * (heights[above] - k[-1])
    return np.asarray(ndimage.gaussian_filter1d(line, _SMOOTHING_MM / _NODE_MM, mode="nearest"))


def _project(a: np.ndarray, k: np.ndarray, *, tables: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return s and t of points by a search for the nearest point of the course."""
    line, slope, arc = tables
    last = len(line) - 1.001
    foot = k.astype(float)
    for _ in range(_STEPS):
        index = np.clip((foot + _BEYOND_MM) / _NODE_MM, 0, last)
        place, tilt = _read(line, index), _read(slope, index)
        foot = foot + 0.8 * ((a - place) * tilt + (k - foot)) / (1 + tilt * tilt)
    index = np.clip((foot + _BEYOND_MM) / _NODE_MM, 0, last)
    place, tilt = _read(line, index), _read(slope, index)
    t = ((a - place) - tilt * (k - foot)) / np.hypot(1.0, tilt)
    return _read(arc, index), t


def _read(table: np.ndarray, index: np.ndarray) -> np.ndarray:
    whole = index.astype(int)
    part = index - whole
    return np.asarray(table[whole] * (1 - part) + table[whole + 1] * part)
