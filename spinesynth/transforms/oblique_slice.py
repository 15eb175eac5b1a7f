"""Cut one oblique, deformed slice from a volume, in one sampling."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from spinesynth.transforms.base import (
    RandomKernel,
    as_list,
    check_number,
    check_spacing,
    spacing_per_axis,
)
from spinesynth.transforms.deform_patch import DeformRecord, RandDeformPatch, RandDeformPatchd
from spinesynth.transforms.sagittal_slice import draw_slice


class RandObliqueSlice(RandDeformPatch):
    """Cut one deformed slice anywhere along the first axis, at a small obliquity.

    A scan is seldom parallel to the spine. Position, tilt, in-plane affine map and
    diffeomorphism make one grid, evaluated at the slice alone. The position is
    drawn within slices that hold a label, now and then anywhere.

    Args:
        patch_size: output size of the two in-plane axes.
        tilt_deg: largest tilt about each of the two in-plane axes.
        any_slice_prob: probability in [0, 1] of drawing a position anywhere.
        spacing_mm: voxel size of the slice, one number or one for each axis.
        slice_spacing_mm: distance between slices of an input without an affine;
            None takes the first of ``spacing_mm``.
        rotation_deg: largest rotation within the plane.
        scale: largest relative change of size, for example 0.2.
        shear: largest shear within the plane.
        elastic_mm: range of the standard deviation of the velocity field in mm.
        node_mm: distance between the nodes of the velocity field.
        margin: part of the slice that may leave the input, in [0, 1].
        fill: value of labels outside the input.
        prob: must be 1; a volume is no slice.

    Shape:
        ``(C, I, J, K)`` to ``(C, *patch_size)``; a MetaTensor gets a 3 by 3
        in-plane affine.

    Source:
        that of :class:`RandDeformPatch`; plain geometry.

    Example:
        >>> import torch
        >>> cut = RandObliqueSlice((16, 16)).set_random_state(0)
        >>> cut(torch.ones(1, 6, 24, 24, dtype=torch.uint8)).shape
        torch.Size([1, 16, 16])
    """

    def __init__(
        self,
        patch_size: Sequence[int],
        *,
        tilt_deg: float = 5.0,
        any_slice_prob: float = 0.05,
        spacing_mm: float | Sequence[float] = 1.0,
        slice_spacing_mm: float | None = None,
        rotation_deg: float = 15.0,
        scale: float = 0.2,
        shear: float = 0.1,
        elastic_mm: tuple[float, float] = (0.0, 4.0),
        node_mm: float = 32.0,
        margin: float = 0.15,
        fill: int = 0,
        prob: float = 1.0,
    ) -> None:
        if len(as_list(patch_size)) != 2:
            raise ValueError(f"patch_size must be 2 sizes >= 1, got {patch_size!r}")
        check_number("any_slice_prob", any_slice_prob, low=0, high=1)
        check_number("tilt_deg", tilt_deg, low=0, high=90)
        in_plane = spacing_per_axis(spacing_mm, 2)
        across = in_plane[0] if slice_spacing_mm is None else slice_spacing_mm
        check_spacing("slice_spacing_mm", across, 1)
        super().__init__(
            (1, *patch_size),
            spacing_mm=(across, *in_plane),
            rotation_deg=rotation_deg,
            scale=scale,
            shear=shear,
            elastic_mm=elastic_mm,
            node_mm=node_mm,
            margin=margin,
            fill=fill,
            prob=prob,
        )
        self.tilt_deg, self.any_slice_prob = tilt_deg, any_slice_prob

    def output_size(self, spatial: Sequence[int]) -> tuple[int, ...]:
        """Return the size of the slice."""
        return self.patch_size[1:]

    def output_affine(self) -> Tensor:
        """Return the in-plane voxel size as an affine."""
        return torch.diag(torch.tensor([*self.spacing_mm[1:], 1.0], dtype=torch.float64))

    def draw(self, data: Tensor) -> DeformRecord:
        """Draw the position among labelled slices, the tilt, and the deformation."""
        deform = super().draw(data)
        index = draw_slice(data, any_slice_prob=self.any_slice_prob, state=self.R)
        place = index + self.uniform((-0.5, 0.5))
        tilts = [self.uniform((-self.tilt_deg, self.tilt_deg)) for _ in range(2)]
        # listed row by row without the diagonal; those that involve the first axis would tilt
        shears = (0.0, 0.0, 0.0, deform.shears[3], 0.0, deform.shears[5])
        return dataclasses.replace(
            deform,
            centre_vox=(place, *deform.centre_vox[1:]),
            angles_deg=(deform.angles_deg[0], *tilts),
            scales=(1.0, *deform.scales[1:]),
            shears=shears,
        )

    def apply(self, data: Tensor, record: DeformRecord) -> Tensor:
        """Sample the slice of a record: nearest for integers, linear for floats."""
        return super().apply(data, record)[:, 0]


class RandObliqueSliced(RandDeformPatchd):
    """Dictionary form of :class:`RandObliqueSlice`: all keys share one sampling grid.

    The first key, usually the structure map, decides which slices hold a label.

    Args:
        keys: keys of maps and images on one grid; the first gives its size.
        allow_missing_keys: do not raise if a key is missing.
        **parameters: those of :class:`RandObliqueSlice`.
    """

    array_class: ClassVar[type[RandomKernel]] = RandObliqueSlice
