"""Faces of the stages that change intensities."""

from __future__ import annotations

from typing import Any, ClassVar

import torchio as tio
from monai.transforms.transform import Transform
from torchio.transforms.intensity_transform import IntensityTransform

from spinesynth.transforms.acquired_resolution import RandAcquiredResolution
from spinesynth.transforms.base import RandomKernel, as_plain
from spinesynth.transforms.bias_gain import RandBiasGain
from spinesynth.transforms.gaussian_blur import RandGaussianBlur
from spinesynth.transforms.intensity import PercentileNormalise, RandGammaCurve
from spinesynth.transforms.kspace_motion import RandDirectionalBlur, RandKSpaceMotion
from spinesynth.transforms.kspace_spikes import RandKSpaceSpikes
from spinesynth.transforms.magnitude_noise import RandMagnitudeNoise
from spinesynth.transforms.partial_fourier import RandPartialFourier
from spinesynth.transforms.periodic_ghosting import RandPeriodicGhosting
from spinesynth.transforms.saturation import RandSaturation
from spinesynth.transforms.surface_coil import RandSurfaceCoil
from spinesynth.transforms.torchio.random_face import RandomIntensityFace
from spinesynth.transforms.truncation import RandTruncation
from spinesynth.transforms.wrap_around import RandWrapAround


class RandomBiasGain(RandomIntensityFace):
    """Face of :class:`~spinesynth.transforms.RandBiasGain`."""

    array_class: ClassVar[type[RandomKernel]] = RandBiasGain


class RandomKSpaceMotion(RandomIntensityFace):
    """Face of :class:`~spinesynth.transforms.RandKSpaceMotion`."""

    array_class: ClassVar[type[RandomKernel]] = RandKSpaceMotion


class RandomDirectionalBlur(RandomIntensityFace):
    """Face of :class:`~spinesynth.transforms.RandDirectionalBlur`."""

    array_class: ClassVar[type[RandomKernel]] = RandDirectionalBlur


class RandomKSpaceSpikes(RandomIntensityFace):
    """Face of :class:`~spinesynth.transforms.RandKSpaceSpikes`."""

    array_class: ClassVar[type[RandomKernel]] = RandKSpaceSpikes


class RandomPartialFourier(RandomIntensityFace):
    """Face of :class:`~spinesynth.transforms.RandPartialFourier`."""

    array_class: ClassVar[type[RandomKernel]] = RandPartialFourier


class RandomPeriodicGhosting(RandomIntensityFace):
    """Face of :class:`~spinesynth.transforms.RandPeriodicGhosting`."""

    array_class: ClassVar[type[RandomKernel]] = RandPeriodicGhosting


class RandomTruncation(RandomIntensityFace):
    """Face of :class:`~spinesynth.transforms.RandTruncation`."""

    array_class: ClassVar[type[RandomKernel]] = RandTruncation


class RandomGaussianBlur(RandomIntensityFace):
    """Face of :class:`~spinesynth.transforms.RandGaussianBlur`."""

    array_class: ClassVar[type[RandomKernel]] = RandGaussianBlur


class RandomSaturation(RandomIntensityFace):
    """Face of :class:`~spinesynth.transforms.RandSaturation`."""

    array_class: ClassVar[type[RandomKernel]] = RandSaturation


class RandomWrapAround(RandomIntensityFace):
    """Face of :class:`~spinesynth.transforms.RandWrapAround`."""

    array_class: ClassVar[type[RandomKernel]] = RandWrapAround


class RandomAcquiredResolution(RandomIntensityFace):
    """Face of :class:`~spinesynth.transforms.RandAcquiredResolution`."""

    array_class: ClassVar[type[RandomKernel]] = RandAcquiredResolution


class RandomMagnitudeNoise(RandomIntensityFace):
    """Face of :class:`~spinesynth.transforms.RandMagnitudeNoise`."""

    array_class: ClassVar[type[RandomKernel]] = RandMagnitudeNoise


class RandomGammaCurve(RandomIntensityFace):
    """Face of :class:`~spinesynth.transforms.RandGammaCurve`."""

    array_class: ClassVar[type[RandomKernel]] = RandGammaCurve


class RandomSurfaceCoil(RandomIntensityFace):
    """Face of :class:`~spinesynth.transforms.RandSurfaceCoil`.

    The anterior axis and its voxel size are read from the affine.
    """

    array_class: ClassVar[type[RandomKernel]] = RandSurfaceCoil

    def image_parameters(self, image: tio.Image) -> dict[str, Any]:
        """Return the axis that points anterior, and the voxel size along it."""
        axis = self.parameters.get("axis")
        if axis is None:
            if "A" not in image.orientation:
                raise ValueError(
                    "image must have an axis that points anterior, got orientation "
                    f"{image.orientation_str}; put torchio.ToCanonical before RandomSurfaceCoil"
                )
            axis = image.orientation.index("A") - 3
        return {"axis": axis, "spacing_mm": image.spacing[axis if axis < 0 else axis - 1]}


class FixedIntensityFace(IntensityTransform):
    """Base of the faces that draw nothing."""

    array_class: ClassVar[type[Transform]]

    def apply_transform(self, subject: tio.Subject) -> tio.Subject:
        """Transform every ScalarImage by itself."""
        for image in self.get_images(subject):
            image.set_data(as_plain(self.array_class()(image.data.float())))
        return subject


class PercentileNormalization(FixedIntensityFace):
    """Face of :class:`~spinesynth.transforms.PercentileNormalise`."""

    array_class: ClassVar[type[Transform]] = PercentileNormalise
