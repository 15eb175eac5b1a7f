"""Laminectomy: what the surgeon takes away between the facets."""

from __future__ import annotations

import torch
from torch import Tensor

from spinesynth.anatomy.phantom.parameters import VertebraSize


def resection_distance(point: tuple[Tensor, Tensor, Tensor], size: VertebraSize) -> Tensor:
    """Return the signed distance to the resected block, in mm, negative inside.

    The block holds lamina and spinous process as wide as the canal between the
    facets (0.42 of its width to either side, nominal) and everything behind.

    Args:
        point: u, v, w in the vertebra's frame.
        size: of the vertebra.
    """
    u, v, _ = point
    return torch.maximum(u.abs() - 0.42 * size.canal_width_mm, v + 0.45 * size.canal_depth_mm)
