"""Synthesis in two halves: maps drawn by the loader, images painted on the training's device."""

from __future__ import annotations

from typing import Any

import torch
from monai.data.meta_tensor import MetaTensor

from spinesynth.pipelines.chains import synthesis_chain
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.datasets import (
    SampleKey,
    SliceDataset,
    TargetCoder,
    as_sample,
    collate,
)
from spinesynth.transforms.base import as_plain

#: What the last transform of the chain takes.
_MAPS = ("label", "tissue", "centre")


class UnpaintedDataset(SliceDataset):
    """Samples as the last transform of the synthesis chain, which paints them, takes them.

    They are the slabs of slices, or whole volumes in 3D, that samples of the same names
    are painted over: of several sizes, so that a batch holds a list of them.
    """

    def __getitem__(self, key: SampleKey) -> dict[str, Any]:
        """Return ``maps`` by name, the ``seed`` of the chain's random state, and ``groups``."""
        begun = self.begin(key)
        self.chain.set_random_state(begun.seed)
        volumes = begun.volumes
        for transform in self.chain.transforms[:-1]:
            volumes = transform(volumes)
        maps = {name: volumes[name] for name in _MAPS if name in volumes}
        return {"maps": maps, "seed": begun.seed, "groups": self.coder.groups(begun.known)}


class DevicePainter:
    """Paint batches of :class:`UnpaintedDataset` on a device.

    All that is random is drawn from generators on the CPU at the seed of each sample, so
    that a sample is that of the loader but for rounding (single precision; a nearest
    neighbour may tip at a tie), and on the CPU the same bit for bit. Samples are painted
    one after another, as by :class:`~spinesynth.transforms.SynthesizeBatch`, which takes no
    slabs of slices.

    Args:
        config: the experiment.
        device: where images are painted.
    """

    def __init__(self, config: ExperimentConfig, device: torch.device) -> None:
        self.chain, self.device = synthesis_chain(config), device
        self.coder = TargetCoder(config.target_scheme)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Return ``image``, ``target`` and so on of a batch; one that holds them is returned."""
        if "maps" not in batch:
            return batch
        each = zip(batch["maps"], batch["seed"], batch["groups"], strict=True)
        return collate([self._paint(maps, seed, groups) for maps, seed, groups in each])

    def _paint(
        self, maps: dict[str, MetaTensor], seed: int, groups: tuple[int, ...]
    ) -> dict[str, Any]:
        # every transform gets its seed as in the loader; those before the last do nothing here
        self.chain.set_random_state(seed)
        there = {
            name: MetaTensor(as_plain(value).to(self.device), affine=value.affine)
            for name, value in maps.items()
        }
        return as_sample(self.chain.transforms[-1](there), coder=self.coder, groups=groups)
