"""MONAI transforms that turn label maps into MR images, array and dictionary form.

Each stage drops into any ``monai.transforms.Compose``; in the order of the
physics:

=========================== ====================================================
``RandSagittalSlice``       cut one sagittal slice from a volume
``RandSagittalSlab``        cut the layers that a thick slice averages
``RandObliqueSlice``        cut a tilted, deformed slice from a volume, sampled once
``RandSideFlip``            mirror, and exchange left and right labels
``RandFillContext``         complete a structure map to a tissue map
``RandDeformPatch``         affine and diffeomorphic deformation, sampled once
``RandTissueContrast``      Gaussian mixture on the T1-T2 spectrum
``RandSequenceContrast``    signal equations with drawn protocols and patients
``RandContrast``            one of the two, or what lies between, by name
``RandClusterContrast``     Gaussian mixture over any codes, without priors
``RandSynthMRI``            measured T1, T2 and PD maps at a random TR and TE
``RandSurfaceCoil``         fall-off of a posterior surface coil
``RandSaturationBand``      an anterior band without signal
``RandBiasGain``            smooth multiplicative bias
``RandChemicalShift``       fat moves along the readout
``RandKSpaceMotion``        rigid motion between k-space lines
``RandDirectionalBlur``     a plain blur along one axis
``RandPeriodicGhosting``    ghosts of breathing and pulsation
``RandKSpaceSpikes``        herringbone stripes of corrupted samples
``RandTruncation``          Gibbs ringing of an early end of k-space
``RandPartialFourier``      one side of k-space acquired in part
``RandWrapAround``          a field of view smaller than the body folds over
``RandGaussianBlur``        a plain blur along all axes
``RandAcquiredResolution``  thick slices, coarse pixels
``RandMagnitudeNoise``      Rician (or Gaussian) noise
``RandGammaCurve``          gamma
``RandSaturation``          intensities clipped on export
``PercentileNormalise``     the normalisation that prediction uses too
``MinMaxNormalise``         the normalisation by the extremes, for recipes that use it
``RandSynthesizeMRI``       all of it by a recipe (``read_recipe``), in one call
=========================== ====================================================

Append ``d`` for the dictionary form. ``SpineSynthGenerator`` and
``SyntheticDataset`` are the plain-Python face of the same chain;
``SynthesizeBatch`` runs a recipe on a batch on one device.
"""

from __future__ import annotations

from spinesynth.transforms.acquired_resolution import (
    RandAcquiredResolution,
    RandAcquiredResolutiond,
)
from spinesynth.transforms.bias_gain import RandBiasGain, RandBiasGaind
from spinesynth.transforms.chemical_shift import RandChemicalShift, RandChemicalShiftd
from spinesynth.transforms.cluster_contrast import RandClusterContrast, RandClusterContrastd
from spinesynth.transforms.context import RandFillContext, RandFillContextd
from spinesynth.transforms.contrast import RandContrast, RandContrastd
from spinesynth.transforms.deform_patch import RandDeformPatch, RandDeformPatchd
from spinesynth.transforms.gaussian_blur import RandGaussianBlur, RandGaussianBlurd
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
from spinesynth.transforms.kspace_spikes import RandKSpaceSpikes, RandKSpaceSpikesd
from spinesynth.transforms.magnitude_noise import RandMagnitudeNoise, RandMagnitudeNoised
from spinesynth.transforms.measured_contrast import RandSynthMRI, RandSynthMRId
from spinesynth.transforms.min_max import MinMaxNormalise, MinMaxNormalised
from spinesynth.transforms.oblique_slice import RandObliqueSlice, RandObliqueSliced
from spinesynth.transforms.partial_fourier import RandPartialFourier, RandPartialFourierd
from spinesynth.transforms.periodic_ghosting import RandPeriodicGhosting, RandPeriodicGhostingd
from spinesynth.transforms.recipe import list_recipes, read_recipe
from spinesynth.transforms.sagittal_slab import RandSagittalSlab, RandSagittalSlabd
from spinesynth.transforms.sagittal_slice import RandSagittalSlice, RandSagittalSliced
from spinesynth.transforms.saturation import RandSaturation, RandSaturationd
from spinesynth.transforms.saturation_band import RandSaturationBand, RandSaturationBandd
from spinesynth.transforms.sequence_contrast import (
    RandSequenceContrast,
    RandSequenceContrastd,
)
from spinesynth.transforms.side_flip import RandSideFlip, RandSideFlipd
from spinesynth.transforms.surface_coil import RandSurfaceCoil, RandSurfaceCoild
from spinesynth.transforms.synthesize_batch import SynthesizeBatch
from spinesynth.transforms.synthesize_mri import RandSynthesizeMRI, RandSynthesizeMRId
from spinesynth.transforms.tissue_contrast import RandTissueContrast, RandTissueContrastd
from spinesynth.transforms.truncation import RandTruncation, RandTruncationd
from spinesynth.transforms.wrap_around import RandWrapAround, RandWrapAroundd

__all__ = [
    "MinMaxNormalise",
    "MinMaxNormalised",
    "PercentileNormalise",
    "PercentileNormalised",
    "RandAcquiredResolution",
    "RandAcquiredResolutiond",
    "RandBiasGain",
    "RandBiasGaind",
    "RandChemicalShift",
    "RandChemicalShiftd",
    "RandClusterContrast",
    "RandClusterContrastd",
    "RandContrast",
    "RandContrastd",
    "RandDeformPatch",
    "RandDeformPatchd",
    "RandDirectionalBlur",
    "RandDirectionalBlurd",
    "RandFillContext",
    "RandFillContextd",
    "RandGammaCurve",
    "RandGammaCurved",
    "RandGaussianBlur",
    "RandGaussianBlurd",
    "RandKSpaceMotion",
    "RandKSpaceMotiond",
    "RandKSpaceSpikes",
    "RandKSpaceSpikesd",
    "RandMagnitudeNoise",
    "RandMagnitudeNoised",
    "RandObliqueSlice",
    "RandObliqueSliced",
    "RandPartialFourier",
    "RandPartialFourierd",
    "RandPeriodicGhosting",
    "RandPeriodicGhostingd",
    "RandSagittalSlab",
    "RandSagittalSlabd",
    "RandSagittalSlice",
    "RandSagittalSliced",
    "RandSaturation",
    "RandSaturationBand",
    "RandSaturationBandd",
    "RandSaturationd",
    "RandSequenceContrast",
    "RandSequenceContrastd",
    "RandSideFlip",
    "RandSideFlipd",
    "RandSurfaceCoil",
    "RandSurfaceCoild",
    "RandSynthMRI",
    "RandSynthMRId",
    "RandSynthesizeMRI",
    "RandSynthesizeMRId",
    "RandTissueContrast",
    "RandTissueContrastd",
    "RandTruncation",
    "RandTruncationd",
    "RandWrapAround",
    "RandWrapAroundd",
    "SpineSynthGenerator",
    "SynthesizeBatch",
    "SyntheticDataset",
    "list_recipes",
    "read_recipe",
]
