"""MONAI's networks with transformers as kinds: SwinUNETR and UNETR."""

from __future__ import annotations

from torch import nn

from spinesynth.networks.kind import Keywords, NetworkKind
from spinesynth.networks.plan import NetworkPlan


def _load_swin_unetr() -> type[nn.Module]:
    from monai.networks.nets.swin_unetr import SwinUNETR

    return SwinUNETR


def _swin_unetr(plan: NetworkPlan) -> Keywords:
    return {
        "spatial_dims": plan.dims,
        "in_channels": plan.in_channels,
        "out_channels": plan.num_classes,
        "feature_size": plan.base_features,
        "patch_size": 2,
        "use_checkpoint": plan.gradient_checkpointing,
    }


def _five_merges(plan: NetworkPlan, arguments: Keywords) -> tuple[int, ...]:
    return (int(arguments["patch_size"]) ** 5,) * plan.dims


def _load_unetr() -> type[nn.Module]:
    from monai.networks.nets.unetr import UNETR

    return UNETR


def _unetr(plan: NetworkPlan) -> Keywords:
    return {
        "spatial_dims": plan.dims,
        "in_channels": plan.in_channels,
        "out_channels": plan.num_classes,
        "img_size": plan.patch_size,
        "feature_size": plan.base_features,
    }


def _tokens(plan: NetworkPlan, arguments: Keywords) -> tuple[int, ...]:
    return (16,) * plan.dims


#: Hatamizadeh et al. 2022, doi 10.1007/978-3-031-08999-2_22.
SWIN_UNETR = NetworkKind(
    load=_load_swin_unetr,
    keywords=_swin_unetr,
    multiple=_five_merges,
    features_multiple=12,
    features_parameter="feature_size",
    checkpointing=True,
)

#: Hatamizadeh et al. 2022, doi 10.1109/WACV51458.2022.00181; about 88 million parameters.
UNETR = NetworkKind(load=_load_unetr, keywords=_unetr, multiple=_tokens)
