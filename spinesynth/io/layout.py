"""Which voxels of a file are the volume that is read: all, one of several, or one slice."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

from spinesynth.io.input_rules import PLAIN, InputRules
from spinesynth.io.problems import InputFileError
from spinesynth.io.raw_volume import Array, check_shape

_DIMS = 3


class Layout(NamedTuple):
    """How the voxels of a file are read.

    Attributes:
        shape: of the volume, ``(I, J, K)``.
        volumes: that the file holds.
        chosen: the one that is read, from 0.
        interleaved: whether the volumes alternate from voxel to voxel.
        is_slice: whether the file holds a 2D image.
    """

    shape: tuple[int, int, int]
    volumes: int = 1
    chosen: int = 0
    interleaved: bool = False
    is_slice: bool = False

    @property
    def voxels(self) -> int:
        """Return the number of voxels in the file."""
        return math.prod(self.shape) * self.volumes

    @property
    def converted(self) -> tuple[str, ...]:
        """Return what is told of the choice, if there was any."""
        if self.volumes == 1:
            return ()
        return (f"volume {self.chosen} of {self.volumes} (counted from 0)",)

    def pick(self, flat: Array) -> Array:
        """Return the volume ``(I, J, K)`` among all voxels in the order of the file."""
        if self.interleaved:
            flat = flat.reshape(self.volumes, -1, order="F")[self.chosen]
        else:
            size = math.prod(self.shape)
            flat = flat[self.chosen * size : (self.chosen + 1) * size]
        return flat.reshape(self.shape, order="F")


def find_layout(
    path: Path, sizes: tuple[int, ...], rules: InputRules = PLAIN, *, interleaved: bool = False
) -> Layout:
    """Return how a file of some sizes is read, refusing what the rules do not allow.

    Args:
        path: the file.
        sizes: of its axes, the fastest first.
        rules: what of unusual scans is read.
        interleaved: whether volumes of a 4D file are its first axis, not its last.

    Raises:
        InputFileError: if it is no volume by these rules, or too large.

    Example:
        >>> find_layout(Path("a"), (9, 8, 7, 1)).shape
        (9, 8, 7)
        >>> find_layout(Path("a"), (9, 8, 7, 5), InputRules(volume=2)).converted
        ('volume 2 of 5 (counted from 0)',)
    """
    if interleaved:
        sizes = (*sizes[1:], sizes[0])
    while len(sizes) > _DIMS and sizes[-1] == 1:
        sizes = sizes[:-1]
    is_slice = len(sizes) == _DIMS - 1 and rules.single_slice
    sizes = (*sizes, 1) if is_slice else sizes
    volumes = 1
    if len(sizes) == _DIMS + 1 and rules.volume is not None:
        volumes = sizes[-1]
        check_shape(path, (*sizes[:2], sizes[2] * volumes))  # all of it is read
        sizes = sizes[:_DIMS]
    shape = check_shape(path, sizes)
    chosen = rules.volume or 0
    if chosen >= volumes:
        raise InputFileError(
            path,
            f"it holds {volumes} {'volume' if volumes == 1 else 'volumes'}, of which --volume "
            f"{chosen} is none (they count from 0)",
            remedy=f"choose one of 0 to {volumes - 1}",
            code="E-FMT-008",
        )
    return Layout(shape, volumes, chosen, interleaved and volumes > 1, is_slice)
