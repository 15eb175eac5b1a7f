"""Painters of canal, foramina and discs."""

from __future__ import annotations

import torch

from spinesynth.anatomy.phantom.canal import root_distance, sac_distances
from spinesynth.anatomy.phantom.canvas import SpinePoints, code_of
from spinesynth.anatomy.phantom.disc import disc_distances, disc_tissue
from spinesynth.anatomy.phantom.masks import above, below, cover
from spinesynth.anatomy.phantom.scene import Scene
from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue

_BEYOND_MM = 4.0  # how far outside the bony canal the sac is looked for


def paint_foramina(scene: Scene) -> None:
    """Paint the fat of the foramina and the nerve roots."""
    near, local = scene.canal.near, scene.canal.points
    squared = (local.u / 23.0).square_().add_(((local.t + 7.0) / 12.0).square_())
    foramen = below(squared, 1.0).mul_(above(local.s, scene.spine.s_endplate - 12.0))
    scene.canvas.paint_at(near, foramen, Tissue.FAT_EPIDURAL)
    roots = scene.phantom.roots
    for tiles in scene.tiles(scene.windows.roots):
        distance = root_distance(scene.local(tiles, roots), scene.shapes(tiles, roots))
        for window, inside in zip(tiles.windows, below(distance, 0.0).unbind(), strict=True):
            scene.canvas.paint(window, inside, Tissue.CORD)


def paint_canal(scene: Scene) -> None:
    """Paint ligamenta flava, epidural fat, thecal sac, cord and roots."""
    canal, local = scene.canal, scene.canal.points
    codes = scene.canvas.take(canal.near)
    outside = below(canal.bony, 0.0).neg_().add_(1.0)
    flavum = below(canal.bony, 3.2).mul_(outside).mul_(below(local.t, -6.0))
    flavum.mul_(above(local.s, scene.spine.s_endplate - 8.0))
    cover(codes, flavum, Tissue.LIGAMENT)
    inside = below(canal.bony, 0.0).mul_(above(local.s, scene.spine.sacrum[-1].s_low + 8.0))
    cover(codes, inside, Tissue.FAT_EPIDURAL)
    ligament = above(local.t, -1.0).mul_(below(local.t, 1.5)).mul_(below(local.u.abs(), 8.0))
    cover(codes, ligament, Tissue.LIGAMENT)
    scene.canvas.put(canal.near, codes)
    _paint_sac(scene)


def _paint_sac(scene: Scene) -> None:
    canal = scene.canal
    inner = (canal.bony < _BEYOND_MM).nonzero()[:, 0]
    bony = canal.bony.index_select(0, inner)
    local = SpinePoints(*(field.index_select(0, inner) for field in canal.points))
    parts = sac_distances(local.u, local.t, local.s, scene.record, canal.course)
    cord = below(torch.minimum(parts.roots, parts.cord), 0.0)
    csf = code_of(Tissue.CSF, Structure.CANAL)
    codes = cord.mul_(code_of(Tissue.CORD, Structure.CANAL) - csf).add_(csf)
    sac = parts.sac.add_(local.rough, alpha=0.6)
    here = canal.near.index_select(0, inner)
    dura = below(sac, scene.record.canal.dura_mm).mul_(below(bony, 0.0))
    scene.canvas.paint_at(here, dura, Tissue.LIGAMENT)
    scene.canvas.paint_at(here, below(sac, 0.0), codes)
    margin = below(sac, scene.record.outline.canal_margin_mm).mul_(below(bony, 0.0))
    scene.canvas.label_at(here, margin, Structure.CANAL)


def paint_discs(scene: Scene) -> None:
    """Paint the discs; the bodies painted later trim their ends."""
    discs = scene.phantom.discs
    for tiles in scene.tiles(scene.windows.discs):
        shape, frames, p = scene.shapes(tiles, discs), scene.frames(tiles, discs), tiles.points
        local = frames.coordinates(p.x, p.y, p.z)
        disc, nucleus = disc_distances(local, frames, shape)
        codes = disc_tissue(nucleus.add_(p.rough, alpha=1.5), local, shape)
        codes.add_(scene.codes(tiles, Structure.DISC))
        scene.paint_tiles(tiles, below(disc.add_(p.rough), 0.0), codes)
