"""Describe the levels of a map, and what a user should know of how they were found."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from spinesynth.anatomy.structures import Structure
from spinesynth.postprocess.cleaning import Cleaning
from spinesynth.postprocess.column import Column
from spinesynth.postprocess.levels import NamedLevel
from spinesynth.postprocess.names import UNKNOWN
from spinesynth.postprocess.numbering import Counted
from spinesynth.postprocess.parts import Codes
from spinesynth.postprocess.pieces import BoolArray, FloatArray
from spinesynth.postprocess.reading import CANAL_INSTANCE, DISC_OFFSET, Kind, Level


def describe_levels(
    codes: Codes,
    instances: npt.NDArray[np.int32],
    affine: FloatArray,
    names: Mapping[int, NamedLevel],
) -> tuple[Level, ...]:
    """Return the record of each instance: vertebrae, discs, canal, sacrum.

    Args:
        codes: ``(I, J, K)`` of structures.
        instances: of the same shape.
        affine: ``(4, 4)`` voxel to world.
        names: by instance.
    """
    boxes = ndimage.find_objects(instances)
    found = [n for n, box in enumerate(boxes, start=1) if box is not None]
    vertebrae = [n for n in found if n < CANAL_INSTANCE]
    discs = [n for n in found if n > DISC_OFFSET]
    levels = []
    for number in (*vertebrae, *discs, *(n for n in found if n == CANAL_INSTANCE)):
        box = boxes[number - 1]
        mask, corner = instances[box] == number, [part.start for part in box]
        body = mask & (codes[box] == Structure.VERTEBRAL_BODY)
        kind = _kind(number)
        named = NamedLevel("canal", 1.0) if kind == "canal" else names[number]
        middle = body if body.any() else mask
        levels.append(_level(number, kind, named, mask, middle, corner, codes.shape, affine))
    sacrum = codes == Structure.SACRUM
    if sacrum.any():
        named = NamedLevel("sacrum", 1.0)
        levels.append(_level(0, "sacrum", named, sacrum, sacrum, [0, 0, 0], codes.shape, affine))
    return tuple(levels)


def _kind(number: int) -> Kind:
    """Return what an instance is by its code."""
    if number == CANAL_INSTANCE:
        return "canal"
    return "disc" if number > DISC_OFFSET else "vertebra"


def _level(
    number: int,
    kind: Kind,
    named: NamedLevel,
    mask: BoolArray,
    middle: BoolArray,
    corner: list[int],
    shape: tuple[int, ...],
    affine: FloatArray,
) -> Level:
    """Return the record of one instance from its mask within a box."""
    voxels = np.argwhere(mask) + corner
    edges = [size - 1 for size in shape[1:]]
    partial = bool(((voxels[:, 1:] == 0) | (voxels[:, 1:] == edges)).any())
    centre = affine @ [*(np.argwhere(middle).mean(axis=0) + corner), 1.0]
    volume = len(voxels) * abs(float(np.linalg.det(affine[:3, :3])))
    i, j, k = (float(value) for value in centre[:3])
    return Level(number, kind, named.name, named.confidence, partial, volume, (i, j, k))


def describe_notes(
    column: Column, counted: Counted, names: Mapping[int, NamedLevel], cleaning: Cleaning
) -> tuple[str, ...]:
    """Return what a user should know, in words.

    Args:
        column: as it was found.
        counted: as it was counted.
        names: by instance.
        cleaning: what was mended.
    """
    notes = []
    if not counted.bodies:
        notes.append("discs without vertebrae: their levels are unknown")
    elif all(level.name == UNKNOWN for level in names.values()):
        notes.append("no sacrum in view: levels are unknown; say which vertebra is the lowest")
    if counted.anchor is not None and counted.anchor.note:
        notes.append(counted.anchor.note)
    if counted.gaps:
        notes.append(f"no body found at place {', '.join(map(str, counted.gaps))} from below")
    if column.parted:
        notes.append(f"vertebrae parted from others: {column.parted}")
    if counted.lost and cleaning.anatomical_order:
        notes.append(f"pieces off the spine dropped: {len(counted.lost)}")
    return tuple(notes)
