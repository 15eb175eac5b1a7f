"""CPU time of one training step, which a sample must not hold up."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import torch
from monai.losses.dice import DiceCELoss
from monai.networks.nets.basic_unet import BasicUNet
from torch import nn

from benchmarks.synthesis_peers.measure import cpu_ms
from spinesynth.networks import UNet

#: Asked: one sample costs at most this share of one step.
LIMIT_PERCENT = 3.0

_CLASSES = 6


@dataclass(frozen=True)
class Step:
    """A network and the work whose image it trains on, one at a time."""

    work: str
    network: str
    build: Callable[[], nn.Module]


STEPS = (
    Step("slice", "UNet 2D, 16..256", lambda: UNet(1, _CLASSES, 16)),
    Step(
        "patch",
        "BasicUNet 3D, 32..256",
        lambda: BasicUNet(spatial_dims=3, in_channels=1, out_channels=_CLASSES),
    ),
)


def time_step(network: nn.Module, size: tuple[int, ...], repeats: int) -> float:
    """Return the median CPU time in ms of a step: forward, Dice + CE, backward, AdamW."""
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(1, 1, *size, generator=generator)
    target = torch.randint(0, _CLASSES, (1, 1, *size), generator=generator)
    loss = DiceCELoss(to_onehot_y=True, softmax=True)
    optimizer = torch.optim.AdamW(network.parameters())

    def step() -> None:
        optimizer.zero_grad()
        loss(network(image), target).backward()
        optimizer.step()

    step()
    return statistics.median(cpu_ms(step) for _ in range(repeats))
