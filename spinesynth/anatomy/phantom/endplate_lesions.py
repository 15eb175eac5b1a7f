"""Changes at the endplates: Modic types, Schmorl's nodes, osteophytes, recent fractures."""

from __future__ import annotations

import torch
from torch import Tensor

from spinesynth.anatomy.phantom.disc import nucleus_tissue
from spinesynth.anatomy.phantom.findings import Finding
from spinesynth.anatomy.phantom.level_window import (
    BodyEnd,
    LevelWindow,
    disc_index,
    disc_neighbours,
    vertebra_end,
    vertebra_index,
)
from spinesynth.anatomy.phantom.scene import Scene
from spinesynth.anatomy.phantom.shapes import smoothstep
from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue

_MODIC_TISSUES = {
    "oedema": Tissue.MARROW_OEDEMA,
    "fat": Tissue.MARROW_FATTY,
    "sclerosis": Tissue.MARROW_SCLEROTIC,
}
_MODIC_SHARES = (0.14, 0.42)  # of the body's height, least and most severe; nominal
_NODE_DEPTHS_MM = (3.0, 8.0)  # least and most severe, nominal
_NODE_RADII_MM = (3.5, 7.0)
_NODE_RIM_MM = 1.2  # sclerotic rim, nominal
_OSTEOPHYTE_MM = (1.5, 7.0)  # beyond the wall, least and most severe; nominal


def paint_modic(scene: Scene, finding: Finding) -> None:
    """Paint a band of changed marrow on both sides of a disc."""
    low, high = _MODIC_SHARES
    share = low + (high - low) * finding.severity
    for end in disc_neighbours(scene, finding.level):
        uneven = 1.0 if end.upper == finding.upper else 0.75
        _paint_band(
            scene,
            end,
            uneven * share * end.frame.height_mm,
            tissue=_MODIC_TISSUES[finding.variant],
            side=finding.side,
        )


def paint_recent_fracture(scene: Scene, finding: Finding) -> None:
    """Paint the oedema of a recent fracture under the endplates that gave way."""
    if not finding.recent:
        return
    index = vertebra_index(scene, finding.level)
    for upper in (True,) if finding.variant == "wedge" else (True, False):
        end = vertebra_end(scene, index, upper=upper)
        thick = 0.45 * scene.record.vertebrae[index].posterior_height_mm
        _paint_band(scene, end, thick, tissue=Tissue.MARROW_OEDEMA, side=0.0)


def _paint_band(
    scene: Scene, end: BodyEnd, thick_mm: float, *, tissue: Tissue, side: float
) -> None:
    """Change the marrow beside an endplate, most in front of its middle."""
    at = end.window(scene)
    if at is None:
        return
    u, v, _ = at.local
    across = (u - 0.2 * side * end.width_mm) / (0.62 * end.width_mm)
    along = (v - 0.58 * end.depth_mm) / (0.66 * end.depth_mm)
    lens = (1.0 - across * across - along * along).clamp_min(0.0).sqrt()
    thickness = thick_mm * lens + 4.0 * at.points.rough * (lens > 0)
    depth = end.depth_below(at.local)
    marrow = at.is_of(end.structure, end.instance) & (at.tissue == end.marrow)
    at.paint_tissue(marrow & (depth < thickness) & (depth > -2.0), tissue)


def paint_schmorl(scene: Scene, finding: Finding) -> None:
    """Paint disc tissue that sank into a body.

    A node is DISC, as its signal is: annotators who follow the dark line of the
    endplate draw it around the node. S1 has none here; nodes are rare there.
    """
    index = disc_index(scene, finding.level)
    above, below = disc_neighbours(scene, finding.level)
    end = above if finding.upper or not index else below
    at = end.window(scene)
    if at is None:
        return
    node = _node_distance(at, end, finding)
    body = at.is_of(end.structure, end.instance)
    at.paint_tissue(body & (node < _NODE_RIM_MM), Tissue.CORTEX)
    at.paint(body & (node < 0), Tissue.ANNULUS, Structure.DISC, index + 1)
    core = at.is_of(Structure.DISC, index + 1) & (node < -1.5)
    at.paint_tissue(core, nucleus_tissue(scene.record.discs[index]))


def _node_distance(at: LevelWindow, end: BodyEnd, finding: Finding) -> Tensor:
    u, v, _ = at.local
    shallow, deep = _NODE_DEPTHS_MM
    depth = shallow + (deep - shallow) * finding.severity
    narrow, wide = _NODE_RADII_MM
    radius = narrow + (wide - narrow) * finding.severity
    below = end.depth_below(at.local)
    scaled = torch.sqrt(
        ((u - 0.22 * finding.side * end.width_mm) / radius) ** 2
        + ((v - 0.42 * end.depth_mm) / radius) ** 2
        + (below / depth) ** 2
    )
    return (scaled - 1.0) * min(radius, depth) + 2.0 * at.points.rough


def paint_osteophytes(scene: Scene, finding: Finding) -> None:
    """Paint bony rims at the corners of the bodies beside a disc (S1 keeps its own)."""
    low, high = _OSTEOPHYTE_MM
    reach = low + (high - low) * finding.severity
    gap = scene.spine.discs[disc_index(scene, finding.level)].height_mm
    for end in disc_neighbours(scene, finding.level):
        if end.structure is Structure.VERTEBRAL_BODY:
            _paint_rim(scene, end, reach, finding.side, room_mm=0.3 * gap)


def _paint_rim(scene: Scene, end: BodyEnd, reach_mm: float, side: float, *, room_mm: float) -> None:
    at = end.window(scene)
    if at is None:
        return
    u, v, _ = at.local
    out, below = end.rim(at.local)
    front = (v / end.depth_mm - 0.5) / 0.5
    # none behind, where the canal is; more on one side
    weight = smoothstep(front, -0.5, 0.6) * (0.8 + 0.4 * side * u / end.width_mm)
    reach = (reach_mm * weight).clamp_min(1e-3)
    along = (out / reach).clamp(0.0, 1.0)
    thick = (1.0 + 2.0 * (1.0 - along * along)) * (0.6 + 0.1 * reach_mm)
    axis = thick.clamp_min(2.0) - (2.0 + room_mm) * along * along  # beak towards the disc
    distance = torch.maximum((below - axis).abs() - thick, out - reach)
    distance = torch.maximum(distance, -out - 5.0) + at.points.rough
    free = (at.structure == Structure.BACKGROUND) | (at.structure == Structure.DISC)
    inside = (distance < 0) & (weight > 0.05)
    own = at.is_of(end.structure, end.instance)
    at.paint(inside & free & (out > -1.0), Tissue.CORTEX, end.structure, end.instance)
    bone = inside & (own | free) & (distance < -scene.record.cortex_mm)
    at.paint_tissue(bone & at.is_of(end.structure, end.instance), end.marrow)
