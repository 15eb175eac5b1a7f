"""Catalogue of the transforms: what stands between a label map and an MR image.

Each name is the object of :mod:`spinesynth.transforms`, given here under a short
name for the checkout. Installed, import from there: the wheel has no
``transforms``, so that it never collides with a module of your own.

=========================== ====================================================
``RandSagittalSlice``       cut one sagittal slice from a volume
``RandSagittalSlab``        cut a thick slice as the layers that it averages
``RandObliqueSlice``        cut a tilted slice from a volume and deform it
``RandSideFlip``            mirror, with the left and right labels exchanged
``RandFillContext``         complete a structure map to a tissue map
``RandDeformPatch``         deform affinely and elastically, sampled once
``RandTissueContrast``      paint tissues on the spectrum from T1 to T2
``RandSequenceContrast``    paint tissues as a random scan of a random patient shows them
``RandContrast``            paint by any of the two, or by both
``RandClusterContrast``     paint any codes, each in a grey of its own
``RandSynthMRI``            make a spin echo of measured T1, T2 and PD maps
``RandSurfaceCoil``         let the signal fall off from a posterior coil
``RandSaturationBand``      make the belly dark in front of the spine
``RandBiasGain``            multiply by a smooth bias
``RandChemicalShift``       move the fat along the readout
``RandWrapAround``          fold what lies outside the field of view over it
``RandKSpaceMotion``        move the patient between lines of k-space
``RandPeriodicGhosting``    repeat the image along the phase, as breathing does
``RandKSpaceSpikes``        lay herringbone stripes over the image
``RandTruncation``          end k-space early: Gibbs ringing
``RandPartialFourier``      leave out a part of one side of k-space
``RandDirectionalBlur``     blur along one axis
``RandGaussianBlur``        blur along all axes
``RandAcquiredResolution``  acquire thick slices and coarse pixels
``RandMagnitudeNoise``      add Rician, non-central chi or Gaussian noise
``RandGammaCurve``          bend the grey values
``RandSaturation``          clip the grey values, as some exports do
``PercentileNormalise``     normalise, as prediction does too
``MinMaxNormalise``         normalise by the extremes
``RandSynthesizeMRI``       a whole recipe in one transform, and its replay
``SynthesizeBatch``         a whole recipe for a batch on one device
``read_recipe``             read a recipe of the package, or of your own
``list_recipes``            name the recipes of the package
``SpineSynthGenerator``     all of it in one call: label map in, image out
``SyntheticDataset``        a data set of generated images, for any loader
=========================== ====================================================

The MONAI transforms have a dictionary form with ``d`` at the end: ``RandBiasGaind``.

Example:
    >>> from transforms import PercentileNormalise
    >>> PercentileNormalise.__module__
    'spinesynth.transforms.intensity'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import spinesynth.transforms as _home

if TYPE_CHECKING:
    from spinesynth.transforms import *  # noqa: F403 type checkers need the names

__all__ = _home.__all__


def __getattr__(name: str) -> object:
    """Return what :mod:`spinesynth.transforms` has under the name."""
    return getattr(_home, name)
