"""Networks by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from torch import nn

from spinesynth.networks.convolutional import BASIC_UNET, RESIDUAL_UNET, SEGRESNET
from spinesynth.networks.dynunet import DYNUNET
from spinesynth.networks.kind import Keywords, NetworkKind
from spinesynth.networks.plan import NetworkPlan
from spinesynth.networks.transformers import SWIN_UNETR, UNETR
from spinesynth.networks.unet import UNet
from spinesynth.suggest import did_you_mean


def _unet(plan: NetworkPlan) -> Keywords:
    return {
        "in_channels": plan.in_channels,
        "num_classes": plan.num_classes,
        "base_features": plan.base_features,
        "dims": plan.dims,
    }


#: Every kind of network by its name in a configuration.
NETWORKS: Mapping[str, NetworkKind] = MappingProxyType(
    {
        "unet": NetworkKind(load=lambda: UNet, keywords=_unet),
        "basic_unet": BASIC_UNET,
        "residual_unet": RESIDUAL_UNET,
        "segresnet": SEGRESNET,
        "dynunet": DYNUNET,
        "swin_unetr": SWIN_UNETR,
        "unetr": UNETR,
    }
)


def network_problems(
    name: str, plan: NetworkPlan, parameters: Mapping[str, Any] | None = None
) -> list[str]:
    """Return all that speaks against a network, without building it.

    Args:
        name: of the network, a key of ``NETWORKS``.
        plan: what it must take and give.
        parameters: further arguments of its class.

    Returns:
        Messages in words of the configuration; none if nothing does.
    """
    if name not in NETWORKS:
        hint = did_you_mean(name, NETWORKS)
        return [f"network.name: must be one of {', '.join(NETWORKS)}{hint}, got {name!r}"]
    return NETWORKS[name].problems(plan, parameters or {})


def make_network(
    name: str, plan: NetworkPlan, parameters: Mapping[str, Any] | None = None
) -> nn.Module:
    """Return an untrained network.

    Args:
        name: of the network, a key of ``NETWORKS``.
        plan: what it must take and give.
        parameters: further arguments of its class, as MONAI documents them.

    Returns:
        A module from ``(B, in_channels, *patch_size)`` to logits
        ``(B, num_classes, *patch_size)``; with deep supervision and in training
        ``(B, levels, num_classes, *patch_size)``, the full level first.

    Raises:
        ValueError: naming all that speaks against it.

    Example:
        >>> import torch
        >>> plan = NetworkPlan(num_classes=4, patch_size=(32, 48), base_features=8)
        >>> make_network("segresnet", plan)(torch.zeros(1, 1, 32, 48)).shape
        torch.Size([1, 4, 32, 48])
    """
    problems = network_problems(name, plan, parameters)
    if problems:
        raise ValueError("; ".join(problems))
    kind = NETWORKS[name]
    arguments = kind.arguments(plan, parameters or {})
    try:
        return kind.load()(**arguments)
    except (TypeError, ValueError, AssertionError, LookupError, AttributeError) as error:
        # values that only the class itself can judge
        raise ValueError(
            f"network.parameters: {name} cannot be built with {dict(parameters or {})}: {error}"
        ) from error
