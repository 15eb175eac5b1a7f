"""What strong augmentation adds for real images, in the manner of nnU-Net's DA5 trainer.

Its probabilities and ranges, per image; each of its stages is here, but for what a spine
would not look like: quarter turns, exchanged axes, mirrors within the sagittal plane.
Where it resamples without a filter we acquire coarser voxels (``RandAcquiredResolution``).

============================= ============ ===============================================
stage                         probability  range
============================= ============ ===============================================
mirror left to right          0.5          seen by networks of several slices alone
median filter, or Gauss       0.2 of one   widths 3, 5, 7 (3 in volumes); sigma 0.3 to 1.5
Gaussian noise                0.1          sigma up to 0.1
brightness                    0.1          up to one standard deviation, even
contrast, range kept or not   0.2          factor 0.5 to 2
low resolution                0.15         voxels up to 4 times as large
gamma of the negative         0.1          0.7 to 1.5, mean and spread kept
gamma                         0.1          0.7 to 1.5, mean and spread kept
blank rectangles              0.4          1 to 5 of a tenth to a third of each axis
brightness around a place     0.3          1 to 5, either sign
gamma around a place          0.3          0.01 to 0.8, or 1.5 to 4
sharpening                    0.2          Laplacian, weight 0.1 to 1
============================= ============ ===============================================

Units are the standard deviation of the image. As there, intensities are not normalised
again afterwards: brightness and contrast would leave no trace.

Source: Isensee et al. 2021, Nature Methods 18:203, and ``nnUNetTrainerDA5`` of the code
that accompanies it (MIC-DKFZ/nnUNet).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from monai.transforms.compose import Compose, OneOf
from monai.transforms.intensity.array import MedianSmooth
from monai.transforms.intensity.dictionary import (
    RandAdjustContrastd,
    RandCoarseDropoutd,
    RandGaussianNoised,
    RandGaussianSharpend,
    RandGaussianSmoothd,
    RandScaleIntensityFixedMeand,
    RandStdShiftIntensityd,
)
from monai.transforms.utility.dictionary import RandLambdad

from spinesynth.transforms import RandAcquiredResolutiond
from spinesynth.transforms.base import as_plain, spacing_per_axis
from spinesynth.transforms.local_spot import RandBrightnessSpotd, RandLocalGammad

#: Least rotation and scaling of the deformation: those of DA5 in the plane of a volume.
ROTATION_DEG, SCALE = 30.0, 0.3
_KEY = "image"
_GAMMA = (0.7, 1.5)
_CONTRAST = (-0.5, 1.0)  # added to a factor of 1
_SIGMA = (0.3, 1.5)  # in voxels
#: By the number of axes: in volumes, wider ones take seconds and gigabytes.
_MEDIAN_RADII = {2: (1, 2, 3), 3: (1,)}
#: An image minus its Gauss of one voxel is half its Laplacian.
_SHARPEN_SIGMA, _SHARPEN_WEIGHT = (1.0, 1.0), (0.2, 2.0)
_UNBLURRED = (0.25, 0.25)


class StandardUnits(Compose):
    """Stages that see an image with mean 0 and standard deviation 1, undone after them.

    Args:
        stages: dictionary transforms of the key ``image``.
    """

    def __init__(self, stages: Sequence[Any]) -> None:
        super().__init__(list(stages))

    def __call__(self, input_: Any, *words: Any, **options: Any) -> Any:  # type: ignore[override]  # noqa: ANN401  # as Compose
        """Return the dictionary with its ``image`` changed; a constant one keeps its spread."""
        image = as_plain(input_[_KEY]).float()
        mean, spread = image.mean(), image.std()
        unit = spread if bool(spread > 0) else torch.ones_like(spread)
        changed = super().__call__({**input_, _KEY: (image - mean) / unit}, *words, **options)
        return {**changed, _KEY: as_plain(changed[_KEY]).float() * unit + mean}


def strong_intensity(
    patch_size: Sequence[int], *, spacing_mm: float | Sequence[float]
) -> StandardUnits:
    """Return the stages of intensity, for images ``(C, *patch)`` under the key ``image``.

    Args:
        patch_size: of the images in voxels.
        spacing_mm: voxel size of all axes, or of each.
    """
    finest_mm = min(spacing_per_axis(spacing_mm, len(patch_size)))
    return StandardUnits(
        [
            OneOf([_median(len(patch_size)),
                   RandGaussianSmoothd(_KEY, _SIGMA, _SIGMA, _SIGMA, prob=0.2)]),
            RandGaussianNoised(_KEY, prob=0.1, std=0.1),
            RandStdShiftIntensityd(_KEY, factors=1.0, prob=0.1),
            OneOf([_contrast(preserve_range=kept) for kept in (True, False)]),
            RandAcquiredResolutiond(
                _KEY, resolution_mm=(finest_mm, 4 * finest_mm), spacing_mm=spacing_mm,
                thick_axis_prob=0.0, prob=0.15,
            ),
            *(
                RandAdjustContrastd(
                    _KEY, prob=0.1, gamma=_GAMMA, invert_image=inverted, retain_stats=True
                )
                for inverted in (True, False)
            ),
            RandCoarseDropoutd(
                _KEY, holes=1, max_holes=5, prob=0.4, fill_value=0.0,
                spatial_size=[max(1, size // 10) for size in patch_size],
                max_spatial_size=[max(2, size // 3) for size in patch_size],
            ),
            RandBrightnessSpotd(_KEY, prob=0.3),
            RandLocalGammad(_KEY, prob=0.3),
            RandGaussianSharpend(
                _KEY, sigma1_x=_UNBLURRED, sigma1_y=_UNBLURRED, sigma1_z=_UNBLURRED,
                sigma2_x=_SHARPEN_SIGMA, sigma2_y=_SHARPEN_SIGMA, sigma2_z=_SHARPEN_SIGMA,
                alpha=_SHARPEN_WEIGHT, prob=0.2,
            ),
        ]
    )  # fmt: skip


def _median(axes: int) -> OneOf:
    """Return a median filter of one of some widths, which acts by chance."""
    return OneOf([RandLambdad(_KEY, func=MedianSmooth(radius), prob=0.2)
                  for radius in _MEDIAN_RADII[axes]])  # fmt: skip


def _contrast(*, preserve_range: bool) -> RandScaleIntensityFixedMeand:
    return RandScaleIntensityFixedMeand(
        _KEY, factors=_CONTRAST, prob=0.2, preserve_range=preserve_range
    )
