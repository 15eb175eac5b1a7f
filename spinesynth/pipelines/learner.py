"""What a training step changes, and the step itself."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from spinesynth.kernels.body_centres import heatmap_of
from spinesynth.networks import centre_loss, split_centre
from spinesynth.pipelines.compilation import compile_in_place, explaining_the_compiler
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.device import best_device
from spinesynth.pipelines.device_synthesis import DevicePainter
from spinesynth.pipelines.micro_batches import micro_batches
from spinesynth.pipelines.network_plan import build_loss, build_network
from spinesynth.pipelines.optimisers import make_optimiser
from spinesynth.pipelines.precision import autocast, make_scaler, memory_layout
from spinesynth.pipelines.ranks import current_ranks
from spinesynth.pipelines.schedule import Schedule
from spinesynth.pipelines.starting_point import read_start
from spinesynth.seeding import derive_seed


class Learner:
    """A network with all that changes as it learns, as the configuration says.

    Attributes:
        network: in training.
        average: running mean of its weights, which is validated and saved: it is
            steadier than the last step's weights.
        optimiser: of the network's weights.
        schedule: of the learning rate.
        scaler: of the gradients.
        loss: over what each source annotates.
        device: where the network is.

    Args:
        config: the experiment.
    """

    def __init__(self, config: ExperimentConfig) -> None:
        self.config, self.device, self.ranks = config, best_device(), current_ranks()
        self.scaler = make_scaler(config.training, self.device)
        self._layout = memory_layout(config)
        start = read_start(config)
        with torch.random.fork_rng(devices=[]):
            # torch initialises weights from the global generator only
            torch.manual_seed(derive_seed(config.seed, "weights"))
            network = build_network(config)
        if start is not None:
            start.fill(network)
        network = network.to(self.device)
        # not in the stub of Module.to
        self.network = network.to(memory_format=self._layout)  # type: ignore[call-overload]
        self.average = AveragedModel(self.network, avg_fn=self._blend)
        compile_in_place(self.network, config.training)
        on_device = config.synthesis.paint_on == "device"
        self._painter = DevicePainter(config, self.device) if on_device else None
        self.loss = build_loss(config)
        self.optimiser = make_optimiser(self.network.parameters(), config.training)
        self.schedule = Schedule(self.optimiser, config.training)

    def _blend(self, average: Tensor, latest: Tensor, count: Tensor | int) -> Tensor:
        """Return the exponential moving average, which forgets its start early on."""
        decay = min(self.config.training.ema_decay, (1 + int(count)) / (10 + int(count)))
        return average.lerp(latest, 1 - decay)

    def count_parameters(self) -> int:
        """Return the number of weights that are trained."""
        return sum(p.numel() for p in self.network.parameters() if p.requires_grad)

    def logits(self, network: nn.Module, image: Tensor) -> Tensor:
        """Return what a network makes of images ``(B, channels, *patch)``, in float32.

        In training the heatmap of centres follows the logits, if there is one.
        """
        with autocast(self.config.training, self.device):
            logits: Tensor = network(image.to(self.device, memory_format=self._layout))
        return logits.float()

    def take_step(self, batch: dict[str, Any], number: int) -> float:
        """Return the loss of a step; where it is not finite, nothing was changed.

        Of several ranks each is given its share of the batch, and all end with the
        same weights. What is random (dropout) follows from the number of the step
        and the rank.

        Args:
            batch: ``image``, ``target`` and ``groups``, and ``centre`` where it is learnt; or
                maps that are painted here.
            number: of the step, from 0 on.
        """
        if self._painter is not None:
            batch = self._painter(batch)
        devices = [self.device] if self.device.type == "cuda" else []
        rank = self.ranks.rank
        names = ("step", number, *(("rank", rank) if rank else ()))
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(derive_seed(self.config.seed, *names))
            return self._learn(batch)

    def _learn(self, batch: dict[str, Any]) -> float:
        settings = self.config.training
        self.optimiser.zero_grad(set_to_none=True)
        mine = self._add_gradients(batch)
        total = self.ranks.average_gradients(self.network.parameters(), mine)
        if not math.isfinite(total):
            return total
        self.scaler.unscale_(self.optimiser)
        nn.utils.clip_grad_norm_(self.network.parameters(), settings.gradient_clip)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.schedule.after_step()
        self.average.update_parameters(self.network)
        return total

    def _add_gradients(self, batch: dict[str, Any]) -> float:
        """Return the loss of a batch, in the parts that the settings ask for."""
        settings, total = self.config.training, 0.0
        with explaining_the_compiler(settings):
            for part, share in micro_batches(batch, settings.accumulate_steps):
                output = self.logits(self.network, part["image"])
                loss = self._loss_of(output, part) * share
                torch.autograd.backward(self.scaler.scale(loss))
                total += float(loss.detach())
        return total

    def _loss_of(self, output: Tensor, part: dict[str, Any]) -> Tensor:
        """Return the loss of what the network gives in training, that of the centres included."""
        target, weight = part["target"].to(self.device), self.config.training.centre_weight
        if weight == 0:
            plain: Tensor = self.loss(output, target, part["groups"])
            return plain
        logits, predicted = split_centre(output, dims=self.config.network.dims)
        wanted, known = heatmap_of(part["centre"].to(self.device))
        loss: Tensor = self.loss(logits, target, part["groups"])
        return loss + weight * centre_loss(predicted, wanted, known)
