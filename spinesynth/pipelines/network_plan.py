"""From a configuration to its network and its loss, and all that speaks against them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from torch import nn

from spinesynth.anatomy.label_schemes import get_scheme
from spinesynth.errors import ConfigError
from spinesynth.networks import (
    CentreHeadNetwork,
    NetworkPlan,
    PartialLabelLoss,
    loss_problems,
    make_network,
    network_problems,
)
from spinesynth.networks.registry import NETWORKS
from spinesynth.networks.unet import STRIDE
from spinesynth.suggest import did_you_mean
from spinesynth.transforms.base import spacing_per_axis

if TYPE_CHECKING:
    from spinesynth.pipelines.config import ExperimentConfig  # which calls the checks here


#: A multiple of what any network asks for.
_ANY_SIZE = 256
#: Networks that know the places of a patch of one size alone.
_ONE_SIZE = frozenset({"swin_unetr", "unetr"})


def spacing_of(config: ExperimentConfig) -> tuple[float, ...]:
    """Return the voxel size that a network is trained on, one number an axis."""
    return tuple(spacing_per_axis(config.training.spacing_mm, config.network.dims))


def _plan(config: ExperimentConfig, *, fits: bool = True) -> NetworkPlan:
    """Return what the network must take; sizes that every network takes where its own cannot."""
    dims = config.network.dims
    return NetworkPlan(
        num_classes=get_scheme(config.target_scheme).num_classes,
        patch_size=config.training.patch_size if fits else (_ANY_SIZE,) * dims,
        in_channels=config.network.slices,
        base_features=config.network.base_features,
        spacing_mm=spacing_of(config) if fits else None,
        gradient_checkpointing=config.network.gradient_checkpointing,
        deep_supervision=config.network.deep_supervision,
    )


def axes_problems(config: ExperimentConfig) -> list[str]:
    """Return where settings have another number of axes than the network."""
    training, dims = config.training, config.network.dims
    given: dict[str, tuple[float, ...]] = {"patch_size": training.patch_size}
    if isinstance(training.spacing_mm, tuple):
        given["spacing_mm"] = training.spacing_mm
    axes = {2: "A, S", 3: "R, A, S"}[dims]
    found = [
        f"training.{name}: must hold {dims} numbers ({axes}) with network.dims: {dims}, "
        f"got {list(values)}"
        for name, values in given.items()
        if len(values) != dims
    ]
    if dims == 3 and config.network.slices > 1:
        found.append(
            "network.slices: must be 1 with network.dims: 3, which sees all slices of a patch, "
            f"got {config.network.slices}"
        )
    return found


def training_problems(config: ExperimentConfig) -> list[str]:
    """Return all that speaks against the network and the loss of a configuration."""
    network, training = config.network, config.training
    found = axes_problems(config)
    plan = _plan(config, fits=not found)
    found += network_problems(network.name, plan, network.parameters)
    found += loss_problems(
        training.loss, training.loss_parameters, weighted=bool(training.class_weights)
    )
    names = get_scheme(config.target_scheme).class_names
    for name in training.class_weights:
        if name not in names:
            hint = did_you_mean(name, names)
            found.append(
                f"training.class_weights.{name}: {config.target_scheme} has no such class{hint}; "
                f"it has {', '.join(names)}"
            )
    return found


def build_network(config: ExperimentConfig) -> nn.Module:
    """Return the untrained network of a configuration.

    With ``training.centre_weight`` it has one more channel, in training alone.

    Raises:
        ConfigError: if its parameters have values that the network cannot be built with.
    """
    plan, with_centres = _plan(config), config.training.centre_weight > 0
    wanted = replace(plan, num_classes=plan.num_classes + 1) if with_centres else plan
    try:
        network = make_network(config.network.name, wanted, config.network.parameters)
    except ValueError as error:
        raise ConfigError(str(error), code="E-CONF-021") from error
    return CentreHeadNetwork(network, num_classes=plan.num_classes) if with_centres else network


def build_loss(config: ExperimentConfig) -> PartialLabelLoss:
    """Return the loss of a configuration, over what each source annotates."""
    training = config.training
    names = get_scheme(config.target_scheme).class_names
    given = training.class_weights
    weights = [given.get(name, 1.0) for name in names] if given else None
    return PartialLabelLoss(training.loss, training.loss_parameters, class_weights=weights)


def takes_any_size(config: ExperimentConfig) -> bool:
    """Say whether a network takes images of other sizes than the patches it was trained on."""
    return config.network.name not in _ONE_SIZE


def size_multiple(config: ExperimentConfig) -> tuple[int, ...]:
    """Return what each axis of an image must be a multiple of, or is filled up to."""
    kind, plan = NETWORKS[config.network.name], _plan(config)
    if kind.multiple is None:
        return (STRIDE,) * plan.dims
    return kind.multiple(plan, kind.arguments(plan, config.network.parameters))


def network_call(config: ExperimentConfig) -> tuple[type[nn.Module], dict[str, Any]]:
    """Return the class of a configuration's network and its arguments, to predict with.

    It is without the heatmap of ``training.centre_weight``: its weights are those of
    :func:`spinesynth.networks.centre_head.without_centre` then.
    """
    kind = NETWORKS[config.network.name]
    return kind.load(), kind.arguments(_plan(config), config.network.parameters)
