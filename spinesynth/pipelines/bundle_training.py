"""What the ``train.json`` of a MONAI bundle names: our samples and our loss in MONAI's trainer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import Sampler

from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.data_plan import read_split
from spinesynth.pipelines.datasets import KeySampler, NamedSamples, SampleKey
from spinesynth.pipelines.network_plan import build_loss
from spinesynth.pipelines.schedule import Schedule
from spinesynth.pipelines.training_data import ModelName, make_training_data

#: Classes of a batch, and the group of each class that its source can tell apart.
Label = tuple[Tensor, list[tuple[int, ...]]]


def needs_data(experiment: ExperimentConfig, model: ModelName) -> bool:
    """Say whether a training opens any file, as it does but for phantoms alone."""
    on_phantoms = experiment.synthesis.phantom_share == 1 and experiment.training.real_share == 0
    return model == "B" or not on_phantoms


def training_samples(
    experiment: ExperimentConfig, model: ModelName, dataset_dir: str
) -> NamedSamples:
    """Return the samples that a model learns from, as ``spinesynth train`` draws them.

    Args:
        experiment: the configuration of the training.
        model: ``A`` (synthetic images) or ``B`` (real ones).
        dataset_dir: manifest or folder of a data set, whose training patients are taken;
            not looked at for phantoms alone.

    Raises:
        ConfigError: if the data do not hold what the configuration asks for.
        InputError: if a file is refused.
    """
    cases = read_split(experiment, Path(dataset_dir)).train if needs_data(experiment, model) else []
    return make_training_data(cases, experiment, model=model)


class EpochKeys(Sampler[SampleKey]):
    """Name the samples of one epoch after another, other ones each time it is asked.

    Args:
        samples: that are named.
        experiment: whose seed and batch size are taken.
        steps: of an epoch.
    """

    def __init__(self, samples: NamedSamples, experiment: ExperimentConfig, steps: int) -> None:
        self.cases, self.experiment, self.steps, self.epoch = len(samples), experiment, steps, 0

    def __len__(self) -> int:
        """Return the number of samples of an epoch."""
        return self.steps * self.experiment.training.batch_size

    def __iter__(self) -> Iterator[SampleKey]:
        """Return the names of the next epoch."""
        number, self.epoch = self.epoch, self.epoch + 1
        return iter(
            KeySampler(
                self.cases, samples=len(self), epoch=number, run_seed=self.experiment.seed,
                batch_size=self.experiment.training.batch_size,
            )
        )  # fmt: skip


def prepare_batch(
    batch: Mapping[str, Any],
    device: torch.device | str | None = None,
    non_blocking: bool = False,
    **_: object,
) -> tuple[Tensor, Label]:
    """Return the images of a batch, and what :class:`BundleLoss` compares them with.

    Args:
        batch: ``image``, ``target`` and ``groups``.
        device: that both go to.
        non_blocking: as of ``Tensor.to``.
    """
    image = batch["image"].to(device, non_blocking=non_blocking)
    return image, (batch["target"].to(device, non_blocking=non_blocking), batch["groups"])


class BundleLoss(nn.Module):
    """The loss of a training over what each source annotates, for MONAI's trainer.

    Args:
        experiment: the configuration of the training.
    """

    def __init__(self, experiment: ExperimentConfig) -> None:
        super().__init__()
        self.loss = build_loss(experiment)

    def forward(self, logits: Tensor, label: Label) -> Tensor:
        """Return the loss of logits ``(B, C, *patch)`` against classes and their groups."""
        loss: Tensor = self.loss(logits.float(), *label)
        return loss


class ScheduleHandler:
    """Let the learning rate fall step by step, as our trainings do.

    Args:
        optimiser: whose learning rate is set.
        experiment: the configuration of the training.
    """

    def __init__(self, optimiser: Optimizer, experiment: ExperimentConfig) -> None:
        self.schedule = Schedule(optimiser, experiment.training)

    def attach(self, engine: Any) -> None:  # noqa: ANN401 ignite is an extra
        """Follow the steps of an engine of ignite."""
        from ignite.engine import Events

        engine.add_event_handler(Events.ITERATION_COMPLETED, self._after_step)

    def _after_step(self, _: object) -> None:
        self.schedule.after_step()
