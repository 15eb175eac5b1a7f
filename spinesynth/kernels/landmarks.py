"""Where the spine runs in a label map: its front, its back, and its lower end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from spinesynth.anatomy.structures import Structure
from spinesynth.kernels.comparisons import is_any_of
from spinesynth.kernels.morphology import bounding_box

# Depth of body plus canal where a map shows no canal: vertebral body depth about 34 mm and canal
# about 16 mm at L3 (nominal; the order of Zhou et al. 2000, European Spine Journal 9)
_BODY_AND_CANAL_MM = 50.0
_SMOOTHING_MM = 12.0
_TREND_MM = 40.0  # length of the end piece whose slope continues beyond the labels
_MAX_SLOPE = 0.7
_BONES = (Structure.VERTEBRAL_BODY, Structure.VERTEBRA)
_DISCS = (Structure.DISC,)


@dataclass(frozen=True)
class SpineLandmarks:
    """Course of the spine in a sagittal map (axes A, S), in voxels of axis A.

    Args:
        front: ``(K,)`` most anterior voxel of bodies and discs at each height.
        back: ``(K,)`` most posterior voxel of the canal at each height.
        sacral_top_mm: (a, s) centre of the upper sacral endplate, or None.
        sacral_axis: unit vector (a, s) from the lowest vertebra into the sacrum.
        sacral_depth_mm: antero-posterior depth of the upper sacral endplate.
    """

    front: Tensor
    back: Tensor
    sacral_top_mm: tuple[float, float] | None
    sacral_axis: tuple[float, float]
    sacral_depth_mm: float


def _extend(edge: np.ndarray, spacing_mm: float) -> np.ndarray:
    """Fill the gaps of an edge and continue it by the slope of its ends."""
    known = np.flatnonzero(np.isfinite(edge))
    filled = np.interp(np.arange(len(edge)), known, edge[known])
    reach = max(2, round(_TREND_MM / spacing_mm))
    filled = ndimage.gaussian_filter1d(filled, _SMOOTHING_MM / spacing_mm, mode="nearest")
    for end, step in ((known[0], 1), (known[-1], -1)):
        other = int(np.clip(end + step * reach, known[0], known[-1]))
        slope = 0.0 if other == end else (filled[other] - filled[end]) / (other - end)
        slope = float(np.clip(slope, -_MAX_SLOPE, _MAX_SLOPE))
        beyond = np.arange(end, -1, -1) if step == 1 else np.arange(end, len(edge))
        filled[beyond] = filled[end] + slope * (beyond - end)
    return np.asarray(filled)


def _edge(mask: np.ndarray, *, front: bool) -> np.ndarray:
    """Return the last (front) or first voxel of each column that the mask meets, else NaN."""
    hit = mask.any(0)
    index = mask.shape[0] - 1 - mask[::-1].argmax(0) if front else mask.argmax(0)
    return np.where(hit, index.astype(float), np.nan)


def _lowest(mask: np.ndarray, min_area: float) -> np.ndarray | None:
    """Return the voxels ``(n, 2)`` of the lowest connected piece of at least ``min_area``."""
    box = bounding_box(mask)
    pieces, count = ndimage.label(mask[box])
    if count == 0:
        return None
    # sums by bincount: the measurements of scipy.ndimage cost four times as much
    areas = np.bincount(pieces.ravel())
    rows = np.arange(pieces.shape[1], dtype=float)
    sums = np.bincount(pieces.ravel(), weights=np.broadcast_to(rows, pieces.shape).ravel())
    heights = np.where(areas >= min(min_area, areas[1:].max()), sums / np.maximum(areas, 1), np.inf)
    heights[0] = np.inf  # the background
    chosen = int(heights.argmin())
    return np.asarray(np.argwhere(pieces == chosen) + [part.start for part in box])


def _sacral_end(
    structure: Tensor, spacing_mm: tuple[float, float]
) -> tuple[tuple[float, float] | None, tuple[float, float], float]:
    """Find the disc under the lowest body and the direction in which the sacrum lies."""
    area = 150.0 / (spacing_mm[0] * spacing_mm[1])
    body = _lowest(is_any_of(structure, _BONES).numpy(), 2 * area)
    disc = _lowest(is_any_of(structure, _DISCS).numpy(), area / 2)
    if body is None or disc is None:
        return None, (0.0, -1.0), 0.0
    scale = np.array(spacing_mm)
    body_centre = body.mean(0) * scale
    points = disc * scale
    centre = points.mean(0)
    if len(points) < 2 or centre[1] >= body_centre[1]:  # one voxel has no direction
        return None, (0.0, -1.0), 0.0
    values, vectors = np.linalg.eigh(np.cov((points - centre).T))
    depth, thickness = (float(4 * np.sqrt(max(v, 0.0))) for v in (values[1], values[0]))
    normal = vectors[:, 0] if vectors[:, 0] @ (centre - body_centre) > 0 else -vectors[:, 0]
    top = centre + normal * thickness / 2
    return (float(top[0]), float(top[1])), (float(normal[0]), float(normal[1])), depth


def find_landmarks(structure: Tensor, spacing_mm: tuple[float, float]) -> SpineLandmarks | None:
    """Find the course of the spine in a sagittal structure map.

    Args:
        structure: ``(J, K)`` or ``(I, J, K)`` Structure codes (canonical axes);
            of a volume, the front and back over all slices and the sacral end in
            the slice that shows most of the column.
        spacing_mm: voxel size along J and K.

    Returns:
        The landmarks, or None if the map shows neither body, disc nor canal.
    """
    maps = structure[None] if structure.ndim == 2 else structure
    column = is_any_of(maps, (*_BONES, *_DISCS, Structure.ENDPLATE)).numpy()
    canal = is_any_of(maps, (Structure.CANAL, Structure.CORD)).numpy()
    if not (column.any() or canal.any()):
        return None
    offset = _BODY_AND_CANAL_MM / spacing_mm[0]
    front = _edge(np.asarray(column.any(0)), front=True)
    back = _edge(np.asarray(canal.any(0)), front=False)
    if not np.isfinite(front).any():
        front = back + offset
    if not np.isfinite(back).any():
        back = front - offset
    middle = int(np.count_nonzero(column, axis=(1, 2)).argmax())
    return SpineLandmarks(
        torch.from_numpy(_extend(front, spacing_mm[1])).float(),
        torch.from_numpy(_extend(back, spacing_mm[1])).float(),
        *_sacral_end(maps[middle], spacing_mm),
    )
