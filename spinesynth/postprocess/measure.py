"""Measure what was read: volumes, and heights of discs and bodies in the midline."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from spinesynth.anatomy.structures import Structure
from spinesynth.kernels.morphology import bounding_box
from spinesynth.metrics.instance_geometry import disc_height_mm
from spinesynth.postprocess.curve import SpineCurve
from spinesynth.postprocess.pieces import BoolArray, FloatArray
from spinesynth.postprocess.reading import Level, SpineReading

#: Where along the depth of a body, from behind, its heights are taken: within the rounded
#: corners of its walls; nominal.
BODY_PLACES = {"height_posterior": 0.15, "height_middle": 0.5, "height_anterior": 0.85}
_STRIP = 0.06  # half width of the strip in which a height is taken, of the depth; nominal
_MIDLINE_MM = 3.0  # half width of what is the midline where slices are thin; nominal
_WALLS = (0.02, 0.98)  # quantiles of the depth at which the walls are
_LEAST_VOXELS = 20  # of a body in the midline: fewer have no height


class Measurement(NamedTuple):
    """One number of one level.

    Attributes:
        instance: as in :class:`Level`.
        kind: as there.
        name: as there.
        quantity: ``volume``, ``height`` of a disc, or a key of :data:`BODY_PLACES`.
        value: > 0.
        unit: ``mm3`` or ``mm``.
    """

    instance: int
    kind: str
    name: str
    quantity: str
    value: float
    unit: str


def measure_spine(reading: SpineReading, affine: Tensor) -> tuple[Measurement, ...]:
    """Measure every level of a reading.

    Heights are taken in the midline (the slices within 3 mm of the spine's curve, at least
    one) along the curve's own direction: of discs by their spread
    (:func:`~spinesynth.metrics.instance_geometry.disc_height_mm`), of bodies from end to end
    at 15, 50 and 85 % of their depth. What the edge of the map cuts, and what does not reach
    the midline, has no height.

    Args:
        reading: of :func:`~spinesynth.postprocess.read_spine.read_spine`.
        affine: ``(4, 4)`` voxel to world in mm, that of the reading.

    Returns:
        Measurements in the order of the levels.

    Example:
        >>> from spinesynth.anatomy.phantom import draw_phantom, render_phantom
        >>> from spinesynth.postprocess import read_spine
        >>> maps = render_phantom(draw_phantom(3), shape=(3, 100, 128), spacing_mm=(4.0, 2.0, 2.0))
        >>> found = measure_spine(read_spine(maps.structure, maps.affine), maps.affine)
        >>> {m.quantity: m.unit for m in found if m.name == "L3"}  # doctest: +NORMALIZE_WHITESPACE
        {'volume': 'mm3', 'height_posterior': 'mm', 'height_middle': 'mm',
         'height_anterior': 'mm'}
    """
    spacing_mm = torch.linalg.vector_norm(affine[:3, :3].double(), dim=0).numpy()
    found = []
    for level in reading.levels:
        sizes = {"volume": level.volume_mm3}
        if reading.curve is not None and level.kind in ("vertebra", "disc"):
            sizes |= _heights(reading, level, reading.curve, spacing_mm)
        found += [
            Measurement(
                level.instance, level.kind, level.name, quantity, value,
                "mm3" if quantity == "volume" else "mm",
            )
            for quantity, value in sizes.items()
        ]  # fmt: skip
    return tuple(found)


def _heights(
    reading: SpineReading, level: Level, curve: SpineCurve, spacing_mm: FloatArray
) -> dict[str, float]:
    """Return the heights of a disc or body in the midline, none if it has none."""
    mask = (reading.instances == level.instance).numpy()
    if level.kind == "vertebra":
        body = (reading.structures == Structure.VERTEBRAL_BODY).numpy()
        mask = mask & (body | (reading.structures == Structure.ENDPLATE).numpy())
    box = bounding_box(mask)
    voxels = np.argwhere(mask[box]) + [part.start for part in box]
    if not len(voxels) or _is_cut(voxels, mask.shape):
        return {}
    arc = float(curve.locate((voxels * spacing_mm).mean(axis=0)[None])[0][0])
    place = curve.point(arc)[0] / spacing_mm[0]
    reach = max(0.5, _MIDLINE_MM / float(spacing_mm[0]))
    midline = voxels[np.abs(voxels[:, 0] - place) <= reach]
    if len(midline) < _LEAST_VOXELS:
        return {}
    if level.kind == "disc":
        slab = _mask_of(midline)
        i, j, k = (float(size) for size in spacing_mm)
        return {"height": disc_height_mm(slab, (i, j, k))}
    return _body_heights(midline * spacing_mm, curve.tangent(arc), spacing_mm)


def _is_cut(voxels: FloatArray, shape: tuple[int, ...]) -> bool:
    """Say whether voxels reach the upper, lower, front or back edge of their map."""
    edges = [size - 1 for size in shape[1:]]
    return bool(((voxels[:, 1:] == 0) | (voxels[:, 1:] == edges)).any())


def _mask_of(voxels: FloatArray) -> BoolArray:
    """Return the least mask that holds voxels."""
    places = (voxels - voxels.min(axis=0)).astype(int)
    mask = np.zeros(places.max(axis=0) + 1, dtype=bool)
    mask[tuple(places.T)] = True
    return mask


def _body_heights(
    points_mm: FloatArray, tangent: FloatArray, spacing_mm: FloatArray
) -> dict[str, float]:
    """Return the heights of a body in the midline along the spine's direction."""
    up = tangent[1:] / np.linalg.norm(tangent[1:])
    along, forward = points_mm[:, 1:] @ up, points_mm[:, 1:] @ np.array([up[1], -up[0]])
    rear, front = np.quantile(forward, _WALLS)
    voxel = float(np.abs(up) @ spacing_mm[1:])  # from centres of voxels to their edges
    heights = {}
    for name, share in BODY_PLACES.items():
        strip = np.abs((forward - rear) / (front - rear) - share) <= _STRIP
        if strip.any():
            heights[name] = float(np.ptp(along[strip])) + voxel
    return heights
