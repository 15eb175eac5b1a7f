"""The maps under construction, and painting on windows of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import torch
from torch import Tensor

from spinesynth.anatomy.phantom.grid import EVERYWHERE, SampleGrid, Window
from spinesynth.anatomy.phantom.masks import cover
from spinesynth.anatomy.phantom.spine_curve import Spine, SpinePlane
from spinesynth.anatomy.phantom.waves import WAVE_COUNT, SampledWaves, WaveField
from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue
from spinesynth.seeding import make_generator

_FIELDS = 7  # of Points
# A tensor beyond this is taken from the system at every call, page by page:
_LARGE_BYTES = 2**24
_STRUCTURE_STEP, _INSTANCE_STEP = 64, 512  # tissue + 64 structure + 512 instance


class Points(NamedTuple):
    """Irregular body and spine coordinates of voxels in mm; all of one shape.

    Attributes:
        x, y, z: body coordinates (R, A, S) after the smooth displacement.
        u, t, s: spine coordinates.
        rough: zero-mean surface roughness in mm, to be added to distances.
    """

    x: Tensor
    y: Tensor
    z: Tensor
    u: Tensor
    t: Tensor
    s: Tensor
    rough: Tensor


class SpinePoints(NamedTuple):
    """Spine coordinates and roughness of single voxels in mm, each (N,)."""

    u: Tensor
    t: Tensor
    s: Tensor
    rough: Tensor


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
        return SpinePoints(*(line.index_select(0, flat) for line in lines[3:]))

    def stack(self, windows: Sequence[Window]) -> Points:
        """Return the points of equal windows, each field (L, i, j, k)."""
        if len(windows) == 1:
            return Points(*(field[None] for field in self[windows[0]]))
        parts = (
            torch.stack([group[(slice(None), *w)] for w in windows], 1).unbind()
            for group in self.groups
        )
        return Points(*chain.from_iterable(parts))

    def near(self, window: Window, chosen: Callable[[Points], Tensor]) -> Tensor:
        """Return the flat indices in the grid of the points of a window that are chosen."""
        i, j, k = chosen(self[window]).nonzero().unbind(dim=1)
        _, rows, columns = self.shape
        flat = ((i + window[0].start) * rows + (j + window[1].start)) * columns
        shifted: Tensor = flat + (k + window[2].start)
        return shifted


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
        *,
        seed: int,
        irregularity_mm: float,
        roughness_mm: float,
    ) -> Locator:
        """Return the locator of a grid.

        Args:
            grid: voxels to locate.
            spine: gives the spine coordinates.
            seed: of the random displacement and roughness.
            irregularity_mm: standard deviation of the displacement along each axis.
            roughness_mm: standard deviation of the roughness.
        """
        generator = make_generator(seed, "phantom", "displacement")
        waves = [WaveField.draw(generator, wavelengths_mm=(24.0, 120.0)) for _ in range(3)]
        waves.append(WaveField.draw(generator, wavelengths_mm=(5.0, 16.0)))
        low, high = grid.body_extent()
        most = irregularity_mm * (2.0 * WAVE_COUNT) ** 0.5  # all waves at their crests
        plane = spine.plane((low - most).tolist(), (high + most).tolist(), grid.device)
        return cls(grid, plane, SampledWaves.on_grid(waves, grid), irregularity_mm, roughness_mm)

    def points(self, window: Window) -> Points:
        """Return the points of a window."""
        *waves, rough = self.waves.read(window).unbind()
        x, y, z = (
            coordinate.add_(wave, alpha=self.irregularity_mm)
            for coordinate, wave in zip(self.grid.body_coordinates(window), waves, strict=True)
        )
        return Points(x, y, z, *self.plane.coordinates(x, y, z), rough.mul_(self.roughness_mm))


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

    def unlabel(self, window: Window, inside: Tensor, structure: Structure) -> None:
        """Take label and instance of a structure from a mask of a window; tissues stay."""
        here = self.codes[window]
        mask = _has_structure(here, structure).mul_(inside)
        cover(here, mask, here.remainder(_STRUCTURE_STEP))

    def maps(self, window: Window = EVERYWHERE) -> tuple[Tensor, Tensor, Tensor]:
        """Return structure, instance and tissue of a window, uint8 (i, j, k)."""
        codes = self.codes[window].to(torch.int32)
        return (
            ((codes >> 6) & 7).to(torch.uint8),
            (codes >> 9).to(torch.uint8),
            (codes & 63).to(torch.uint8),
        )


def _has_structure(codes: Tensor, structure: Structure) -> Tensor:
    """Return 1 where codes are of a structure, else 0."""
    structures = (codes / _STRUCTURE_STEP).floor_().remainder_(_INSTANCE_STEP // _STRUCTURE_STEP)
    return torch.eq(structures, int(structure), out=structures)


def _joint(tissue: Tissue | Tensor, structure: Structure, instance: int) -> int | Tensor:
    code = code_of(Tissue.AIR, structure, instance=instance)
    if isinstance(tissue, Tensor):
        return tissue + code if code else tissue
    return int(tissue) + code
