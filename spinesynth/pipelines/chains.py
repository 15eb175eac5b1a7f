"""The two random chains that feed training: from label maps, and from real images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from monai.transforms.compose import Compose
from monai.transforms.transform import Transform

from spinesynth.anatomy.label_schemes import CLUSTER_SCHEME
from spinesynth.anatomy.structures import Structure
from spinesynth.errors import ConfigError
from spinesynth.io.case import Case
from spinesynth.pipelines.centre_target import BodyCentresd
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.strong_augmentation import ROTATION_DEG, SCALE, strong_intensity
from spinesynth.transforms import (
    PercentileNormalised,
    RandBiasGaind,
    RandClusterContrast,
    RandDeformPatchd,
    RandFillContextd,
    RandGammaCurved,
    RandMagnitudeNoised,
    RandSagittalSlabd,
    RandSideFlipd,
    RandSynthesizeMRI,
    RandSynthesizeMRId,
)
from spinesynth.transforms.sagittal_slab import layers_as_channels

#: Share of draws that may take a slice without any label.
_ANY_SLICE_PROB = 0.1
#: Slices through bodies before those through tips of processes, of which wide volumes have more.
_AREA_POWER = 0.5


def synthesis_chain(config: ExperimentConfig) -> Compose:
    """Return the chain of model A: structure volume in, synthetic patch out.

    The input has the key ``label`` (``(1, I, J, K)`` Structure codes), and
    ``tissue`` where the tissue map is known (phantoms); the output has
    ``label`` of the patch size, ``(1, J, K)``, and ``image``, ``(slices, J, K)``.
    With ``network.dims: 3`` both are ``(1, I, J, K)``, sampled from the whole volume.
    With ``training.centre_weight`` the input may have ``bodies`` (or, in 3D, the ``centre`` made
    of them), and the output has ``centre`` beside the label.
    """
    centres = _chained(config)
    painter = RandSynthesizeMRId(
        ("label", *(["centre"] if centres else [])),
        slices=config.network.slices,
        **_recipe(config),
    )
    if centres:
        _refuse_other_codes(painter.transform.stages)
    cut = RandSagittalSlabd(
        ("label", "tissue", *(["bodies"] if centres else [])),
        thickness_mm=config.synthesis.slice_thickness_mm,
        allow_missing_keys=True,
        **_slices(config),
    )
    return Compose(
        [
            *([cut] if config.network.dims == 2 else []),
            *centres,
            # of the whole volume: what a patch shows of the column says not where it ends
            RandFillContextd("label", tissue_key="tissue"),
            painter,
        ]
    )


def _refuse_other_codes(stages: Sequence[Transform]) -> None:
    """Raise if a stage would make codes of labels of what are codes of centres."""
    for stage in stages:
        for name in ("fill", "swap"):
            value = getattr(stage, name, None)
            if value:
                raise ValueError(
                    f"{name} of {type(stage).__name__}: must be {'0' if name == 'fill' else 'none'}"
                    " with training.centre_weight above 0, since centres are moved as labels are, "
                    f"got {value}; leave it out, or set centre_weight to 0"
                )


def check_painter(config: ExperimentConfig, cases: Sequence[Case]) -> None:
    """Refuse clusters of intensity under a recipe that paints tissues.

    Args:
        config: the experiment.
        cases: those that it paints over.

    Raises:
        ConfigError: naming a case and a recipe that would do.
    """
    clustered = [case.case_id for case in cases if case.scheme == CLUSTER_SCHEME]
    painters = [type(stage) for stage in RandSynthesizeMRI(**_recipe(config)).stages]
    if clustered and RandClusterContrast not in painters:
        raise ConfigError(
            f"synthesis.recipe {config.synthesis.recipe} paints tissues, but {clustered[0]} is "
            "divided into clusters of intensity; set synthesis.recipe to clusters, or to one of "
            "your own with RandClusterContrast",
            code="E-CONF-003",
        )


def augmentation_chain(config: ExperimentConfig) -> Compose:
    """Return the chain of model B: a real image and its structure volume in, a patch out.

    With ``augmentation.strength: strong`` the deformation is wider, images are mirrored
    from left to right, and more happens to intensities after all that standard does.
    """
    chain, training = config.augmentation, config.training
    flat, strong = config.network.dims == 2, chain.strength == "strong"
    centres = _chained(config)
    keys = ("label", "image", *(["centre"] if centres else []))
    unknown = (int(Structure.UNKNOWN),)  # of pseudo-labels: nothing to look for
    cut = RandSagittalSlabd(
        ("label", "image", *(["bodies"] if centres else [])),
        thickness_mm=(0.0, 0.0), ignored_codes=unknown, allow_missing_keys=bool(centres),
        **_slices(config),
    )  # fmt: skip
    wider = {"rotation_deg": ROTATION_DEG, "scale": SCALE} if strong else {}
    more = [strong_intensity(training.patch_size, spacing_mm=training.spacing_mm)]
    return Compose(
        [
            *([cut] if flat else []),
            *centres,
            *([RandSideFlipd(keys)] if strong else []),
            *([_SlicesAsChannelsd()] if flat else []),
            _deformation(config, keys, ignored_codes=unknown, **wider),
            RandBiasGaind("image", strength=chain.bias_strength),
            RandMagnitudeNoised("image", sigma=chain.noise_sigma),
            RandGammaCurved("image", log_gamma=chain.log_gamma),
            PercentileNormalised("image"),
            *(more if strong else []),
        ]
    )  # fmt: skip


class _SlicesAsChannelsd(Transform):
    """Make the slices of an image its channels, and keep the middle one of the labels."""

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        labels = [name for name in ("label", "centre") if name in data]
        middle = {name: layers_as_channels(data[name], middle=True) for name in labels}
        return {**data, "image": layers_as_channels(data["image"], middle=False), **middle}


def centres_of(config: ExperimentConfig) -> BodyCentresd | None:
    """Return what makes ``centre`` of ``bodies``, None where the network does not learn it."""
    training = config.training
    if training.centre_weight == 0:
        return None
    return BodyCentresd(sigma_mm=training.centre_sigma_mm, flat=config.network.dims == 2)


def _chained(config: ExperimentConfig) -> list[Transform]:
    centres = centres_of(config)
    return [] if centres is None else [centres]


def _slices(config: ExperimentConfig) -> dict[str, Any]:
    network = config.network
    return {
        "slices": network.slices,
        "least_distance_mm": network.neighbour_mm,
        "any_slice_prob": _ANY_SLICE_PROB,
        "area_power": _AREA_POWER,
    }


def _recipe(config: ExperimentConfig) -> dict[str, Any]:
    chain, training = config.synthesis, config.training
    overrides, share = chain.overrides, training.foreground_share
    if share > 0:
        place = {"foreground_prob": share, **overrides.get("RandDeformPatch", {})}
        overrides = {**overrides, "RandDeformPatch": place}
    return {
        "recipe": chain.recipe,
        "patch_size": training.patch_size,
        "spacing_mm": training.spacing_mm,
        "without": chain.without,
        "overrides": overrides,
    }


def _deformation(
    config: ExperimentConfig,
    keys: tuple[str, ...],
    *,
    ignored_codes: tuple[int, ...],
    **at_least: float,
) -> RandDeformPatchd:
    """Return the deformation of the recipe, so that A and B see the same shapes.

    Args:
        config: the experiment.
        keys: what is deformed.
        ignored_codes: of labels that are not looked for.
        **at_least: parameters that are raised to these values.
    """
    parameters = RandSynthesizeMRI(**_recipe(config)).parameters_of("RandDeformPatch")
    for name, value in at_least.items():
        parameters[name] = max(value, parameters.get(name, 0.0))
    return RandDeformPatchd(keys, ignored_codes=ignored_codes, **parameters)
