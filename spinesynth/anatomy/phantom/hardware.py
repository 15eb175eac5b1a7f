"""Traces of surgery: pedicle screws with rods, and the scar of a laminectomy."""

from __future__ import annotations

import torch
from torch import Tensor

from spinesynth.anatomy.phantom.findings import Finding, FindingKind
from spinesynth.anatomy.phantom.laminectomy import resection_distance
from spinesynth.anatomy.phantom.level_window import level_window, vertebra_index
from spinesynth.anatomy.phantom.parameters import VertebraSize
from spinesynth.anatomy.phantom.scene import Scene
from spinesynth.anatomy.phantom.shapes import capsule
from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue

_SCREW_RADIUS_MM = 3.0  # lumbar screws have diameters of 5.5 to 7 mm; nominal
_BLOOM_MM = (0.6, 2.2)  # signal void beyond the metal, least and most severe; nominal
_HEAD_RADIUS_MM = 5.5  # nominal
_ROD_RADIUS_MM = 2.75  # rods of 5.5 mm

_Point = tuple[float, float, float]


def screw_axis(size: VertebraSize) -> tuple[_Point, _Point]:
    """Return head and tip of the right screw in the vertebra's frame, in mm.

    It enters behind the junction of facet and transverse process, runs through
    the middle of the pedicle and converges into the front half of the body.
    """
    lateral = (size.canal_width_mm + size.pedicle_width_mm) / 2 - 0.5
    root = 0.2 * size.posterior_height_mm
    head = (lateral + 3.0, -0.62 * size.canal_depth_mm - 9.0, root + 2.0)
    return head, (0.45 * lateral, 0.72 * size.depth_mm, root - 2.0)


def paint_screws(scene: Scene, finding: Finding) -> None:
    """Paint both screws of a vertebra, and rods to the next one that has screws.

    The structure stays the bone's; disc and canal are spared by the void.
    """
    index = vertebra_index(scene, finding.level)
    frame, size = scene.spine.vertebrae[index], scene.record.vertebrae[index]
    head, tip = screw_axis(size)
    rod = _rod_end(scene, index)
    at = level_window(
        scene, frame, centre=(0.0, 0.2 * size.depth_mm, 12.0),
        half=(head[0] + 12.0, size.depth_mm, 46.0),
    )  # fmt: skip
    if at is None:
        return
    low, high = _BLOOM_MM
    bloom = low + (high - low) * finding.severity
    u, v, w = at.local
    mirrored = (u.abs(), v, w)
    shaft = capsule(mirrored, head, tip, radius_mm=(_SCREW_RADIUS_MM, 0.8 * _SCREW_RADIUS_MM))
    knob = (head[0], head[1] - 2.0, head[2])
    metal = torch.minimum(shaft, capsule(mirrored, head, knob, radius_mm=(_HEAD_RADIUS_MM,) * 2))
    for side in (-1.0, 1.0):
        metal = torch.minimum(metal, _rod(scene, index, at.local, knob, rod, side))
    void = metal + 2.0 * at.points.rough < bloom
    spared = (at.structure == Structure.CANAL) | (at.structure == Structure.DISC)
    at.paint_tissue(void & ~spared & (at.tissue != Tissue.AIR), Tissue.METAL)


def _rod_end(scene: Scene, index: int) -> int | None:
    """Return the vertebra above if it has screws too."""
    levels = scene.record.vertebrae
    above = index + 1
    if above < len(levels) and scene.record.has_finding(FindingKind.SCREWS, levels[above].name):
        return above
    return None


def _rod(
    scene: Scene,
    index: int,
    local: tuple[Tensor, Tensor, Tensor],
    knob: _Point,
    above: int | None,
    side: float,
) -> Tensor:
    """Return the distance to the rod of one side, which stands 8 mm beyond its last screws."""
    start = (side * knob[0], knob[1], knob[2] - 8.0)
    if above is None:
        end = (side * knob[0], knob[1], knob[2] + 8.0)
    else:
        frame = scene.spine.vertebrae[above]
        head, _ = screw_axis(scene.record.vertebrae[above])
        body = frame.point(side * head[0], head[1] - 2.0, head[2])
        own = scene.spine.vertebrae[index]
        u, v, w = (own.axes.T @ (body - own.origin)).tolist()
        end = (u, v, w)
    return capsule(local, start, end, radius_mm=(_ROD_RADIUS_MM,) * 2)


def paint_scar(scene: Scene, finding: Finding) -> None:
    """Paint scar and fat where a laminectomy took lamina and spinous process."""
    index = vertebra_index(scene, finding.level)
    frame, size = scene.spine.vertebrae[index], scene.record.vertebrae[index]
    reach, height = size.spinous_reach_mm, size.posterior_height_mm
    at = level_window(
        scene, frame, centre=(0.0, -0.5 * reach, -0.45 * height),
        half=(0.5 * size.canal_width_mm, 0.5 * reach, 0.6 * height),
    )  # fmt: skip
    if at is None:
        return
    _, v, w = at.local
    block = resection_distance(at.local, size) + 3.0 * at.points.rough
    extent = torch.maximum(block, (w + 0.45 * height).abs() - 0.6 * height)
    outside = scene.canal.distance[at.window] > 0.0
    inside = (extent < 0) & (v > -reach) & outside & (at.structure == Structure.BACKGROUND)
    at.paint_tissue(inside & (at.tissue != Tissue.AIR), Tissue.LIGAMENT)
    fat = at.points.rough > 0.6 * scene.record.roughness_mm
    at.paint_tissue(inside & fat & (at.tissue == Tissue.LIGAMENT), Tissue.FAT)
