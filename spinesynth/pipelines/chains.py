"""The two random chains that feed training: from label maps, and from real images."""

from __future__ import annotations

from monai.transforms.compose import Compose

from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.transforms import (
    PercentileNormalised,
    RandAcquiredResolutiond,
    RandBiasGaind,
    RandDeformPatchd,
    RandFillContextd,
    RandGammaCurved,
    RandKSpaceMotiond,
    RandMagnitudeNoised,
    RandSagittalSliced,
    RandSurfaceCoild,
    RandTissueContrastd,
)

#: Share of draws that may take a slice without any label.
_ANY_SLICE_PROB = 0.1


def synthesis_chain(config: ExperimentConfig) -> Compose:
    """Return the chain of model A: structure volume in, synthetic slice out.

    The input has the key ``label`` (``(1, I, J, K)`` Structure codes), and
    ``tissue`` where the tissue map is known (phantoms); the output has
    ``label`` and ``image`` of the patch size, ``(1, J, K)``.
    """
    chain, spacing = config.synthesis, config.training.spacing_mm
    return Compose(
        [
            RandSagittalSliced(
                ("label", "tissue"), allow_missing_keys=True, any_slice_prob=_ANY_SLICE_PROB
            ),
            RandFillContextd("label", tissue_key="tissue"),
            _deformation(config, ("label", "tissue")),
            RandTissueContrastd(
                "tissue",
                image_key="image",
                contrast=chain.contrast,
                alpha=chain.alpha,
                spread=chain.spread,
                texture=chain.texture,
            ),
            RandSurfaceCoild(
                "image", decay_mm=chain.coil_decay_mm, spacing_mm=spacing, prob=chain.coil_prob
            ),
            RandBiasGaind("image", strength=chain.bias_strength),
            RandKSpaceMotiond(
                "image", max_shift_vox=chain.motion_shift_vox, prob=chain.motion_prob
            ),
            RandAcquiredResolutiond(
                "image",
                resolution_mm=chain.resolution_mm,
                spacing_mm=spacing,
                prob=chain.resolution_prob,
            ),
            RandMagnitudeNoised(
                "image", sigma=chain.noise_sigma, correlation_vox=chain.noise_correlation_vox
            ),
            RandGammaCurved("image", log_gamma=chain.log_gamma),
            PercentileNormalised("image"),
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


def _deformation(config: ExperimentConfig, keys: tuple[str, ...]) -> RandDeformPatchd:
    chain = config.synthesis
    return RandDeformPatchd(
        keys,
        patch_size=config.training.patch_size,
        spacing_mm=config.training.spacing_mm,
        rotation_deg=chain.rotation_deg,
        scale=chain.scale,
        shear=chain.shear,
        elastic_mm=chain.elastic_mm,
    )
