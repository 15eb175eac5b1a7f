"""MONAI's convolutional networks as kinds: BasicUNet, UNet with residual units, SegResNet."""

from __future__ import annotations

import math

from torch import nn

from spinesynth.networks.kind import Keywords, NetworkKind
from spinesynth.networks.plan import NetworkPlan


def _shape(plan: NetworkPlan) -> Keywords:
    """Return the arguments that MONAI's networks share."""
    return {
        "spatial_dims": plan.dims,
        "in_channels": plan.in_channels,
        "out_channels": plan.num_classes,
    }


def _load_basic_unet() -> type[nn.Module]:
    from monai.networks.nets.basic_unet import BasicUNet

    return BasicUNet


def _basic_unet(plan: NetworkPlan) -> Keywords:
    base = plan.base_features
    return {**_shape(plan), "features": (base, base, 2 * base, 4 * base, 8 * base, base)}


def _four_halvings(plan: NetworkPlan, arguments: Keywords) -> tuple[int, ...]:
    return (16,) * plan.dims


def _load_residual_unet() -> type[nn.Module]:
    from monai.networks.nets.unet import UNet

    return UNet


def _residual_unet(plan: NetworkPlan) -> Keywords:
    return {
        **_shape(plan),
        "channels": tuple(plan.base_features * 2**level for level in range(5)),
        "strides": (2,) * 4,
        "num_res_units": 2,
    }


def _product_of_strides(plan: NetworkPlan, arguments: Keywords) -> tuple[int, ...]:
    return (math.prod(int(stride) for stride in arguments["strides"]),) * plan.dims


def _load_segresnet() -> type[nn.Module]:
    from monai.networks.nets.segresnet import SegResNet

    return SegResNet


def _segresnet(plan: NetworkPlan) -> Keywords:
    return {**_shape(plan), "init_filters": plan.base_features, "blocks_down": (1, 2, 2, 4)}


def _halvings_between_blocks(plan: NetworkPlan, arguments: Keywords) -> tuple[int, ...]:
    return (2 ** (len(arguments["blocks_down"]) - 1),) * plan.dims


#: Falk et al. 2019, doi 10.1038/s41592-018-0261-2, in MONAI's features.
BASIC_UNET = NetworkKind(load=_load_basic_unet, keywords=_basic_unet, multiple=_four_halvings)

#: Kerfoot et al. 2019, doi 10.1007/978-3-030-12029-0_40.
RESIDUAL_UNET = NetworkKind(
    load=_load_residual_unet, keywords=_residual_unet, multiple=_product_of_strides
)

#: Myronenko 2019, doi 10.1007/978-3-030-11726-9_28, without the autoencoder; group norm of 8.
SEGRESNET = NetworkKind(
    load=_load_segresnet,
    keywords=_segresnet,
    multiple=_halvings_between_blocks,
    features_multiple=8,
    features_parameter="init_filters",
)
