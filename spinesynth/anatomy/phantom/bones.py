"""Painters of the bones: sacrum with hips, and vertebrae with ribs."""

from __future__ import annotations

import torch
from torch import Tensor

from spinesynth.anatomy.phantom.arch import posterior_distance, rib_distance
from spinesynth.anatomy.phantom.canvas import code_of
from spinesynth.anatomy.phantom.findings import FindingKind
from spinesynth.anatomy.phantom.grid import Window
from spinesynth.anatomy.phantom.laminectomy import resection_distance
from spinesynth.anatomy.phantom.masks import above, below, cover, largest
from spinesynth.anatomy.phantom.pelvis import hip_distance, hip_excess
from spinesynth.anatomy.phantom.sacrum import sacral_arch_distance
from spinesynth.anatomy.phantom.scene import FAR_MM, Scene
from spinesynth.anatomy.phantom.tiles import Tiles
from spinesynth.anatomy.phantom.vertebra import basivertebral_distance, body_distance
from spinesynth.anatomy.phantom.voxel_lists import VoxelLists
from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue

_SACRAL_DISC_GROWTH_MM = 1.0  # beyond its ends, which the bodies then cover, nominal
_JOINT_MM = 0.7  # half width of the facet joint space, nominal
_END_SHARE = 0.3  # of a body's height from its middle, where its ends begin


def paint_sacrum(scene: Scene) -> None:
    """Paint hip bones, lateral masses, crest, rudimentary discs and bodies S5 to S1."""
    _paint_hips(scene)
    _paint_sacral_arch(scene)
    parts, is_disc = scene.phantom.sacral_parts, scene.phantom.is_sacral_disc
    disc = code_of(Tissue.ANNULUS, Structure.SACRUM)
    for tiles in scene.tiles(scene.windows.sacral_parts):
        frames, p = scene.frames(tiles, parts), tiles.points
        local = frames.coordinates(p.x, p.y, p.z)
        distance = body_distance(local, frames, scene.shapes(tiles, parts)).add_(p.rough)
        bone = scene.bone_tissue(distance, Tissue.MARROW_SACRUM).add_(
            code_of(Tissue.AIR, Structure.SACRUM)
        )
        inside, grown = below(distance, 0.0), below(distance, _SACRAL_DISC_GROWTH_MM)
        # the gap of the disc on S1, which its rudimentary discs do not reach
        bodies = [row for row, n in enumerate(tiles.numbers) if not is_disc[n]]
        _part_discs(scene, [tiles.windows[row] for row in bodies], distance[bodies])
        for row, (n, window) in enumerate(zip(tiles.numbers, tiles.windows, strict=True)):
            mask, code = (grown[row], disc) if is_disc[n] else (inside[row], bone[row])
            cover(scene.canvas.codes[window], mask, code)


def _paint_hips(scene: Scene) -> None:
    course = scene.phantom.hips
    near = torch.cat(
        [
            scene.near(side, lambda p: hip_excess(p.u, p.t, p.s, course))
            for side in (scene.windows.left_hip, scene.windows.right_hip)
        ]
    )
    if not near.numel():
        return
    local = scene.points.at(near)
    distance = hip_distance(local.u, local.t, local.s, course).add_(local.rough)
    tissue = scene.bone_tissue(distance, Tissue.MARROW_SACRUM)
    scene.canvas.paint_at(near, below(distance, 0.0), tissue)


def _paint_sacral_arch(scene: Scene) -> None:
    course = scene.phantom.sacrum
    near = scene.near(
        scene.windows.sacrum,
        lambda p: largest(
            p.s - (course.s_top + 5.0), (course.s_tip - 5.0) - p.s,
            (p.t + 8.0).abs_().sub_(42.0), p.u.abs().sub_(62.0),
        ),
    )  # fmt: skip
    local = scene.points.at(near)
    canal = scene.canal.distance.view(-1).index_select(0, near)
    distance = sacral_arch_distance(local.u, local.t, local.s, canal, course).add_(local.rough)
    tissue = scene.bone_tissue(distance, Tissue.MARROW_SACRUM)
    scene.canvas.paint_at(near, below(distance, 0.0), tissue, structure=Structure.SACRUM)


def paint_vertebrae(scene: Scene) -> None:
    """Paint ribs, posterior elements with facet joints, and bodies, from the lowest up."""
    _paint_ribs(scene)
    arches = torch.full(scene.grid.shape, FAR_MM, device=scene.grid.device)
    _paint_arches(scene, arches.view(-1))
    _paint_bodies(scene, arches)


def _paint_ribs(scene: Scene) -> None:
    ribs = scene.phantom.ribs
    for tiles in scene.tiles(scene.windows.ribs):
        distance = rib_distance(scene.local(tiles, ribs), scene.shapes(tiles, ribs))
        distance.add_(tiles.points.rough)
        tissue = scene.bone_tissue(distance, Tissue.MARROW_POSTERIOR)
        scene.paint_tiles(tiles, below(distance, 0.0), tissue)


def _paint_arches(scene: Scene, claimed: Tensor) -> None:
    arches = scene.phantom.arches
    for voxels in scene.voxels(arches.boxes, scene.windows.arches):
        local, canal = scene.local(voxels, arches), voxels.read(scene.canal.distance)
        arch = posterior_distance(local, canal, scene.shapes(voxels, arches))
        arch.add_(voxels.points.rough, alpha=1.2)
        _resect(scene, voxels, local, arch)
        codes = scene.bone_tissue(arch, Tissue.MARROW_POSTERIOR)
        labelled = below(arch, -scene.record.outline.arch_gap_mm)
        codes.add_(labelled.mul_(scene.codes(voxels, Structure.POSTERIOR_ELEMENTS)))
        rows = (voxels.flat, arch.flatten(1), codes.flatten(1))
        for flat, distance, code in zip(*(row.unbind() for row in rows), strict=True):
            here, lower = scene.canvas.take(flat), claimed.index_select(0, flat)
            # where an arch meets the one below, a joint space is left
            meeting = below((distance - lower).abs_(), _JOINT_MM)
            joint = below(torch.maximum(distance, lower), 0.5).mul_(meeting)
            cover(here, below(distance, 0.0).mul_(below(distance, lower)), code)
            cover(here, joint, Tissue.LIGAMENT)
            scene.canvas.put(flat, here)
            claimed.index_copy_(0, flat, torch.minimum(lower, distance, out=lower))


def _resect(
    scene: Scene, voxels: VoxelLists, local: tuple[Tensor, Tensor, Tensor], arch: Tensor
) -> None:
    """Take from arches, in place, what laminectomies took."""
    for row, n in enumerate(voxels.numbers):
        size = scene.record.vertebrae[n]
        if scene.record.has_finding(FindingKind.LAMINECTOMY, size.name):
            u, v, w = (c[row] for c in local)
            torch.maximum(arch[row], -resection_distance((u, v, w), size), out=arch[row])


def _paint_bodies(scene: Scene, arches: Tensor) -> None:
    bodies = scene.phantom.bodies
    for tiles in scene.tiles(scene.windows.bodies):
        frames, p = scene.frames(tiles, bodies), tiles.points
        local = frames.coordinates(p.x, p.y, p.z)
        body = body_distance(local, frames, scene.shapes(tiles, bodies)).add_(p.rough)
        _part_discs(scene, tiles.windows, body)
        inside = below(body, 0.0)
        ends = above(local[2].abs(), _END_SHARE * frames.height_mm)
        rim = _unlabelled_rim(scene, body, ends, tiles.read(arches))
        bone = scene.codes(tiles, Structure.VERTEBRAL_BODY) * rim.neg_().add_(1.0)
        codes = bone.add_(_body_tissue(scene, tiles, local, body, arches))
        scene.paint_tiles(tiles, inside, codes)


def _unlabelled_rim(scene: Scene, body: Tensor, ends: Tensor, arches: Tensor) -> Tensor:
    """Return what the label of a body leaves out: a line at its ends and its free walls."""
    outline = scene.record.outline
    rim = above(body, -outline.endplate_gap_mm).mul_(ends)
    walls = above(body, -outline.wall_gap_mm).mul_(above(arches, 0.0))
    return torch.maximum(rim, walls, out=rim)


def _part_discs(scene: Scene, windows: list[Window], bone: Tensor) -> None:
    """Take the label, not the tissue, of discs where the distance to bone is within the gap."""
    if windows:
        beside = below(bone, scene.record.outline.disc_gap_mm)
        scene.canvas.unlabel(windows, beside.unbind(), Structure.DISC)


def _body_tissue(
    scene: Scene,
    tiles: Tiles,
    local: tuple[Tensor, Tensor, Tensor],
    body: Tensor,
    arches: Tensor,
) -> Tensor:
    """Return cortex, marrow, which passes into the pedicles, and the basivertebral vein."""
    tissue = scene.bone_tissue(body, Tissue.MARROW_BODY)
    joined = below(tiles.read(arches), -scene.record.cortex_mm).mul_(above(body, -2.0))
    cover(tissue, joined, Tissue.MARROW_BODY)
    depths = [scene.record.vertebrae[n].basivertebral_mm for n in tiles.numbers]
    depth = torch.tensor(depths, device=scene.grid.device)[:, None, None, None]
    vein = below(basivertebral_distance(local, depth), 0.0).mul_(above(depth, 0.0))
    return cover(tissue, vein, Tissue.VESSEL)
