"""Face of the stage that moves voxels."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
import torchio as tio
from monai.data.meta_tensor import MetaTensor
from torch import Tensor
from torchio.transforms.spatial_transform import SpatialTransform

from spinesynth.transforms.base import RandomKernel, as_plain
from spinesynth.transforms.deform_patch import RandDeformPatch
from spinesynth.transforms.torchio.random_face import RandomSpineSynthTransform
from spinesynth.transforms.torchio.replayed_face import Records, Replayed, ReplayedSpatial
from spinesynth.transforms.whole_numbers import whole_numbers


class RandomDeformPatch(RandomSpineSynthTransform, SpatialTransform):
    """Face of :class:`~spinesynth.transforms.RandDeformPatch`.

    One sampling grid for the whole subject: scalar images linearly, label maps
    by nearest neighbour. The images must share one grid. The affine of the
    patch keeps the directions of the input's, has the patch's voxel size, and
    puts the patch's centre where it was cut; rotation and deformation move the
    anatomy within it, as in TorchIO's ``RandomAffine``.

    Args:
        *values: ``patch_size``: three sizes, or two for a subject that is one
            slice (one voxel along an axis).
        **arguments: further parameters of the array transform and TorchIO's.
    """

    array_class: ClassVar[type[RandomKernel]] = RandDeformPatch
    replay_class: ClassVar[type[Replayed]] = ReplayedSpatial

    def image_parameters(self, image: tio.Image) -> dict[str, Any]:
        """Return nothing: ``spacing_mm`` is the patch's, the image's is in its affine."""
        return {}

    def render(
        self, subject: tio.Subject, *, state: np.random.RandomState, records: Records | None
    ) -> Records:
        """Sample all images of the subject at the coordinates of one record."""
        images = subject.get_images_dict(
            intensity_only=False, include=self.include, exclude=self.exclude
        )
        if not images:
            return {}
        tio.Subject(images).check_consistent_space()
        record = next(iter(records.values())) if records else None
        applied: Records = {}
        for name, image in images.items():
            is_map = isinstance(image, tio.LabelMap)
            voxels = image.data
            data = whole_numbers(voxels, f"label map {name!r}") if is_map else voxels.float()
            axes = self._axes(image)
            result, record = self.run_stage(
                image, _in_plane(data, image, axes), state=state, record=record
            )
            affine = _patch_affine(image, result, axes=axes, centre_vox=record["centre_vox"])
            patch = as_plain(result)
            for axis in sorted({0, 1, 2} - set(axes)):
                patch = patch.unsqueeze(axis + 1)
            image.set_data(patch.to(image.data.dtype) if is_map else patch)
            image.affine = affine
            applied[name] = record
        return applied

    def _axes(self, image: tio.Image) -> list[int]:
        """Return the spatial axes that are deformed: all, or the two of a slice."""
        if len(self.parameters["patch_size"]) == 3:
            return [0, 1, 2]
        flat = [axis for axis, size in enumerate(image.spatial_shape) if size == 1]
        if not flat:
            raise ValueError(
                "patch_size must have three sizes for a volume, got "
                f"{tuple(self.parameters['patch_size'])} for shape {image.spatial_shape}"
            )
        return [axis for axis in range(3) if axis != flat[0]]


def _in_plane(data: Tensor, image: tio.Image, axes: list[int]) -> MetaTensor:
    """Return the data without its flat axis, with the voxel size of the others."""
    for axis in sorted({0, 1, 2} - set(axes), reverse=True):
        data = data.squeeze(axis + 1)
    spacing = [image.spacing[axis] for axis in axes]
    return MetaTensor(data, affine=torch.diag(torch.tensor([*spacing, 1.0], dtype=torch.float64)))


def _patch_affine(
    image: tio.Image, result: Tensor, *, axes: list[int], centre_vox: list[float]
) -> np.ndarray:
    """Return the affine of a patch whose centre lies at a voxel of the image."""
    assert isinstance(result, MetaTensor)  # the input was one
    centre, middle, factor = np.zeros(3), np.zeros(3), np.ones(3)
    centre[axes] = centre_vox
    middle[axes] = (np.array(result.shape[1:]) - 1) / 2
    factor[axes] = np.array(result.pixdim.tolist()) / np.array(image.spacing)[axes]
    affine = np.array(image.affine, dtype=np.float64)
    linear = affine[:3, :3] * factor
    patch = np.eye(4)
    patch[:3, :3] = linear
    patch[:3, 3] = affine[:3, :3] @ centre + affine[:3, 3] - linear @ middle
    return patch
