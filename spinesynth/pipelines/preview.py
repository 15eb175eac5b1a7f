"""A picture of what was found in a scan.

It shows the scan, so it belongs where the scan may be, never into a repository.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from spinesynth.io.atomic import atomic_write
from spinesynth.pipelines.evaluate import group_masks
from spinesynth.pipelines.segmenter import Segmentation
from spinesynth.viz import PreviewSlice, draw_preview, encode_png

#: Share of what was found in the fullest slice that the outer slices shown must hold; nominal.
_ENOUGH = 0.5


def write_preview(path: Path, segmentation: Segmentation, *, title: str) -> None:
    """Write a picture of the fullest sagittal slice and one to each side of it.

    Args:
        path: ``.png``.
        segmentation: of the scan.
        title: of the picture.

    Raises:
        OutputError: if the disk refuses.
    """
    image = segmentation.image
    spacing_mm = torch.linalg.vector_norm(image.affine[:3, :3].double(), dim=0).tolist()
    # whole vertebrae only where their parts are unknown
    groups = [name for name in segmentation.groups if name != "vertebra"]
    if "body" not in groups and "vertebra" in segmentation.groups:
        groups.insert(0, "vertebra")
    slices = [
        PreviewSlice(
            f"slice {place + 1} of {image.shape[1]}",
            image.as_tensor()[0, place].cpu().numpy().astype(np.float32),
            {
                name: mask.numpy()
                for name, mask in group_masks(segmentation.structures[place], groups).items()
            },
        )
        for place in _places(segmentation)
    ]
    figure = draw_preview(slices, spacing_mm=(spacing_mm[1], spacing_mm[2]), title=title)
    with atomic_write(path) as temporary:
        temporary.write_bytes(encode_png(figure))


def _places(segmentation: Segmentation) -> list[int]:
    """Return the fullest slice, then the outermost to its left and right that hold enough."""
    found = segmentation.structures.bool().sum(dim=(1, 2))
    if not bool(found.any()):
        return [len(found) // 2]
    middle = int(found.argmax())
    enough = torch.nonzero(found >= _ENOUGH * found[middle]).flatten().tolist()
    return list(dict.fromkeys([middle, enough[0], enough[-1]]))
