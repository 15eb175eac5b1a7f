"""Connected pieces of a structure, with their place and size in mm."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from spinesynth.kernels.morphology import bounding_box

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.integer[Any]]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Piece:
    """One connected piece of a mask.

    Attributes:
        voxels: ``(N, 3)`` indices.
        spacing_mm: voxel size, ``(3,)``.
    """

    voxels: IntArray
    spacing_mm: FloatArray

    @cached_property
    def points_mm(self) -> FloatArray:
        """Return the positions of its voxels along the axes of the grid, ``(N, 3)``."""
        return np.asarray(self.voxels * self.spacing_mm)

    @cached_property
    def centre_mm(self) -> FloatArray:
        """Return the middle of its voxels along the axes of the grid, ``(3,)``."""
        return np.asarray(self.points_mm.mean(axis=0))

    @property
    def volume_mm3(self) -> float:
        """Return the volume of its voxels."""
        return float(len(self.voxels) * self.spacing_mm.prod())

    def part(self, chosen: BoolArray) -> Piece:
        """Return some of its voxels, bool ``(N,)``, as a piece."""
        return Piece(self.voxels[chosen], self.spacing_mm)

    def paint(self, target: npt.NDArray[Any], value: int | bool) -> None:
        """Write a value to its voxels of a map."""
        target[tuple(self.voxels.T)] = value


def find_pieces(mask: BoolArray, spacing_mm: FloatArray, *, least_mm3: float = 0.0) -> list[Piece]:
    """Return the pieces of a mask that share faces, the largest first.

    Args:
        mask: ``(I, J, K)``.
        spacing_mm: voxel size, ``(3,)``.
        least_mm3: smaller pieces are left out.

    Example:
        >>> mask = np.zeros((1, 5, 1), dtype=bool)
        >>> mask[0, [0, 2, 3]] = True
        >>> [len(piece.voxels) for piece in find_pieces(mask, np.ones(3))]
        [2, 1]
    """
    box = bounding_box(mask)
    labels, count = ndimage.label(mask[box])
    if not count:
        return []
    flat = labels.ravel()
    places = np.flatnonzero(flat)
    numbers = flat[places]
    places = places[np.argsort(numbers, kind="stable")]
    sizes = np.bincount(numbers, minlength=count + 1)[1:]
    corner = np.array([part.start for part in box])
    runs = np.split(places, np.cumsum(sizes)[:-1])
    voxel = float(spacing_mm.prod())
    kept = [run for run in runs if len(run) * voxel >= least_mm3]
    found = [
        Piece(np.stack(np.unravel_index(run, labels.shape), axis=1) + corner, spacing_mm)
        for run in kept
    ]
    return sorted(found, key=lambda piece: -len(piece.voxels))
