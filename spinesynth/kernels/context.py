"""Fill what a mask leaves unlabelled: never one black class.

Around the labelled spine are drawn, from front to back: air, skin, fat,
abdominal wall, viscera, vessels, the longitudinal ligament, epidural fat and
ligaments between the spinous processes, muscle with fat streaks, subcutaneous
fat, skin, air; and below it a sacrum. Every width, blob and class is random:
the point is that nothing outside the spine can be relied on. Where bodies or
discs alone are annotated, the rest of the column is drawn first.
"""

from __future__ import annotations

from collections.abc import Sequence, Set

import torch
from torch import Tensor

from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue
from spinesynth.kernels.column import complete_column
from spinesynth.kernels.draws import choose, happens, uniform
from spinesynth.kernels.landmarks import SpineLandmarks, find_landmarks
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
    painter = _Painter(labels.shape, (1.0, *in_plane), generator)
    if landmarks is None:
        tissue = painter.blobs(_VISCERA, (25.0, 25.0))
    else:
        tissue = _paint_layers(painter, landmarks)
        if not bool((labels == Structure.SACRUM).any()):
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
        self, shape: Sequence[int], spacing_mm: Sequence[float], generator: torch.Generator
    ) -> None:
        self.shape, self.spacing_mm, self.generator = tuple(shape), spacing_mm, generator

    def uniform(self, low: float, high: float) -> float:
        return uniform(low, high, generator=self.generator)

    def noise(self, scale_mm: tuple[float, float], channels: int = 1) -> Tensor:
        """Draw ``(channels, I, J, K)`` noise; slices of a volume resemble each other."""
        lateral = max(2.0, self.shape[0] / 2)
        scale = (lateral, scale_mm[0] / self.spacing_mm[1], scale_mm[1] / self.spacing_mm[2])
        if self.shape[0] == 1:
            return smooth_noise(
                self.shape[1:], scale[1:], generator=self.generator, channels=channels
            )[0][:, None]
        return smooth_noise(self.shape, scale, generator=self.generator, channels=channels)[0]

    def edge(self, low_mm: float, high_mm: float, wave_mm: float) -> Tensor:
        """Draw a wavy distance ``(1, 1, K)`` in mm."""
        scale = (self.uniform(20, 90) / self.spacing_mm[2],)
        wave = smooth_noise(self.shape[2:], scale, generator=self.generator)[0, 0]
        return (self.uniform(low_mm, high_mm) + wave_mm * wave).clamp(min=0)[None, None]

    def blobs(self, tissues: Sequence[Tissue], scale_mm: tuple[float, float]) -> Tensor:
        """Divide the grid among tissues: at each voxel the strongest of their fields."""
        fields = self.noise(scale_mm, channels=len(tissues))
        bias = 0.7 * torch.randn(len(tissues), generator=self.generator)
        best = fields[0] + bias[0]
        winner = torch.full(self.shape, int(tissues[0]), dtype=torch.uint8)
        # a running maximum: argmax over the first axis is thirty times slower on the CPU
        for tissue, field, offset in zip(tissues[1:], fields[1:], bias[1:], strict=True):
            field = field + offset
            winner = torch.where(field > best, torch.full_like(winner, int(tissue)), winner)
            best = torch.maximum(best, field)
        return winner


def _paint_layers(painter: _Painter, landmarks: SpineLandmarks) -> Tensor:
    """Paint the layers in front of and behind the spine."""
    rows = torch.arange(painter.shape[1])[None, :, None]
    ahead = (rows - landmarks.front[None, None]) * painter.spacing_mm[1]
    behind = (landmarks.back[None, None] - rows) * painter.spacing_mm[1]
    ahead, behind = ahead.expand(painter.shape), behind.expand(painter.shape)
    scale = painter.uniform(8, 30)
    tissue = painter.blobs(_BETWEEN, (painter.uniform(3, 12), painter.uniform(4, 20)))
    front = _paint_front(painter, ahead, (scale, scale * painter.uniform(0.7, 2.0)))
    tissue = torch.where(ahead > 0, front, tissue)
    return torch.where(behind > 0, _paint_back(painter, behind), tissue)


def _layered(base: Tensor, distance: Tensor, layers: Sequence[tuple[Tensor, Tissue]]) -> Tensor:
    """Paint each tissue from its depth outwards, the later over the earlier."""
    for depth, tissue in layers:
        base = torch.where(distance > depth, torch.full_like(base, int(tissue)), base)
    return base


def _paint_front(painter: _Painter, ahead: Tensor, scale_mm: tuple[float, float]) -> Tensor:
    """Paint viscera, a vessel along the bodies, and the abdominal wall."""
    base = painter.blobs(_VISCERA, scale_mm)
    gap = painter.edge(1, 5, 1.5)
    if happens(0.6, generator=painter.generator):
        width = painter.edge(9, 18, 2)  # aorta and vena cava, 15-25 mm, cut off centre; nominal
        vessel = (ahead > gap) & (ahead < gap + width)
        kind = choose([Tissue.VESSEL, Tissue.VISCERA_C], generator=painter.generator)
        base = torch.where(vessel, torch.full_like(base, int(kind)), base)
    near = Tissue.FAT if happens(0.7, generator=painter.generator) else Tissue.LIGAMENT
    base = torch.where(ahead < gap, torch.full_like(base, int(near)), base)
    ligament = painter.uniform(0.5, 2.0)
    base = torch.where(ahead < ligament, torch.full_like(base, int(Tissue.LIGAMENT)), base)
    wall = painter.edge(45, 170, 8)
    fat = wall + painter.edge(3, 14, 2)
    skin = fat + painter.edge(3, 45, 4)
    layers = [
        (wall, Tissue.MUSCLE),
        (fat, Tissue.FAT),
        (skin, Tissue.SKIN),
        (skin + 2, Tissue.AIR),
    ]
    return _layered(base, ahead, layers)


def _paint_back(painter: _Painter, behind: Tensor) -> Tensor:
    """Paint what lies between and behind the spinous processes."""
    streak = (painter.uniform(2, 7), painter.uniform(6, 30))
    base = painter.blobs(_BACK, streak)
    near = painter.blobs((Tissue.FAT_EPIDURAL, Tissue.LIGAMENT), (4.0, painter.uniform(5, 15)))
    base = torch.where(behind < painter.edge(1, 6, 1.5), near, base)
    fat = painter.edge(22, 55, 4)
    skin = fat + painter.edge(4, 60, 6)
    layers = [(fat, Tissue.FAT), (skin, Tissue.SKIN), (skin + 2, Tissue.AIR)]
    return _layered(base, behind, layers)
