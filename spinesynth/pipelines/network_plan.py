"""From a configuration to its network and its loss, and all that speaks against them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from spinesynth.anatomy.label_schemes import get_scheme
from spinesynth.errors import ConfigError
from spinesynth.networks import (
    NetworkPlan,
    PartialLabelLoss,
    loss_problems,
    make_network,
    network_problems,
)
from spinesynth.suggest import did_you_mean

if TYPE_CHECKING:
    from spinesynth.pipelines.config import ExperimentConfig  # which calls the checks here


def _plan(config: ExperimentConfig) -> NetworkPlan:
    spacing = config.training.spacing_mm
    return NetworkPlan(
        num_classes=get_scheme(config.target_scheme).num_classes,
        patch_size=config.training.patch_size,
        in_channels=config.network.slices,
        base_features=config.network.base_features,
        spacing_mm=(spacing, spacing),
        gradient_checkpointing=config.network.gradient_checkpointing,
        deep_supervision=config.network.deep_supervision,
    )


def training_problems(config: ExperimentConfig) -> list[str]:
    """Return all that speaks against the network and the loss of a configuration."""
    network, training = config.network, config.training
    found = network_problems(network.name, _plan(config), network.parameters)
    if network.dims == 3:
        found.append(
            "network.dims: runs train and predict slices, so 3 must wait until they take volumes; "
            "use 2 with network.slices: 3, or spinesynth.networks.make_network in your own loop"
        )
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

    Raises:
        ConfigError: if its parameters have values that the network cannot be built with.
    """
    try:
        return make_network(config.network.name, _plan(config), config.network.parameters)
    except ValueError as error:
        raise ConfigError(str(error), code="E-CONF-021") from error


def build_loss(config: ExperimentConfig) -> PartialLabelLoss:
    """Return the loss of a configuration, over what each source annotates."""
    training = config.training
    names = get_scheme(config.target_scheme).class_names
    given = training.class_weights
    weights = [given.get(name, 1.0) for name in names] if given else None
    return PartialLabelLoss(training.loss, training.loss_parameters, class_weights=weights)
