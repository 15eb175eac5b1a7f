"""Disc tissue behind the wall, and what else narrows the canal at a disc."""

from __future__ import annotations

import torch
from torch import Tensor

from spinesynth.anatomy.phantom.canal import sac_section
from spinesynth.anatomy.phantom.findings import Finding, FindingKind
from spinesynth.anatomy.phantom.level_window import LevelWindow, disc_index, level_window
from spinesynth.anatomy.phantom.scene import Scene
from spinesynth.anatomy.phantom.shapes import capsule, smooth_min
from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue

_FACET_LINE = 0.8  # of the canal's depth: line between the facets (Mysliwiec 2010); nominal
_SPARED = 0.45  # of the sac's half depth, behind its axis: no herniation fills the sac; nominal
_LATERAL = 0.32  # of the canal's width: a herniation at the side, nominal
_BULGE_SHARE = 0.55  # of the canal's depth that a bulge takes per lost share of the sac; nominal
_FLAVUM_MM = 5.0  # hypertrophied ligamentum flavum, measured about 5 (Safak 2010), nominal


def paint_herniation(scene: Scene, finding: Finding) -> None:
    """Paint a protrusion or extrusion, DISC, indenting the sac.

    Fardon et al. 2014: a protrusion has a base wider than its dome and stays at
    the height of the disc; an extrusion has a neck and may migrate.
    """
    index = disc_index(scene, finding.level)
    frame, above = scene.spine.discs[index], scene.record.vertebrae[index]
    at = level_window(
        scene, frame, centre=(0.0, -8.0, 0.0), half=(above.canal_width_mm / 2 + 8.0, 16.0, 22.0)
    )
    if at is None:
        return
    reach = finding.severity * _FACET_LINE * above.canal_depth_mm
    side = finding.side * _LATERAL * above.canal_width_mm
    half_height = 0.5 * frame.height_mm
    if finding.kind is FindingKind.PROTRUSION:
        distance = _dome(at, reach, side, half_height, wide=max(6.0, 0.8 * reach))
    else:
        distance = _extrusion(at, reach, side, half_height, upwards=finding.upper)
    distance = distance + at.points.rough
    middle, half_depth = sac_section(at.points.t, at.points.s, scene.canal.course)
    canal = at.structure == Structure.CANAL
    spared = canal & (middle < -_SPARED * half_depth)
    free = canal | (at.structure == Structure.BACKGROUND)
    inside = (distance < 0) & free & ~spared
    at.paint(inside, Tissue.ANNULUS, Structure.DISC, index + 1)
    if finding.kind is FindingKind.EXTRUSION:
        # what came out of the nucleus has lost water, whatever is left inside; nominal
        at.paint_tissue(inside & (distance < -0.8), Tissue.NUCLEUS_DRY)
    # the displaced outer annulus and posterior ligament are a dark line
    at.paint_tissue((distance < 0.8) & (distance >= 0) & ~canal & free, Tissue.LIGAMENT)


def _dome(at: LevelWindow, reach: float, side: float, half_height: float, *, wide: float) -> Tensor:
    """Return the distance to disc tissue behind the wall that stays at the disc's height."""
    u, v, w = at.local
    tall = max(2.0, 0.95 * half_height)
    reach = reach + 0.8  # from within the annulus
    scaled = torch.sqrt(((u - side) / wide) ** 2 + (v / reach) ** 2 + (w / tall) ** 2)
    return (scaled - 1.0) * min(wide, reach, tall)


def _extrusion(
    at: LevelWindow, reach: float, side: float, half_height: float, *, upwards: bool
) -> Tensor:
    u, v, w = at.local
    shift = (1.0 if upwards else -1.0) * (half_height + 0.35 * reach)
    neck = capsule(
        at.local, (side, 3.0, 0.0), (side, -0.5 * reach, 0.4 * shift),
        radius_mm=(min(2.5, half_height), 0.3 * reach),
    )  # fmt: skip
    radii = (0.5 * reach + 2.0, 0.5 * reach, 0.5 * abs(shift) + 0.35 * reach)
    scaled = torch.sqrt(
        ((u - side) / radii[0]) ** 2
        + ((v + 0.5 * reach) / radii[1]) ** 2
        + ((w - 0.6 * shift) / radii[2]) ** 2
    )
    return smooth_min(neck, (scaled - 1.0) * min(radii), 1.5)


def paint_stenosis(scene: Scene, finding: Finding) -> None:
    """Paint the bulge and the thick flavum around a sac that the canal's course narrows."""
    index = disc_index(scene, finding.level)
    frame, above = scene.spine.discs[index], scene.record.vertebrae[index]
    half = (above.canal_width_mm / 2 + 4.0, 18.0, 12.0)
    at = level_window(scene, frame, centre=(0.0, -10.0, 0.0), half=half)
    if at is None:
        return
    bony = scene.canal.distance[at.window]
    middle, half_depth = sac_section(at.points.t, at.points.s, scene.canal.course)
    off = (at.points.s - frame.s_middle).abs() / (0.5 * frame.height_mm + 8.0)
    thick = _FLAVUM_MM * min(1.0, 2.0 * finding.severity) * (1.0 - off * off)
    flavum = (bony < 0) & (bony > -thick - at.points.rough) & (middle < 0.3 * half_depth)
    flavum &= at.structure == Structure.BACKGROUND
    at.paint_tissue(flavum, Tissue.LIGAMENT)
    half_height = 0.5 * frame.height_mm
    reach = _BULGE_SHARE * finding.severity * above.canal_depth_mm
    bulge = _dome(at, reach, 0.0, half_height, wide=0.55 * above.canal_width_mm)
    free = (bulge + at.points.rough < 0) & (at.structure == Structure.BACKGROUND)
    at.paint(free, Tissue.ANNULUS, Structure.DISC, index + 1)
