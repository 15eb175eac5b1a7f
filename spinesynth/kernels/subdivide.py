"""Split labelled structures into tissues: cortex and marrow, nucleus and annulus, CSF and cord.

All maps are on the CPU.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import MAIN_TISSUE, Tissue
from spinesynth.kernels.comparisons import is_any_of, is_greater
from spinesynth.kernels.draws import happens, uniform
from spinesynth.kernels.morphology import (
    bounding_box,
    dilate,
    erode,
    in_plane_radius,
    put,
)
from spinesynth.kernels.smooth_noise import draw_nodes, smooth_noise, upsample_nodes

_BONES = (
    Structure.VERTEBRAL_BODY,
    Structure.POSTERIOR_ELEMENTS,
    Structure.VERTEBRA,
    Structure.SACRUM,
)
#: Main tissue by structure code; the background, which has none, counts as 0.
_MAIN_CODES = np.array([MAIN_TISSUE.get(member, 0) for member in Structure], dtype=np.uint8)


def paint_main_tissues(structure: Tensor, tissue: Tensor) -> Tensor:
    """Fill each labelled structure with its main tissue; leave the rest as it is."""
    main = torch.from_numpy(_MAIN_CODES.take(structure.numpy()))
    return put(tissue, is_greater(structure, Structure.BACKGROUND), main)


def paint_cortex(
    structure: Tensor, tissue: Tensor, *, spacing_mm: Sequence[float], generator: torch.Generator
) -> Tensor:
    """Paint a cortical shell inside the bones' border, outside it, or on both sides.

    Annotators put the border of a bone in the dark rim or before it, so both are
    drawn (cortex in the lumbar body is about 0.4-1 mm; nominal).
    """
    inside, outside = happens(0.7, generator=generator), happens(0.45, generator=generator)
    if not (inside or outside):
        return tissue
    radius = in_plane_radius(structure, 1.0, spacing_mm=spacing_mm)
    tissue = tissue.clone()
    for bone in _BONES:
        box = bounding_box(is_any_of(structure, (bone,)), margin=max(1, *radius))
        mask = structure[box] == bone
        if not mask.numel():
            continue
        cortex = torch.zeros_like(mask)
        if inside:
            cortex |= mask & ~erode(mask, radius)
        if outside:
            cortex |= dilate(mask, radius) & (structure[box] == Structure.BACKGROUND)
        tissue[box] = put(tissue[box], cortex, Tissue.CORTEX)
    return tissue


def paint_nucleus(
    structure: Tensor, tissue: Tensor, *, spacing_mm: Sequence[float], generator: torch.Generator
) -> Tensor:
    """Paint the nucleus into the discs, flatter and shorter than they are."""
    if happens(0.2, generator=generator):
        return tissue
    disc = is_any_of(structure, (Structure.DISC,))
    *lateral, _, _ = spacing_mm
    rim = uniform(3.0, 9.0, generator=generator)
    lid = uniform(0.8, 2.6, generator=generator)
    sizes = [round(rim / s) for s in (*lateral, spacing_mm[-2])] + [round(lid / spacing_mm[-1])]
    if lateral:
        sizes[0] = 0  # thin sagittal slabs hold no lateral border of a disc
    sizes = [min(r, (n - 1) // 2) for r, n in zip(sizes, disc.shape, strict=True)]
    return put(tissue, erode(disc, sizes), Tissue.NUCLEUS)


def paint_cord(
    structure: Tensor, tissue: Tensor, *, spacing_mm: Sequence[float], generator: torch.Generator
) -> Tensor:
    """Paint the cord, the cauda equina below a drawn conus, and epidural fat into the canal.

    The conus ends at T12 to L2 in most adults (Saifuddin et al. 1998, Spine 23),
    so its height is drawn over the upper map.
    """
    canal = is_any_of(structure, (Structure.CANAL, Structure.CORD))
    box = bounding_box(canal, margin=1)  # and what lies around it, so that its border erodes
    inside = canal[box]
    if not inside.numel():
        return tissue
    size, scale = canal.shape[-1:], (60.0 / spacing_mm[-1],)
    wander = smooth_noise(size, scale, generator=generator, channels=2)[0][:, box[-1]]
    above, centre, width = _cord_course(size[0], generator)[:, box[-1]]
    off_centre = (_depth_in(inside) - centre - 0.06 * wander[0]).abs()
    strand_vox = [1.5] * (canal.ndim - 1) + [25.0]
    nodes = draw_nodes(canal.shape, strand_vox, generator=generator)
    strands = upsample_nodes(nodes, canal.shape, rows=box[-2])[0, 0][..., box[-1]]
    strands = strands[box[0]] if canal.ndim == 3 else strands
    density = uniform(-0.8, 1.2, generator=generator)
    cord = (off_centre < width * (1 + 0.2 * wander[1]) / 2) & inside
    cord &= (above > 0.5) | (strands > density)
    painted = tissue[box]
    if happens(0.85, generator=generator):
        painted = put(painted, cord, Tissue.CORD)
    if happens(0.35, generator=generator):
        radius = in_plane_radius(canal, 1.0, spacing_mm=spacing_mm)
        edge = inside & ~erode(inside, radius)
        painted = put(painted, edge & (strands > 0), Tissue.FAT_EPIDURAL)
    tissue = tissue.clone()
    tissue[box] = painted
    return tissue


def _cord_course(size: int, generator: torch.Generator) -> Tensor:
    """Draw ``(3, K)``: 1 above the conus and 0 below it, and where the cord lies, how wide."""
    conus = uniform(0.35, 1.1, generator=generator)
    above = torch.sigmoid((torch.linspace(0, 1, size) - conus) * 30)
    centre = above * uniform(0.4, 0.6, generator=generator) + (1 - above) * uniform(
        0.12, 0.4, generator=generator
    )
    width = above * uniform(0.3, 0.55, generator=generator) + (1 - above) * uniform(
        0.1, 0.5, generator=generator
    )
    return torch.stack([above, centre, width])


def _depth_in(canal: Tensor) -> Tensor:
    """Return how far each voxel lies from the back (0) to the front (1) of the canal."""
    rows = torch.arange(canal.shape[-2])[:, None]
    low = torch.where(canal, rows, canal.shape[-2]).amin(-2, keepdim=True)
    high = torch.where(canal, rows, -1).amax(-2, keepdim=True)
    return (rows - low) / (high - low).clamp(min=1)
