"""The maps under construction, and painting on windows of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from spinesynth.anatomy.phantom.grid import SampleGrid, Window
from spinesynth.anatomy.phantom.spine_curve import Spine
from spinesynth.anatomy.phantom.waves import WaveField
from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue
from spinesynth.seeding import make_generator


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

    def __getitem__(self, index: Window | Tensor) -> Points:
        """Return the points of a window, or those at flat indices (then 1-D)."""
        fields = (self.x, self.y, self.z, self.u, self.t, self.s, self.rough)
        if isinstance(index, Tensor):
            return Points(*(f.reshape(-1).index_select(0, index) for f in fields))
        return Points(*(f[index] for f in fields))


def locate_points(
    grid: SampleGrid, spine: Spine, *, seed: int, irregularity_mm: float, roughness_mm: float
) -> Points:
    """Return the points of a grid, displaced so that no edge stays straight.

    Args:
        grid: voxels to locate.
        spine: gives the spine coordinates.
        seed: of the random displacement and roughness.
        irregularity_mm: standard deviation of the displacement along each axis.
        roughness_mm: standard deviation of the roughness.
    """
    generator = make_generator(seed, "phantom", "displacement")
    x, y, z = grid.body_coordinates()
    for coordinate in (x, y, z):
        wave = WaveField.draw(generator, wavelengths_mm=(24.0, 120.0), count=40)
        coordinate += wave.on_grid(grid).mul_(irregularity_mm)
    rough = WaveField.draw(generator, wavelengths_mm=(5.0, 16.0), count=48).on_grid(grid)
    u, t, s = spine.coordinates(x, y, z)
    return Points(x, y, z, u, t, s, rough.mul_(roughness_mm))


@dataclass(frozen=True)
class Canvas:
    """Structure, instance and tissue maps, uint8 (I, J, K), painted in place."""

    structure: Tensor
    instance: Tensor
    tissue: Tensor

    @classmethod
    def blank(cls, shape: tuple[int, int, int]) -> Canvas:
        """Return maps of background and air."""
        return cls(*(torch.zeros(shape, dtype=torch.uint8) for _ in range(3)))

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
        self.structure[window].masked_fill_(inside, int(structure))
        self.instance[window].masked_fill_(inside, instance)
        self._fill(self.tissue[window], inside, tissue)

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

    @staticmethod
    def _fill(view: Tensor, inside: Tensor, tissue: Tissue | Tensor) -> None:
        if isinstance(tissue, Tensor):
            view.copy_(torch.where(inside, tissue, view))
        else:
            view.masked_fill_(inside, int(tissue))
