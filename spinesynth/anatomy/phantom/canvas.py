"""The maps under construction, and painting on windows of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from spinesynth.anatomy.phantom.grid import SampleGrid, Window
from spinesynth.anatomy.phantom.spine_curve import Spine
from spinesynth.anatomy.phantom.waves import WAVE_COUNT, SampledWaves, WaveField
from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue
from spinesynth.seeding import make_generator

_BRANCHING_VOXELS = 8192


@dataclass(frozen=True)
class Points:
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


@dataclass(frozen=True)
class PointMap:
    """Points of all voxels of a grid.

    Attributes:
        values: the fields of :class:`Points` in their order, float32 (7, I, J, K).
    """

    values: Tensor

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return the shape of the grid."""
        i, j, k = self.values.shape[1:]
        return i, j, k

    def __getitem__(self, index: Window | Tensor) -> Points:
        """Return the points of a window, or those at flat indices (then 1-D)."""
        if isinstance(index, Tensor):
            return Points(*self.values.flatten(1).index_select(1, index).unbind())
        return Points(*self.values[(slice(None), *index)].unbind())

    def stack(self, windows: Sequence[Window]) -> Points:
        """Return the points of equal windows, each field (L, i, j, k)."""
        if len(windows) == 1:
            return Points(*self.values[(slice(None), None, *windows[0])].unbind())
        return Points(*torch.stack([self.values[(slice(None), *w)] for w in windows], 1).unbind())

    def near(self, window: Window, chosen: Callable[[Points], Tensor]) -> Tensor:
        """Return the flat indices in the grid of the points of a window that are chosen."""
        i, j, k = chosen(self[window]).nonzero().unbind(dim=1)
        _, rows, columns = self.shape
        flat = ((i + window[0].start) * rows + (j + window[1].start)) * columns
        shifted: Tensor = flat + (k + window[2].start)
        return shifted


def locate_points(
    grid: SampleGrid, spine: Spine, *, seed: int, irregularity_mm: float, roughness_mm: float
) -> PointMap:
    """Return the points of a grid, displaced so that no edge stays straight.

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
    sampled = SampledWaves.on_grid(waves, grid)
    low, high = grid.body_extent()
    most = irregularity_mm * (2.0 * WAVE_COUNT) ** 0.5  # all waves at their crests
    plane = spine.plane((low - most).tolist(), (high + most).tolist(), grid.device)
    values = torch.empty((7, *grid.shape), device=grid.device)
    for window in grid.blocks():
        fields = sampled.read(window)
        x, y, z = (
            coordinate.add_(wave, alpha=irregularity_mm)
            for coordinate, wave in zip(grid.body_coordinates(window), fields[:3], strict=True)
        )
        u, t, s = plane.coordinates(x, y, z)
        here = values[(slice(None), *window)]
        for target, value in zip(here, (x, y, z, u, t, s), strict=False):
            target.copy_(value)
        torch.mul(fields[3], roughness_mm, out=here[6])
    return PointMap(values)


@dataclass(frozen=True)
class Canvas:
    """Structure, instance and tissue maps, uint8 (I, J, K), painted in place."""

    structure: Tensor
    instance: Tensor
    tissue: Tensor

    @classmethod
    def blank(cls, grid: SampleGrid) -> Canvas:
        """Return maps of background and air."""
        return cls(
            *(torch.zeros(grid.shape, dtype=torch.uint8, device=grid.device) for _ in range(3))
        )

    def paint(
        self,
        window: Window,
        inside: Tensor,
        tissue: Tissue | Tensor,
        *,
        structure: Structure = Structure.BACKGROUND,
        instance: int = 0,
    ) -> None:
        """Paint a mask of a window; a tissue tensor gives one tissue per voxel."""
        cover(self.structure[window], inside, int(structure))
        cover(self.instance[window], inside, instance)
        cover(self.tissue[window], inside, tissue if isinstance(tissue, Tensor) else int(tissue))

    def paint_at(
        self,
        flat: Tensor,
        inside: Tensor,
        tissue: Tissue | Tensor,
        *,
        structure: Structure = Structure.BACKGROUND,
    ) -> None:
        """Paint those of the voxels at flat indices that are inside."""
        chosen = flat[inside]
        self.structure.view(-1)[chosen] = int(structure)
        self.instance.view(-1)[chosen] = 0
        if isinstance(tissue, Tensor):
            self.tissue.view(-1)[chosen] = tissue[inside]
        else:
            self.tissue.view(-1)[chosen] = int(tissue)


def cover(codes: Tensor, inside: Tensor, code: int | Tensor) -> Tensor:
    """Write codes where a mask is true, in place; return the codes.

    Large maps are painted by arithmetic, which spares a branch per voxel.

    Args:
        codes: uint8.
        inside: bool of the same shape.
        code: the new code, or one per voxel (uint8).
    """
    if isinstance(code, int) and codes.numel() < _BRANCHING_VOXELS:
        return codes.masked_fill_(inside, code)
    codes.mul_(inside.logical_not().view(torch.uint8))
    if isinstance(code, int):
        return codes.add_(inside.view(torch.uint8), alpha=code)
    return codes.add_(code * inside.view(torch.uint8))
