"""Lesions inside the marrow of one vertebra."""

from __future__ import annotations

from math import pi

import torch

from spinesynth.anatomy.phantom.findings import Finding
from spinesynth.anatomy.phantom.level_window import LevelWindow, level_window, vertebra_index
from spinesynth.anatomy.phantom.parameters import VertebraSize
from spinesynth.anatomy.phantom.scene import Scene
from spinesynth.anatomy.tissues import Tissue

_HAEMANGIOMA_RADII_MM = (4.0, 11.0)  # least and most severe, nominal
_TRABECULAE_MM = 3.6  # between the thickened trabeculae of a haemangioma, nominal
_BODY_FILL = 0.75  # of height x depth x width that a body fills, nominal


def paint_haemangioma(scene: Scene, finding: Finding) -> None:
    """Paint a round fatty lesion with thick vertical trabeculae ("polka dots")."""
    index = vertebra_index(scene, finding.level)
    size = scene.record.vertebrae[index]
    at = _whole_vertebra(scene, index, size)
    if at is None:
        return
    low, high = _HAEMANGIOMA_RADII_MM
    radius = low + (high - low) * finding.severity
    u, v, w = at.local
    distance = torch.sqrt(
        (u - 0.22 * finding.side * size.width_mm) ** 2
        + (v - 0.55 * size.depth_mm) ** 2
        + (w - (3.0 if finding.upper else -3.0)) ** 2
    )
    inside = distance + 3.0 * at.points.rough < radius
    inside &= (at.instance == index + 1) & (at.tissue == Tissue.MARROW_BODY)
    rate = 2 * pi / _TRABECULAE_MM
    trabecula = (rate * u).cos() + (rate * v).cos() > 1.3
    at.paint_tissue(inside & ~trabecula, Tissue.MARROW_FATTY)


def paint_metastasis(scene: Scene, finding: Finding) -> None:
    """Paint a focal or diffuse replacement of marrow, body and pedicles alike."""
    index = vertebra_index(scene, finding.level)
    size = scene.record.vertebrae[index]
    at = _whole_vertebra(scene, index, size)
    if at is None:
        return
    if finding.variant == "focal":
        u, v, w = at.local
        volume = _BODY_FILL * size.posterior_height_mm * size.depth_mm * size.width_mm
        radius = (3.0 * finding.severity * volume / (4.0 * pi)) ** (1.0 / 3.0)
        distance = torch.sqrt(  # most start behind, near the pedicle
            (u - 0.3 * finding.side * size.width_mm) ** 2
            + (v - 0.3 * size.depth_mm) ** 2
            + (w - (4.0 if finding.upper else -2.0)) ** 2
        )
        inside = distance + 5.0 * at.points.rough < radius
    else:
        unit = at.points.rough / max(scene.record.roughness_mm, 1e-6)
        inside = unit < 4.0 * finding.severity - 2.0  # the share of a unit normal field, roughly
    marrow = (at.tissue == Tissue.MARROW_BODY) | (at.tissue == Tissue.MARROW_POSTERIOR)
    at.paint_tissue(inside & marrow & (at.instance == index + 1), Tissue.MARROW_LESION)


def _whole_vertebra(scene: Scene, index: int, size: VertebraSize) -> LevelWindow | None:
    depth, reach = size.depth_mm + 4.0, size.spinous_reach_mm + 6.0
    return level_window(
        scene,
        scene.spine.vertebrae[index],
        centre=(0.0, (depth - reach) / 2, -8.0),
        half=(0.5 * size.transverse_span_mm + 6.0, (depth + reach) / 2, size.depth_mm),
    )
