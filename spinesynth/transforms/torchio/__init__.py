"""The stages of this package as TorchIO transforms, and TorchIO's transforms seeded in MONAI.

Import it by its own name; ``spinesynth.transforms`` does not load TorchIO. The
faces act on a ``torchio.Subject`` like TorchIO's own: intensity faces on every
``ScalarImage``, each with a draw of its own, never on a ``LabelMap``; the spatial
one on all images alike. They take the parameters of the array transform they
show, TorchIO's ``p`` in place of ``prob``, and ``include``, ``exclude``, ``keep``
and ``copy``. Voxel sizes come from each image's affine. Images should be
canonical (``torchio.ToCanonical``): the last two axes are the sagittal plane.

============================ ==================================================
TorchIO                      here
============================ ==================================================
``RandomLabelsToImage``      ``RandomTissuesToImage``: priors by tissue
none                         ``RandomFillContext``: a tissue map around structures
``RandomAffine``,            ``RandomDeformPatch``: both in one sampling of a
``RandomElasticDeformation`` patch, diffeomorphic
``RandomBiasField``          ``RandomBiasGain``: exp of a smooth field
none                         ``RandomSurfaceCoil``: fall-off from the back
``RandomMotion``             ``RandomKSpaceMotion``: rigid motion between lines
``RandomGhosting``           ``RandomPeriodicGhosting``: breathing, pulsation
``RandomSpike``              ``RandomKSpaceSpikes``
none                         ``RandomTruncation``, ``RandomPartialFourier``,
                             ``RandomWrapAround``, ``RandomSaturation``,
                             ``RandomGaussianBlur``
``RandomBlur``               ``RandomDirectionalBlur``: along one axis
``RandomAnisotropy``         ``RandomAcquiredResolution``: slice profile, centred
``RandomNoise``              ``RandomMagnitudeNoise``: Rician
``RandomGamma``              ``RandomGammaCurve``: maps the maximum to itself
``RescaleIntensity``         ``PercentileNormalization``: as prediction does
============================ ==================================================

Without a face are ``RandChemicalShift``, which needs the tissue map beside the
image; ``RandSynthMRI``, which needs the maps of a patient; ``RandSequenceContrast`` and
``RandContrast``, which take a tissue map in a MONAI chain or in front of the subject;
``RandClusterContrast``, as TorchIO has ``RandomLabelsToImage`` for any codes;
``RandSideFlip``, as TorchIO has ``RandomFlip``, which leaves left and right labels to
``RemapLabels``; ``RandSagittalSlice``, ``RandSagittalSlab`` and
``RandObliqueSlice``, whose slices are drawn for a chain in two dimensions, for which
TorchIO has ``Crop``; ``RandSaturationBand``, whose axes are those of such slices;
``MinMaxNormalise``, which is ``RescaleIntensity``; and whole recipes
(``RandSynthesizeMRI``), which belong in a MONAI chain or in front of the subject:
``torchio.ScalarImage(tensor=synthesise(label.data))``.

Randomness: a face draws one integer from torch's global generator, as TorchIO's
transforms do, so ``torch.manual_seed`` repeats a run and every worker of a
``SubjectsLoader`` gets its own numbers. All else follows from that integer, and
the drawn parameters go into ``subject.history``: ``get_composed_history()``
applied to the same subject gives the same voxels, noise included.

``SeededTorchIOd`` goes the other way: any TorchIO transform in a MONAI chain,
drawn from MONAI's random state.
"""

from __future__ import annotations

from spinesynth.transforms.torchio.intensity_faces import (
    PercentileNormalization,
    RandomAcquiredResolution,
    RandomBiasGain,
    RandomDirectionalBlur,
    RandomGammaCurve,
    RandomGaussianBlur,
    RandomKSpaceMotion,
    RandomKSpaceSpikes,
    RandomMagnitudeNoise,
    RandomPartialFourier,
    RandomPeriodicGhosting,
    RandomSaturation,
    RandomSurfaceCoil,
    RandomTruncation,
    RandomWrapAround,
)
from spinesynth.transforms.torchio.label_faces import RandomFillContext, RandomTissuesToImage
from spinesynth.transforms.torchio.random_face import (
    RandomIntensityFace,
    RandomSpineSynthTransform,
)
from spinesynth.transforms.torchio.replayed_face import ReplayedIntensity, ReplayedSpatial
from spinesynth.transforms.torchio.seeded import SeededTorchIOd
from spinesynth.transforms.torchio.spatial_faces import RandomDeformPatch

__all__ = [
    "PercentileNormalization",
    "RandomAcquiredResolution",
    "RandomBiasGain",
    "RandomDeformPatch",
    "RandomDirectionalBlur",
    "RandomFillContext",
    "RandomGammaCurve",
    "RandomGaussianBlur",
    "RandomIntensityFace",
    "RandomKSpaceMotion",
    "RandomKSpaceSpikes",
    "RandomMagnitudeNoise",
    "RandomPartialFourier",
    "RandomPeriodicGhosting",
    "RandomSaturation",
    "RandomSpineSynthTransform",
    "RandomSurfaceCoil",
    "RandomTissuesToImage",
    "RandomTruncation",
    "RandomWrapAround",
    "ReplayedIntensity",
    "ReplayedSpatial",
    "SeededTorchIOd",
]
