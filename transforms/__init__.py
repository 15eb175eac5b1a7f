"""Catalogue of the transforms: what stands between a label map and an MR image.

Each name is the object of :mod:`spinesynth.transforms`, given here under a short
name for the checkout. Installed, import from there: the wheel has no
``transforms``, so that it never collides with a module of your own.

=========================== ====================================================
``RandSagittalSlice``       cut one sagittal slice from a volume
``RandFillContext``         complete a structure map to a tissue map
``RandDeformPatch``         deform affinely and elastically, sampled once
``RandTissueContrast``      paint tissues on the spectrum from T1 to T2
``RandSurfaceCoil``         let the signal fall off from a posterior coil
``RandBiasGain``            multiply by a smooth bias
``RandKSpaceMotion``        move the patient between lines of k-space
``RandDirectionalBlur``     blur along one axis
``RandAcquiredResolution``  acquire thick slices and coarse pixels
``RandMagnitudeNoise``      add Rician or Gaussian noise
``RandGammaCurve``          bend the grey values
``PercentileNormalise``     normalise, as prediction does too
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
