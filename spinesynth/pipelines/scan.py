"""A scan as an acquisition sees it: slices first, air at 0, with its reference beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.io.load_case import LoadedCase
from spinesynth.pipelines.evaluate import spacing_of
from spinesynth.pipelines.robustness import slice_axis


@dataclass(frozen=True, eq=False)
class Scan:
    """Hold an image and its reference, the axis across the slices first.

    Args:
        image: float32 ``(S, A, B)`` >= 0, its least voxel 0.
        structure: uint8 ``(S, A, B)`` ``Structure`` codes.
        spacing_mm: distance of voxel centres along S, A, B.
    """

    image: Tensor
    structure: Tensor
    spacing_mm: tuple[float, float, float]

    def with_image(self, image: Tensor) -> Scan:
        """Return the scan with another image of the same size, whatever its leading ones."""
        return replace(self, image=image.reshape(self.image.shape))


def open_scan(loaded: LoadedCase) -> Scan:
    """Return the scan of a case that has an image and a reference."""
    image, structure = loaded.image, loaded.structure
    assert image is not None  # scored cases have both
    assert structure is not None
    spacing_mm = spacing_of(image)
    axis = slice_axis(image.shape[1:], spacing_mm)
    voxels = image.as_tensor()[0].float().movedim(axis, 0)
    across, first, second = (spacing_mm[a] for a in (axis, *(a for a in range(3) if a != axis)))
    return Scan(
        (voxels - voxels.min()).contiguous(),
        structure.as_tensor()[0].movedim(axis, 0).contiguous(),
        (across, first, second),
    )


def change_case(
    loaded: LoadedCase, change: Callable[[Scan], Scan], *, keep_padding: bool
) -> LoadedCase:
    """Return a case whose scan was changed, on the same grid and scale of intensities.

    Args:
        loaded: with image and reference.
        change: returns a scan of the same size.
        keep_padding: what lies around the box of voxels above the least one was never
            scanned: it stays as it was.
    """
    image, structure = loaded.image, loaded.structure
    scan = open_scan(loaded)
    changed = change(scan)
    voxels = changed.image
    if keep_padding:
        voxels = torch.where(_field(scan.image), voxels, 0.0)
    assert image is not None  # open_scan has seen both
    assert structure is not None
    axis = slice_axis(image.shape[1:], spacing_of(image))
    voxels = voxels.movedim(0, axis)[None] + image.as_tensor().float().min()
    codes = changed.structure.movedim(0, axis)[None].contiguous()
    return replace(
        loaded, image=on_grid(image, voxels.contiguous()), structure=on_grid(structure, codes)
    )


def _field(image: Tensor) -> Tensor:
    """Return the box of the voxels above 0, as a mask that broadcasts to ``(S, A, B)``."""
    field = torch.ones(1, 1, 1, dtype=torch.bool)
    for axis in range(3):
        others = [other for other in range(3) if other != axis]
        inside = (image > 0).any(dim=others[1]).any(dim=others[0]).nonzero()
        index = torch.arange(image.shape[axis])
        if len(inside):
            index = (index >= inside.min()) & (index <= inside.max())
        shape = [1, 1, 1]
        shape[axis] = -1
        field = field & index.bool().reshape(shape)
    return field


def on_grid(grid: MetaTensor, values: Tensor) -> MetaTensor:
    """Return values on the grid of another volume, with what it says of itself."""
    meta = {key: value for key, value in grid.meta.items() if key != "affine"}
    return MetaTensor(values, affine=grid.affine.clone(), meta=meta)
