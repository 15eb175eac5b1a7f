"""A network as the registry knows it: a class, its defaults, and the sizes that it takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from spinesynth.networks.keywords import as_tuples, keyword_problems
from spinesynth.networks.plan import NetworkPlan

Keywords = dict[str, Any]

#: Parameters that the plan sets; they are not free in any network, under whichever name.
_PLANNED = {
    "spatial_dims": "network.dims",
    "dims": "network.dims",
    "in_channels": "network.slices",
    "out_channels": "target_scheme",
    "num_classes": "target_scheme",
    "img_size": "training.patch_size",
    "base_features": "network.base_features",
    "use_checkpoint": "network.gradient_checkpointing",
    "deep_supervision": "network.deep_supervision",
}


@dataclass(frozen=True, kw_only=True)
class NetworkKind:
    """One kind of network.

    Args:
        load: returns its class; importing it waits until somebody asks for it.
        keywords: arguments of the class for a plan; ``network.parameters`` go over them.
        multiple: what each axis of a patch must be a multiple of, for a plan and
            the final arguments; None where the network takes any size.
        features_multiple: what ``base_features`` must be a multiple of.
        features_parameter: the argument that ``base_features`` sets.
        checkpointing: whether it can compute activations twice to save memory.
        deep_supervision: whether it can give logits of coarser levels.
    """

    load: Callable[[], type[nn.Module]]
    keywords: Callable[[NetworkPlan], Keywords]
    multiple: Callable[[NetworkPlan, Keywords], tuple[int, ...]] | None = None
    features_multiple: int = 1
    features_parameter: str = ""
    checkpointing: bool = False
    deep_supervision: bool = False

    def problems(self, plan: NetworkPlan, parameters: Mapping[str, Any]) -> list[str]:
        """Return all that is wrong with a plan and parameters, in words of the configuration."""
        found = keyword_problems(
            self.load(), parameters, reserved=_PLANNED, where="network.parameters"
        )
        for wanted, able, name in (
            (plan.gradient_checkpointing, self.checkpointing, "gradient_checkpointing"),
            (plan.deep_supervision, self.deep_supervision, "deep_supervision"),
        ):
            if wanted and not able:
                found.append(f"network.{name}: this network has none; leave it false")
        if self.features_parameter not in parameters and plan.base_features % (
            self.features_multiple
        ):
            found.append(
                f"network.base_features: must be a multiple of {self.features_multiple} for this "
                f"network, got {plan.base_features}"
            )
        return found or self._size_problems(plan, self.arguments(plan, parameters))

    def _size_problems(self, plan: NetworkPlan, arguments: Keywords) -> list[str]:
        if self.multiple is None:
            return []
        try:
            steps = self.multiple(plan, arguments)
        except (TypeError, ValueError) as error:  # of parameters that make no sense together
            return [f"network.parameters: {error}"]
        sizes = plan.patch_size
        if any(size % step for size, step in zip(sizes, steps, strict=True)):
            near = [_nearest_multiple(n, step) for n, step in zip(sizes, steps, strict=True)]
            return [
                f"training.patch_size: must be multiples of {list(steps)} voxels for this network, "
                f"as {near}, got {list(sizes)}"
            ]
        if math.prod(size // step for size, step in zip(sizes, steps, strict=True)) < 2:
            # a norm over the one voxel that is left has no spread
            return [
                f"training.patch_size: must be more than {list(steps)} voxels for this network, "
                f"got {list(sizes)}"
            ]
        return []

    def arguments(self, plan: NetworkPlan, parameters: Mapping[str, Any]) -> Keywords:
        """Return the arguments of the class."""
        given = {name: as_tuples(value) for name, value in parameters.items()}
        return {**self.keywords(plan), **given}


def _nearest_multiple(size: int, step: int) -> int:
    return max(1, round(size / step)) * step
