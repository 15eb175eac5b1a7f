"""The maps under construction, and painting on windows of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import NamedTuple

import torch
from torch import Tensor

from spinesynth.anatomy.phantom.grid import (
    EVERYWHERE,
    SampleGrid,
    Window,
    slabs,
    stack_windows,
)
from spinesynth.anatomy.phantom.masks import cover
from spinesynth.anatomy.phantom.spine_curve import Spine, SpinePlane
from spinesynth.anatomy.phantom.waves import WAVE_COUNT, SampledWaves
from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue

_FIELDS, _TILE_FIELDS = 7, 4  # of Points and of TilePoints, which come first
# A tensor beyond this is taken from the system at every call, page by page:
_LARGE_BYTES = 2**24
_STRUCTURE_STEP, _INSTANCE_STEP = 64, 512  # tissue + 64 structure + 512 instance
_STRUCTURES = _INSTANCE_STEP // _STRUCTURE_STEP


class TilePoints(NamedTuple):
    """Irregular body coordinates and roughness of voxels in mm; all of one shape."""

    x: Tensor
    y: Tensor
    z: Tensor
    rough: Tensor


class SpinePoints(NamedTuple):
    """Roughness and spine coordinates of single voxels in mm, each (N,)."""

    rough: Tensor
    u: Tensor
    t: Tensor
    s: Tensor


class Points(NamedTuple):
    """Irregular body and spine coordinates of voxels in mm; all of one shape.

    The first four are those of :class:`TilePoints`, the last four of :class:`SpinePoints`.

    Attributes:
        x, y, z: body coordinates (R, A, S) after the smooth displacement.
        rough: zero-mean surface roughness in mm, to be added to distances.
        u, t, s: spine coordinates.
    """

    x: Tensor
    y: Tensor
    z: Tensor
    rough: Tensor
    u: Tensor
    t: Tensor
    s: Tensor


@dataclass(frozen=True)
class PointMap:
    """Points of all voxels of a grid.

    Attributes:
        groups: the fields of :class:`Points` in their order, float32 (n, I, J, K):
            all seven in one tensor, or one in each of seven.
    """

    groups: tuple[Tensor, ...]

    @classmethod
    def blank(cls, grid: SampleGrid) -> PointMap:
        """Return room for the points of a grid."""
        i, j, k = grid.shape
        is_large = grid.device.type == "cpu" and 4 * _FIELDS * i * j * k > _LARGE_BYTES
        sizes = (1,) * _FIELDS if is_large else (_FIELDS,)
        return cls(tuple(torch.empty((n, i, j, k), device=grid.device) for n in sizes))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return the shape of the grid."""
        i, j, k = self.groups[0].shape[1:]
        return i, j, k

    def __getitem__(self, window: Window) -> Points:
        """Return the points of a window, as views."""
        parts = (group[(slice(None), *window)].unbind() for group in self.groups)
        return Points(*chain.from_iterable(parts))

    def __setitem__(self, window: Window, points: Points) -> None:
        """Set the points of a window."""
        for target, value in zip(self[window], points, strict=True):
            target.copy_(value)

    def at(self, flat: Tensor) -> SpinePoints:
        """Return the spine coordinates at flat indices."""
        lines = list(chain.from_iterable(group.flatten(1).unbind() for group in self.groups))
        return SpinePoints(*(line.index_select(0, flat) for line in lines[_TILE_FIELDS - 1 :]))

    def stack(self, windows: Sequence[Window]) -> TilePoints:
        """Return the points of equal windows, each field (L, i, j, k)."""
        parts = (
            stack_windows(group[:_TILE_FIELDS], windows, dim=1).unbind()
            for group in self.groups[:_TILE_FIELDS]
        )
        return TilePoints(*chain.from_iterable(parts))

    def listed(self, flat: Tensor) -> TilePoints:
        """Return the points at flat indices (L, N), each field (L, 1, 1, N)."""
        lines = chain.from_iterable(group.flatten(1).unbind() for group in self.groups)
        chosen = flat.view(-1)
        fields = (line.index_select(0, chosen) for line in islice(lines, _TILE_FIELDS))
        return TilePoints(*(field.view(len(flat), 1, 1, -1) for field in fields))

    def near(self, window: Window, excess: Callable[[Points], Tensor]) -> Tensor:
        """Return the flat indices in the grid of a window's points of negative excess."""
        first, j, k = window
        box = (first.stop - first.start, j.stop - j.start, k.stop - k.start)
        found = []
        for slab in slabs(box, self.groups[0].device):
            start = first.start + slab.start
            part = slice(start, first.start + slab.stop)
            # in whole rows and columns the places of the true ones are their indices
            size = (slab.stop - slab.start, *self.shape[1:])
            near = torch.zeros(size, dtype=torch.bool, device=self.groups[0].device)
            torch.lt(excess(self[part, j, k]), 0.0, out=near[:, j, k])
            found.append(near.view(-1).nonzero()[:, 0].add_(start * near[0].numel()))
        return torch.cat(found)


@dataclass(frozen=True)
class Locator:
    """What gives the points of a grid, block by block, displaced so that no edge stays straight."""

    grid: SampleGrid
    plane: SpinePlane
    waves: SampledWaves  # displacement along R, A, S, and roughness
    irregularity_mm: float
    roughness_mm: float

    @classmethod
    def prepare(
        cls,
        grid: SampleGrid,
        spine: Spine,
        waves: SampledWaves,
        *,
        irregularity_mm: float,
        roughness_mm: float,
    ) -> Locator:
        """Return the locator of a grid.

        Args:
            grid: voxels to locate.
            spine: gives the spine coordinates.
            waves: of displacement and roughness, ready for the grid.
            irregularity_mm: standard deviation of the displacement along each axis.
            roughness_mm: standard deviation of the roughness.
        """
        low, high = grid.body_extent()
        most = irregularity_mm * (2.0 * WAVE_COUNT) ** 0.5  # all waves at their crests
        plane = spine.plane((low - most).tolist(), (high + most).tolist(), grid.device)
        return cls(grid, plane, waves, irregularity_mm, roughness_mm)

    def points(self, window: Window) -> Points:
        """Return the points of a window."""
        *waves, rough = self.waves.read(window).unbind()
        x, y, z = (
            coordinate.add_(wave, alpha=self.irregularity_mm)
            for coordinate, wave in zip(self.grid.body_coordinates(window), waves, strict=True)
        )
        return Points(x, y, z, rough.mul_(self.roughness_mm), *self.plane.coordinates(x, y, z))


def code_of(
    tissue: Tissue, structure: Structure = Structure.BACKGROUND, *, instance: int = 0
) -> int:
    """Return the one number that stands for a tissue, a structure and an instance."""
    return int(tissue) + _STRUCTURE_STEP * int(structure) + _INSTANCE_STEP * instance


@dataclass(frozen=True)
class Canvas:
    """Map of codes (:func:`code_of`), float32 (I, J, K), painted in place."""

    codes: Tensor

    @classmethod
    def blank(cls, grid: SampleGrid) -> Canvas:
        """Return room for the codes of a grid, not painted yet."""
        return cls(torch.empty(grid.shape, device=grid.device))

    def paint(
        self,
        window: Window,
        inside: Tensor,
        tissue: Tissue | Tensor,
        *,
        structure: Structure = Structure.BACKGROUND,
        instance: int = 0,
    ) -> None:
        """Paint a mask of a window.

        Args:
            window: where.
            inside: float32 mask.
            tissue: one for all, or float32 codes of tissues.
            structure: of the painted voxels.
            instance: of the painted voxels.
        """
        cover(self.codes[window], inside, _joint(tissue, structure, instance))

    def take(self, flat: Tensor) -> Tensor:
        """Return a copy of the codes at flat indices."""
        return self.codes.view(-1).index_select(0, flat)

    def put(self, flat: Tensor, codes: Tensor) -> None:
        """Write codes at flat indices."""
        self.codes.view(-1).index_copy_(0, flat, codes)

    def paint_at(
        self,
        flat: Tensor,
        inside: Tensor,
        tissue: Tissue | Tensor,
        *,
        structure: Structure = Structure.BACKGROUND,
    ) -> None:
        """Paint those of the voxels at flat indices that are inside."""
        self.put(flat, cover(self.take(flat), inside, _joint(tissue, structure, 0)))

    def label_at(self, flat: Tensor, inside: Tensor, structure: Structure) -> None:
        """Label those of the voxels at flat indices that are inside and have no label yet."""
        codes = self.take(flat)
        free = _has_structure(codes, Structure.BACKGROUND).mul_(inside)
        self.put(flat, codes.add_(free, alpha=code_of(Tissue.AIR, structure)))

    def unlabel(
        self, windows: Sequence[Window], inside: Sequence[Tensor], structure: Structure
    ) -> None:
        """Take label and instance of a structure from masks of windows; tissues stay.

        Args:
            windows: of one shape (i, j, k).
            inside: mask of every window, float32.
            structure: whose label goes.
        """
        here = stack_windows(self.codes, windows)
        bare = here - (here / _STRUCTURE_STEP).floor_().mul_(_STRUCTURE_STEP)
        masks = _has_structure(here, structure)
        for window, mask, chosen, tissue in zip(windows, masks, inside, bare, strict=True):
            cover(self.codes[window], mask.mul_(chosen), tissue)

    def maps(self, window: Window = EVERYWHERE) -> tuple[Tensor, Tensor, Tensor]:
        """Return structure, instance and tissue of a window, uint8 (i, j, k)."""
        codes = self.codes[window]
        maps = torch.empty((3, *codes.shape), dtype=torch.uint8, device=codes.device)
        for slab in slabs(codes.shape, codes.device):
            part = codes[slab].to(torch.int16)  # codes stay below 2^15
            structure, instance, tissue = maps[:, slab]
            structure.copy_((part >> 6) & 7)
            instance.copy_(part >> 9)
            tissue.copy_(part & 63)
        structure, instance, tissue = maps
        return structure, instance, tissue


def _has_structure(codes: Tensor, structure: Structure) -> Tensor:
    """Return 1 where codes are of a structure, else 0."""
    structures = (codes / _STRUCTURE_STEP).floor_()
    structures.sub_((structures / _STRUCTURES).floor_(), alpha=_STRUCTURES)
    return torch.eq(structures, int(structure), out=structures)


def _joint(tissue: Tissue | Tensor, structure: Structure, instance: int) -> int | Tensor:
    code = code_of(Tissue.AIR, structure, instance=instance)
    if isinstance(tissue, Tensor):
        return tissue + code if code else tissue
    return int(tissue) + code
