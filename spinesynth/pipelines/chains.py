"""The two random chains that feed training: from label maps, and from real images."""

from __future__ import annotations

from typing import Any

from monai.transforms.compose import Compose

from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.transforms import (
    PercentileNormalised,
    RandBiasGaind,
    RandDeformPatchd,
    RandFillContextd,
    RandGammaCurved,
    RandMagnitudeNoised,
    RandSagittalSliced,
    RandSynthesizeMRI,
    RandSynthesizeMRId,
)

#: Share of draws that may take a slice without any label.
_ANY_SLICE_PROB = 0.1


def synthesis_chain(config: ExperimentConfig) -> Compose:
    """Return the chain of model A: structure volume in, synthetic slice out.

    The input has the key ``label`` (``(1, I, J, K)`` Structure codes), and
    ``tissue`` where the tissue map is known (phantoms); the output has
    ``label`` and ``image`` of the patch size, ``(1, J, K)``.
    """
    return Compose(
        [
            RandSagittalSliced(
                ("label", "tissue"), allow_missing_keys=True, any_slice_prob=_ANY_SLICE_PROB
            ),
            RandFillContextd("label", tissue_key="tissue"),
            RandSynthesizeMRId("label", **_recipe(config)),
        ]
    )


def augmentation_chain(config: ExperimentConfig) -> Compose:
    """Return the chain of model B: a real image and its structure volume in, a slice out."""
    chain = config.augmentation
    return Compose(
        [
            RandSagittalSliced(("label", "image"), any_slice_prob=_ANY_SLICE_PROB),
            _deformation(config, ("label", "image")),
            RandBiasGaind("image", strength=chain.bias_strength),
            RandMagnitudeNoised("image", sigma=chain.noise_sigma),
            RandGammaCurved("image", log_gamma=chain.log_gamma),
            PercentileNormalised("image"),
        ]
    )


def _recipe(config: ExperimentConfig) -> dict[str, Any]:
    chain, training = config.synthesis, config.training
    return {
        "recipe": chain.recipe,
        "patch_size": training.patch_size,
        "spacing_mm": training.spacing_mm,
        "without": chain.without,
        "overrides": chain.overrides,
    }


def _deformation(config: ExperimentConfig, keys: tuple[str, ...]) -> RandDeformPatchd:
    """Return the deformation of the recipe, so that A and B see the same shapes."""
    parameters = RandSynthesizeMRI(**_recipe(config)).parameters_of("RandDeformPatch")
    return RandDeformPatchd(keys, **parameters)
