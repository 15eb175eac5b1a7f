"""MONAI transforms that turn label maps into MR images, array and dictionary form.

Each stage drops into any ``monai.transforms.Compose``; in the order of the
physics:

=========================== ====================================================
``RandSagittalSlice``       cut one sagittal slice from a volume
``RandFillContext``         complete a structure map to a tissue map
``RandDeformPatch``         affine and diffeomorphic deformation, sampled once
``RandTissueContrast``      Gaussian mixture on the T1-T2 spectrum
``RandSurfaceCoil``         fall-off of a posterior surface coil
``RandBiasGain``            smooth multiplicative bias
``RandKSpaceMotion``        rigid motion between k-space lines
``RandDirectionalBlur``     a plain blur along one axis
``RandAcquiredResolution``  thick slices, coarse pixels
``RandMagnitudeNoise``      Rician (or Gaussian) noise
``RandGammaCurve``          gamma
``PercentileNormalise``     the normalisation that prediction uses too
=========================== ====================================================

Append ``d`` for the dictionary form. ``SpineSynthGenerator`` and
``SyntheticDataset`` are the plain-Python face of the same chain.
"""

from __future__ import annotations

from spinesynth.transforms.acquired_resolution import (
    RandAcquiredResolution,
    RandAcquiredResolutiond,
)
from spinesynth.transforms.bias_gain import RandBiasGain, RandBiasGaind
from spinesynth.transforms.context import RandFillContext, RandFillContextd
from spinesynth.transforms.deform_patch import RandDeformPatch, RandDeformPatchd
from spinesynth.transforms.generator import SpineSynthGenerator, SyntheticDataset
from spinesynth.transforms.intensity import (
    PercentileNormalise,
    PercentileNormalised,
    RandGammaCurve,
    RandGammaCurved,
)
from spinesynth.transforms.kspace_motion import (
    RandDirectionalBlur,
    RandDirectionalBlurd,
    RandKSpaceMotion,
    RandKSpaceMotiond,
)
from spinesynth.transforms.magnitude_noise import RandMagnitudeNoise, RandMagnitudeNoised
from spinesynth.transforms.sagittal_slice import RandSagittalSlice, RandSagittalSliced
from spinesynth.transforms.surface_coil import RandSurfaceCoil, RandSurfaceCoild
from spinesynth.transforms.tissue_contrast import RandTissueContrast, RandTissueContrastd

__all__ = [
    "PercentileNormalise",
    "PercentileNormalised",
    "RandAcquiredResolution",
    "RandAcquiredResolutiond",
    "RandBiasGain",
    "RandBiasGaind",
    "RandDeformPatch",
    "RandDeformPatchd",
    "RandDirectionalBlur",
    "RandDirectionalBlurd",
    "RandFillContext",
    "RandFillContextd",
    "RandGammaCurve",
    "RandGammaCurved",
    "RandKSpaceMotion",
    "RandKSpaceMotiond",
    "RandMagnitudeNoise",
    "RandMagnitudeNoised",
    "RandSagittalSlice",
    "RandSagittalSliced",
    "RandSurfaceCoil",
    "RandSurfaceCoild",
    "RandTissueContrast",
    "RandTissueContrastd",
    "SpineSynthGenerator",
    "SyntheticDataset",
]
