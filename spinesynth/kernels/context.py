"""Fill what a mask leaves unlabelled: never one black class.

Around the labelled spine are drawn, from front to back: air, skin, fat,
abdominal wall, viscera, vessels, the longitudinal ligament, epidural fat and
ligaments between the spinous processes, muscle with fat streaks, subcutaneous
fat, skin, air; and below it a sacrum. Every width, blob and class is random:
the point is that nothing outside the spine can be relied on. Where bodies or
discs alone are annotated, the rest of the column is drawn first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from typing import NamedTuple

import torch
from torch import Tensor

from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue
from spinesynth.kernels.blobs import Blobs, draw_blobs
from spinesynth.kernels.column import complete_column
from spinesynth.kernels.comparisons import is_any_of, is_greater
from spinesynth.kernels.draws import choose, happens, uniform
from spinesynth.kernels.landmarks import SpineLandmarks, find_landmarks
from spinesynth.kernels.morphology import put
from spinesynth.kernels.sacrum import paint_sacrum
from spinesynth.kernels.smooth_noise import smooth_noise
from spinesynth.kernels.subdivide import (
    paint_cord,
    paint_cortex,
    paint_main_tissues,
    paint_nucleus,
)


def fill_context(
    structure: Tensor,
    *,
    spacing_mm: Sequence[float],
    generator: torch.Generator,
    annotated: Set[str] | None = None,
) -> tuple[Tensor, Tensor]:
    """Turn a structure map into a complete tissue map.

    Args:
        structure: ``(J, K)`` sagittal slice or ``(I, J, K)`` volume of Structure
            codes, canonical axes (I right, J anterior, K superior).
        spacing_mm: voxel size along each axis of ``structure``.
        generator: CPU generator; the only source of randomness.
        annotated: what the source annotates, as of a case (``body`` or ``vertebra``,
            ``disc``, ...): nothing is added to a column whose bodies and discs are
            annotated. None tells by what the map shows, which a slice beside the
            column may lack.

    The shapes are drawn on the CPU whatever the device of the map.

    Returns:
        The structure map, in which a drawn sacrum has its code where nothing was
        labelled, and the tissue map; both uint8 of the input's shape. A column
        that had to be completed keeps its structure map as it was.
    """
    flat = structure.ndim == 2
    labels = (structure[None] if flat else structure).to(torch.uint8).cpu()
    in_plane = (float(spacing_mm[-2]), float(spacing_mm[-1]))
    sizes = (float(spacing_mm[0]) if not flat else 1.0, *in_plane)
    column = labels
    if annotated is None or not ("disc" in annotated and annotated & {"body", "vertebra"}):
        column = complete_column(labels, spacing_mm=sizes, generator=generator)
    drawn = column is not labels
    landmarks = find_landmarks(column, in_plane)
    painter = _Painter((labels.shape[0], labels.shape[1], labels.shape[2]), in_plane, generator)
    if landmarks is None:
        tissue = painter.blobs(_VISCERA, (25.0, 25.0)).paint()
    else:
        tissue = _paint_layers(painter, landmarks)
        if not is_any_of(labels, (Structure.SACRUM,)).any():
            column, tissue = paint_sacrum(
                column, tissue, landmarks=landmarks, spacing_mm=in_plane, generator=generator
            )
    tissue = paint_main_tissues(column, tissue)
    for paint in (paint_cortex, paint_nucleus, paint_cord):
        tissue = paint(column, tissue, spacing_mm=sizes, generator=generator)
    if not drawn:  # what a drawn column holds is no target, nor the sacrum below it
        labels = column
    both = (labels[0], tissue[0]) if flat else (labels, tissue)
    return both[0].to(structure.device), both[1].to(structure.device)


_VISCERA = (
    Tissue.FAT,
    Tissue.FAT,
    Tissue.VISCERA_A,
    Tissue.VISCERA_B,
    Tissue.VISCERA_C,
    Tissue.MUSCLE,
    Tissue.BOWEL_GAS,
)
_BACK = (Tissue.MUSCLE, Tissue.FAT, Tissue.LIGAMENT, Tissue.MUSCLE)
_BETWEEN = (Tissue.FAT_EPIDURAL, Tissue.LIGAMENT, Tissue.MUSCLE, Tissue.VESSEL, Tissue.FAT)


class _Painter:
    """Random shapes on one grid, drawn from one generator."""

    def __init__(
        self,
        shape: tuple[int, int, int],
        spacing_mm: tuple[float, float],
        generator: torch.Generator,
    ) -> None:
        self.shape, self.spacing_mm, self.generator = shape, spacing_mm, generator

    def uniform(self, low: float, high: float) -> float:
        return uniform(low, high, generator=self.generator)

    def edge(self, low_mm: float, high_mm: float, wave_mm: float) -> Tensor:
        """Draw a wavy distance ``(1, 1, K)`` in mm."""
        scale = (self.uniform(20, 90) / self.spacing_mm[1],)
        wave = smooth_noise(self.shape[2:], scale, generator=self.generator)[0, 0]
        return (self.uniform(low_mm, high_mm) + wave_mm * wave).clamp(min=0)[None, None]

    def blobs(self, tissues: Sequence[Tissue], scale_mm: tuple[float, float]) -> Blobs:
        """Draw what divides the grid, or a part of it, among tissues."""
        scale = (scale_mm[0] / self.spacing_mm[0], scale_mm[1] / self.spacing_mm[1])
        return draw_blobs(tissues, self.shape, scale, generator=self.generator)


class _Layer(NamedTuple):
    """What lies deeper than one distance ``(1, 1, K)`` in mm, or less deep than another."""

    tissue: Tissue | Blobs
    above: Tensor | float = -math.inf
    below: Tensor | None = None

    def holds(self, distance: Tensor) -> Tensor:
        """Return where the layer lies, by distances ``(1, rows, K)`` in mm."""
        deep = is_greater(distance, self.above)
        return deep if self.below is None else deep & is_greater(self.below, distance)


class _Side(NamedTuple):
    """All that lies on one side of the spine: blobs, and layers, the later over the earlier."""

    base: Blobs
    layers: list[_Layer]

    def paint_over(self, tissue: Tensor, distance: Tensor, rows: slice) -> Tensor:
        """Return a tissue map ``(I, rows, K)``, painted where a distance in mm is above 0."""
        painted = self.base.paint(rows)
        for layer in self.layers:
            new = layer.tissue.paint(rows) if isinstance(layer.tissue, Blobs) else layer.tissue
            painted = put(painted, layer.holds(distance), new)
        return put(tissue, is_greater(distance, 0.0), painted)


def _paint_layers(painter: _Painter, landmarks: SpineLandmarks) -> Tensor:
    """Paint the layers in front of and behind the spine."""
    scale = painter.uniform(8, 30)
    between = painter.blobs(_BETWEEN, (painter.uniform(3, 12), painter.uniform(4, 20)))
    front = _draw_front(painter, (scale, scale * painter.uniform(0.7, 2.0)))
    back = _draw_back(painter)
    tissue = torch.zeros(painter.shape, dtype=torch.uint8)
    count, edge, rear = painter.shape[1], landmarks.front, landmarks.back
    rows = _rows(float(rear.min()), float(edge.max()), count)
    tissue[:, rows] = between.paint(rows)
    rows = _rows(float(edge.min()), count, count)
    ahead = (torch.arange(count)[rows, None] - edge) * painter.spacing_mm[0]
    tissue[:, rows] = front.paint_over(tissue[:, rows], ahead[None], rows)
    rows = _rows(0, float(rear.max()), count)
    behind = (rear - torch.arange(count)[rows, None]) * painter.spacing_mm[0]
    tissue[:, rows] = back.paint_over(tissue[:, rows], behind[None], rows)
    return tissue


def _rows(low: float, high: float, count: int) -> slice:
    """Return the rows of a map from one place to another, both among them; at least one."""
    start = min(max(0, math.floor(low)), count - 1)
    return slice(start, max(start + 1, min(count, math.ceil(high) + 1)))


def _draw_front(painter: _Painter, scale_mm: tuple[float, float]) -> _Side:
    """Draw viscera, a vessel along the bodies, and the abdominal wall."""
    viscera = painter.blobs(_VISCERA, scale_mm)
    layers = []
    gap = painter.edge(1, 5, 1.5)
    if happens(0.6, generator=painter.generator):
        width = painter.edge(9, 18, 2)  # aorta and vena cava, 15-25 mm, cut off centre; nominal
        kind = choose([Tissue.VESSEL, Tissue.VISCERA_C], generator=painter.generator)
        layers.append(_Layer(Tissue(kind), above=gap, below=gap + width))
    near = Tissue.FAT if happens(0.7, generator=painter.generator) else Tissue.LIGAMENT
    ligament = torch.tensor(painter.uniform(0.5, 2.0))
    wall = painter.edge(45, 170, 8)
    fat = wall + painter.edge(3, 14, 2)
    skin = fat + painter.edge(3, 45, 4)
    layers += [
        _Layer(near, below=gap),
        _Layer(Tissue.LIGAMENT, below=ligament),
        _Layer(Tissue.MUSCLE, above=wall),
        _Layer(Tissue.FAT, above=fat),
        _Layer(Tissue.SKIN, above=skin),
        _Layer(Tissue.AIR, above=skin + 2),
    ]
    return _Side(viscera, layers)


def _draw_back(painter: _Painter) -> _Side:
    """Draw what lies between and behind the spinous processes."""
    streak = (painter.uniform(2, 7), painter.uniform(6, 30))
    muscle = painter.blobs(_BACK, streak)
    near = painter.blobs((Tissue.FAT_EPIDURAL, Tissue.LIGAMENT), (4.0, painter.uniform(5, 15)))
    reach = painter.edge(1, 6, 1.5)
    fat = painter.edge(22, 55, 4)
    skin = fat + painter.edge(4, 60, 6)
    layers = [
        _Layer(near, below=reach),
        _Layer(Tissue.FAT, above=fat),
        _Layer(Tissue.SKIN, above=skin),
        _Layer(Tissue.AIR, above=skin + 2),
    ]
    return _Side(muscle, layers)
