"""One level of a scene, seen in the frame of its vertebra or disc."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from spinesynth.anatomy.phantom.canvas import Points, code_of
from spinesynth.anatomy.phantom.grid import Window
from spinesynth.anatomy.phantom.masks import cover
from spinesynth.anatomy.phantom.scene import Scene
from spinesynth.anatomy.phantom.spine_curve import Frame
from spinesynth.anatomy.phantom.vertebra import FrameCoordinates, outline
from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue


@dataclass(frozen=True)
class LevelWindow:
    """Window of a scene around one segment.

    Attributes:
        window: voxels of the scene.
        local: u, v, w of these voxels in the segment's frame, in mm.
        points: their body and spine coordinates.
        codes: view of the canvas, which painting changes.
        structure, instance, tissue: what the codes stand for, uint8; painting changes them too.
    """

    window: Window
    local: FrameCoordinates
    points: Points
    codes: Tensor
    structure: Tensor
    instance: Tensor
    tissue: Tensor

    def is_of(self, structure: Structure, instance: int) -> Tensor:
        """Return the voxels of a structure that belong to an instance."""
        return (self.structure == structure) & (self.instance == instance)

    def paint_tissue(self, inside: Tensor, tissue: Tissue) -> None:
        """Change the tissue alone where a mask, bool, is true."""
        self.codes.add_((int(tissue) - self.tissue.float()).mul_(inside))
        self.tissue.masked_fill_(inside, int(tissue))

    def paint(self, inside: Tensor, tissue: Tissue, structure: Structure, instance: int) -> None:
        """Change tissue, structure and instance where a mask, bool, is true."""
        cover(self.codes, inside.float(), code_of(tissue, structure, instance=instance))
        self.tissue.masked_fill_(inside, int(tissue))
        self.structure.masked_fill_(inside, int(structure))
        self.instance.masked_fill_(inside, instance)


def level_window(
    scene: Scene,
    frame: Frame,
    *,
    centre: tuple[float, float, float],
    half: tuple[float, float, float],
) -> LevelWindow | None:
    """Return the window of a box in a frame, or None outside the grid.

    Args:
        scene: under construction.
        frame: of the segment.
        centre: of the box, u, v, w in mm.
        half: half lengths of the box in mm.
    """
    window = scene.window(frame, centre, half)
    if window is None:
        return None
    p, canvas = scene.points[window], scene.canvas
    local = frame.coordinates(p.x, p.y, p.z)
    return LevelWindow(window, local, p, canvas.codes[window], *canvas.maps(window))


@dataclass(frozen=True)
class BodyEnd:
    """One end of a vertebral body or of S1."""

    frame: Frame
    instance: int  # 0 for S1
    structure: Structure
    marrow: Tissue
    depth_mm: float
    width_mm: float
    concavity_mm: float  # of this end
    upper: bool

    def window(self, scene: Scene) -> LevelWindow | None:
        """Return the window of the whole body and a margin for osteophytes."""
        half = (self.width_mm / 2 + 10.0, self.depth_mm / 2 + 10.0, self.frame.height_mm / 2 + 9.0)
        return level_window(scene, self.frame, centre=(0.0, self.depth_mm / 2, 0.0), half=half)

    def depth_below(self, local: FrameCoordinates) -> Tensor:
        """Return how far points lie inside from the end surface, in mm."""
        return self._below_plane(local) - self._dish(local)

    def rim(self, local: FrameCoordinates) -> tuple[Tensor, Tensor]:
        """Return distances from the outer wall (positive outside) and inside from the rim."""
        return self._section(local)[1], self._below_plane(local)

    def _below_plane(self, local: FrameCoordinates) -> Tensor:
        _, v, w = local
        slope = self.frame.top_slope if self.upper else self.frame.bottom_slope
        return self.frame.height_mm / 2 + slope * v - (w if self.upper else -w)

    def _dish(self, local: FrameCoordinates) -> Tensor:
        radius, _ = self._section(local)
        return (1.0 - radius * radius).clamp_min(0.0) * self.concavity_mm

    def _section(self, local: FrameCoordinates) -> tuple[Tensor, Tensor]:
        u, v, _ = local
        half = torch.full_like(u, self.depth_mm / 2)
        return outline(u, v - half, half, torch.full_like(u, self.width_mm / 2))


def vertebra_end(scene: Scene, index: int, *, upper: bool) -> BodyEnd:
    """Return an end of the vertebra of an index, 0 for L5."""
    size = scene.record.vertebrae[index]
    return BodyEnd(
        scene.spine.vertebrae[index],
        index + 1,
        Structure.VERTEBRAL_BODY,
        Tissue.MARROW_BODY,
        size.depth_mm,
        size.width_mm,
        # the upper endplate is flatter, as in body_distance
        size.endplate_concavity_mm * (0.7 if upper else 1.0),
        upper,
    )


def disc_neighbours(scene: Scene, level: str) -> tuple[BodyEnd, BodyEnd]:
    """Return the ends of the bodies above and below a disc."""
    index = disc_index(scene, level)
    above = vertebra_end(scene, index, upper=False)
    if index:
        return above, vertebra_end(scene, index - 1, upper=True)
    first = scene.record.sacrum[0]
    sacral = BodyEnd(
        scene.spine.sacrum[0], 0, Structure.SACRUM, Tissue.MARROW_SACRUM,
        first.depth_top_mm, first.width_mm, 0.0, True,
    )  # fmt: skip
    return above, sacral


def disc_index(scene: Scene, level: str) -> int:
    """Return the index of a disc by its name."""
    return [disc.name for disc in scene.record.discs].index(level)


def vertebra_index(scene: Scene, level: str) -> int:
    """Return the index of a vertebra by its name."""
    return [vertebra.name for vertebra in scene.record.vertebrae].index(level)
