"""Synthesis in two halves: maps drawn by the loader, images painted on the training's device."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

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


class PackedMap(NamedTuple):
    """Where one map of a batch lies: after those before it.

    Attributes:
        sample: its number in the batch.
        name: of the map.
        shape: of the map.
        affine: four rows of four numbers, in mm.
    """

    sample: int
    name: str
    shape: tuple[int, ...]
    affine: list[list[float]]


def pack_maps(samples: Sequence[Mapping[str, MetaTensor]]) -> tuple[Tensor, list[PackedMap]]:
    """Return the uint8 maps of a batch as one flat tensor, and where each lies in it.

    Each tensor that a worker of the loader sends takes a file of shared memory, and moves there;
    what is packed is a copy, one tensor however many maps there are.

    Args:
        samples: maps of any shape by name.
    """
    flat, places = list[Tensor](), list[PackedMap]()
    for number, maps in enumerate(samples):
        for name, value in maps.items():
            plain = as_plain(value)
            if plain.dtype != torch.uint8:
                raise ValueError(f"maps must be uint8, got {plain.dtype} for {name}")
            flat.append(plain.reshape(-1))
            affine = as_plain(value.affine).double().tolist()
            places.append(PackedMap(number, name, tuple(plain.shape), affine))
    return torch.cat(flat), places


def unpack_maps(flat: Tensor, places: Sequence[PackedMap]) -> list[dict[str, MetaTensor]]:
    """Return what :func:`pack_maps` was given, on the device of the flat tensor."""
    samples: list[dict[str, MetaTensor]] = [{} for _ in range(places[-1].sample + 1)]
    sizes = [math.prod(place.shape) for place in places]
    for place, part in zip(places, torch.split(flat, sizes), strict=True):
        affine = torch.tensor(place.affine, dtype=torch.float64)
        samples[place.sample][place.name] = MetaTensor(part.reshape(place.shape), affine=affine)
    return samples


class UnpaintedDataset(SliceDataset):
    """Samples as the last transform of the synthesis chain, which paints them, takes them.

    They are the slabs of slices, or whole volumes in 3D, that samples of the same names
    are painted over: of several sizes, so that a batch holds them end to end.
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

    @staticmethod
    def as_batch(samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return samples as a batch with one tensor in all, ``maps``, and ``places`` in it."""
        flat, places = pack_maps([sample["maps"] for sample in samples])
        plain = {name: [sample[name] for sample in samples] for name in ("seed", "groups")}
        return {"maps": flat, "places": places, **plain}


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
        samples = unpack_maps(batch["maps"].to(self.device), batch["places"])
        each = zip(samples, batch["seed"], batch["groups"], strict=True)
        return collate([self._paint(maps, seed, groups) for maps, seed, groups in each])

    def _paint(
        self, maps: dict[str, MetaTensor], seed: int, groups: tuple[int, ...]
    ) -> dict[str, Any]:
        # every transform gets its seed as in the loader; those before the last do nothing here
        self.chain.set_random_state(seed)
        return as_sample(self.chain.transforms[-1](maps), coder=self.coder, groups=groups)
