"""Render a phantom record as structure, instance and tissue maps on any grid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from spinesynth.anatomy.phantom.bones import paint_sacrum, paint_vertebrae
from spinesynth.anatomy.phantom.canvas import Canvas, Locator, PointMap
from spinesynth.anatomy.phantom.displacement import DISPLACEMENT_FIELDS
from spinesynth.anatomy.phantom.grid import SampleGrid, rotation_matrix
from spinesynth.anatomy.phantom.lesions import paint_bone_lesions, paint_canal_lesions
from spinesynth.anatomy.phantom.parameters import PhantomRecord
from spinesynth.anatomy.phantom.prepared import PreparedPhantom, prepare_phantom
from spinesynth.anatomy.phantom.scene import Scene
from spinesynth.anatomy.phantom.soft_parts import paint_canal, paint_discs, paint_foramina
from spinesynth.anatomy.phantom.trunk import Trunk
from spinesynth.anatomy.phantom.waves import SampledWaves

# Freed once, it makes the C library keep as much freed memory and more; its limit is 32 MiB.
_KEPT_BYTES = 31 * 2**20


@dataclass(frozen=True)
class PhantomMaps:
    """Maps of one phantom on one grid.

    Attributes:
        structure: :class:`Structure` codes 0 to 5 (``spine6``), uint8 (I, J, K).
        instance: 1 for the lowest lumbar vertebra (mostly L5) and the disc below it,
            upwards; 0 elsewhere, uint8 (I, J, K).
        tissue: :class:`Tissue` codes, uint8 (I, J, K).
        affine: voxel to world in mm, RAS, zero where an unshifted grid has its centre,
            float64 (4, 4).
    """

    structure: Tensor
    instance: Tensor
    tissue: Tensor
    affine: Tensor


def render_phantom(
    record: PhantomRecord | PreparedPhantom,
    *,
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    centre_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
    rotation_deg: tuple[float, float, float] = (0.0, 0.0, 0.0),
    device: torch.device | str = "cpu",
) -> PhantomMaps:
    """Render a phantom on a grid of axes R, A, S, or on one turned from them.

    Every voxel is evaluated at its centre alone, so the same record gives the
    same anatomy on every grid: a slice rendered by itself equals that slice of
    the volume.

    Args:
        record: from :func:`draw_phantom`, or what :func:`prepare_phantom` made of it.
        shape: voxels along i, j, k.
        spacing_mm: voxel spacing along i, j, k.
        centre_mm: shift of the grid's centre along R, A and S.
        rotation_deg: turn of the grid about its centre, about R, then A, then S.
        device: where the maps are made and stay; the affine stays on the CPU.

    Returns:
        The maps and their affine.

    Raises:
        ValueError: if a size or spacing is not positive.

    Example:
        >>> from spinesynth.anatomy.phantom.draw import draw_phantom
        >>> maps = render_phantom(draw_phantom(1), shape=(2, 64, 64), spacing_mm=(4.0, 4.0, 4.0))
        >>> maps.structure.shape
        torch.Size([2, 64, 64])
    """
    _check_grid(shape, spacing_mm)
    _keep_freed_memory()
    turn = rotation_matrix(rotation_deg)
    with torch.inference_mode():  # the calls are many and small, and cost less without a graph
        phantom = record if isinstance(record, PreparedPhantom) else prepare_phantom(record)
        grid = _place_grid(phantom, shape, spacing_mm, centre_mm, turn, torch.device(device))
        canvas = _paint(grid, phantom)
    return PhantomMaps(*canvas.maps(), grid.affine(turn, centre_mm))


def _paint(grid: SampleGrid, phantom: PreparedPhantom) -> Canvas:
    canvas, points = _paint_trunk(grid, phantom)
    scene = Scene.prepare(canvas, points, grid, phantom)
    paint_foramina(scene)
    paint_canal(scene)
    paint_discs(scene)
    paint_canal_lesions(scene)
    paint_sacrum(scene)
    paint_vertebrae(scene)
    paint_bone_lesions(scene)
    return canvas


def _paint_trunk(grid: SampleGrid, phantom: PreparedPhantom) -> tuple[Canvas, PointMap]:
    """Locate the points and paint what lies around the spine, one block after the other."""
    canvas, points = Canvas.blank(grid), PointMap.blank(grid)
    record, spine = phantom.record, phantom.spine
    waves = SampledWaves.on_grid(phantom.fields, grid)
    displacement, inner = waves.parted(DISPLACEMENT_FIELDS)
    trunk = Trunk.prepare(record, spine, phantom.outline, inner)
    locator = Locator.prepare(
        grid,
        spine,
        displacement,
        irregularity_mm=record.irregularity_mm,
        roughness_mm=record.roughness_mm,
    )
    for window in grid.blocks():
        points[window] = here = locator.points(window)
        canvas.codes[window] = trunk.tissue(window, here)
    return canvas, points


@cache
def _keep_freed_memory() -> None:
    """Let the process keep the memory of one phantom for the next one.

    glibc gives freed memory beyond a limit back to the system, and takes it again page by page:
    a slice waited as long for pages as it took to compute. The limit is twice the largest block
    that the process has freed so far, so that one block, never written to, is enough.
    """
    torch.empty(_KEPT_BYTES, dtype=torch.uint8)


def _check_grid(shape: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> None:
    if min(shape) < 1:
        raise ValueError(f"shape must be three positive integers, got {shape}; give (I, J, K)")
    if not all(step > 0 for step in spacing_mm):
        raise ValueError(
            f"spacing_mm must be three positive numbers in mm, got {spacing_mm}; give (i, j, k)"
        )


def _place_grid(
    phantom: PreparedPhantom,
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    centre_mm: tuple[float, float, float],
    turn: Tensor,
    device: torch.device,
) -> SampleGrid:
    record, spine = phantom.record, phantom.spine
    placement = record.placement
    level = min(int(placement.centre_level), len(spine.vertebrae) - 1)
    frame, size = spine.vertebrae[level], record.vertebrae[level]
    anchor = frame.point(0.0, size.depth_mm / 2, (placement.centre_level - level - 0.5) * 30.0)
    rotation = rotation_matrix(placement.rotation_deg)
    offset = torch.tensor(placement.offset_mm, dtype=torch.float64)
    return SampleGrid(
        shape,
        spacing_mm,
        anchor + rotation @ (torch.tensor(centre_mm, dtype=torch.float64)) + offset,
        rotation @ turn,
        device,
    )
