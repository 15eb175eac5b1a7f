"""MONAI's DynUNet, with kernels and strides that follow from patch and spacing as in nnU-Net."""

from __future__ import annotations

import math

from torch import nn

from spinesynth.networks.kind import Keywords, NetworkKind
from spinesynth.networks.plan import NetworkPlan

_LEAST_EDGE = 8  # an axis is halved while it has so many voxels: 4 are left at the bottom
_ANISOTROPY = 2  # an axis whose voxels are longer by more than this waits
#: Most features of a level over those of the first: 512 of 32 in 2D, 320 of 32 in 3D.
_MOST_FEATURES = {2: 16, 3: 10}


def derive_topology(
    patch_size: tuple[int, ...], spacing_mm: tuple[float, ...]
) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    """Return the kernels and strides of each level.

    An axis is halved while it has 8 voxels and they are at most twice as long as
    the shortest; until its turn comes, an axis of longer voxels has kernels of 1.

    Args:
        patch_size: voxels of each axis.
        spacing_mm: voxel size of each axis.

    Returns:
        Kernel sizes and strides, one tuple a level, the full resolution first.

    Source:
        Isensee et al. 2021, doi 10.1038/s41592-020-01008-z, supplementary note 2,
        with the bounds of MONAI's DynUNet tutorial.

    Example:
        >>> kernels, strides = derive_topology((64, 64, 16), (1.0, 1.0, 4.0))
        >>> kernels
        [(3, 3, 1), (3, 3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3)]
        >>> strides
        [(1, 1, 1), (2, 2, 1), (2, 2, 2), (2, 2, 2), (2, 2, 1)]
    """
    sizes, spacing = list(patch_size), list(spacing_mm)
    kernels, strides = [], [(1,) * len(sizes)]
    while True:
        near = [voxel <= _ANISOTROPY * min(spacing) for voxel in spacing]
        stride = tuple(
            2 if close and size >= _LEAST_EDGE else 1
            for close, size in zip(near, sizes, strict=True)
        )
        if max(stride) == 1:
            break
        kernels.append(tuple(3 if close else 1 for close in near))
        strides.append(stride)
        sizes = [size // step for size, step in zip(sizes, stride, strict=True)]
        spacing = [voxel * step for voxel, step in zip(spacing, stride, strict=True)]
    kernels.append((3,) * len(sizes))
    return kernels, strides


def _load() -> type[nn.Module]:
    from monai.networks.nets.dynunet import DynUNet

    return DynUNet


def _keywords(plan: NetworkPlan) -> Keywords:
    kernels, strides = derive_topology(plan.patch_size, plan.spacing)
    most = plan.base_features * _MOST_FEATURES[plan.dims]
    return {
        "spatial_dims": plan.dims,
        "in_channels": plan.in_channels,
        "out_channels": plan.num_classes,
        "kernel_size": kernels,
        "strides": strides,
        "upsample_kernel_size": strides[1:],
        "filters": [min(most, plan.base_features * 2**level) for level in range(len(strides))],
        "deep_supervision": plan.deep_supervision,
        # two coarser heads beside the full one, where there are so many levels
        "deep_supr_num": max(1, min(2, len(strides) - 2)),
    }


def _products_of_strides(plan: NetworkPlan, arguments: Keywords) -> tuple[int, ...]:
    strides = arguments["strides"]
    if len(strides) < 3:
        raise ValueError(f"DynUNet needs 3 levels at least; a patch of {plan.patch_size} has fewer")
    axes = range(plan.dims)
    steps = [[s if isinstance(s, int) else s[axis] for s in strides] for axis in axes]
    return tuple(math.prod(step) for step in steps)


DYNUNET = NetworkKind(
    load=_load, keywords=_keywords, multiple=_products_of_strides, deep_supervision=True
)
