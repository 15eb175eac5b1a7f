"""What the ranks beside the leader do in a training: the same steps on their shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.utils.data import DataLoader

from spinesynth.errors import ConfigError, InputError
from spinesynth.io.case import Case
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.data_digest import Digests, describe_differences
from spinesynth.pipelines.datasets import NamedSamples, make_loader
from spinesynth.pipelines.interrupt import SafeStops, Stopped, end_helpers
from spinesynth.pipelines.learner import Learner
from spinesynth.pipelines.network_plan import build_network
from spinesynth.pipelines.ranks import Ranks
from spinesynth.pipelines.training_data import ModelName, digest_data, make_training_data
from spinesynth.pipelines.training_state import Reached, share_learner


class TrainingTask(NamedTuple):
    """What is to be trained on what.

    Attributes:
        config: the experiment.
        model: ``A`` or ``B``.
        train: training cases.
        digests: of the leader's data by part, of which the training's count here.
    """

    config: ExperimentConfig
    model: ModelName
    train: tuple[Case, ...]
    digests: Mapping[str, Digests]


class EpochPlan(NamedTuple):
    """The steps to the next validation.

    Attributes:
        epoch: its number.
        steps: of the whole epoch.
        done: of which were taken before the training was stopped.
        step: number of the next one, from the start of the training.
    """

    epoch: int
    steps: int
    done: int
    step: int

    def make_loader(
        self, data: NamedSamples, config: ExperimentConfig, ranks: Ranks
    ) -> DataLoader[dict[str, Any]]:
        """Return a loader of a rank's shares of the batches that are left."""
        size = config.training.batch_size
        return make_loader(
            data,
            samples=self.steps * size,
            epoch=self.epoch,
            config=config,
            skip=self.done * size,
            share=(ranks.rank, ranks.size),
        )


def follow(ranks: Ranks) -> None:
    """Take part in the training that the leader has announced.

    Raises:
        InputError: if the training data are not those that the leader has.
        RankLost: if the leader breaks off.
    """
    task: TrainingTask = ranks.hand_out()
    try:
        with SafeStops(for_good=True) as stops:
            built = None
            try:
                with stops.allowed():
                    built = _load_same(task), Learner(task.config)
            except Stopped:
                pass  # the leader learns of it now
            stops.check_together(ranks.agree)
            assert built is not None  # else it was stopped
            _take_steps(task.config, *built, stops, ranks)
    except Stopped:  # as all were: the leader saves, and says when to leave
        end_helpers()


def _load_same(task: TrainingTask) -> NamedSamples:
    """Return the training data, or raise if this machine has others than the leader."""
    data = make_training_data(task.train, task.config, model=task.model)
    wrong = [
        difference
        for part, mine in digest_data(data, "training").items()
        for difference in describe_differences(task.digests.get(part, []), mine, part=part)
    ]
    if wrong:
        raise InputError(
            f"the data here differ from those of rank 0: {'; '.join(wrong)}; all machines must see "
            "the same files",
            code="E-CASE-006",
        )
    return data


def _take_steps(
    config: ExperimentConfig, data: NamedSamples, learner: Learner, stops: SafeStops, ranks: Ranks
) -> None:
    share_learner(learner, Reached(), ranks)
    plan: EpochPlan | None
    while (plan := ranks.hand_out()) is not None:
        if plan.done < plan.steps:
            loader = plan.make_loader(data, config, ranks)
            for number, batch in enumerate(stops.each(loader, agree=ranks.agree), plan.step):
                learner.take_step(batch, number)
        learner.schedule.after_validation(ranks.hand_out())


def refuse_unshared(config: ExperimentConfig, ranks: Ranks) -> None:
    """Refuse a training that the ranks cannot share.

    Args:
        config: the experiment.
        ranks: that would train it.

    Raises:
        ConfigError: if batches cannot be divided, or the network depends on whole ones.
    """
    if ranks.size == 1:
        return
    size = config.training.batch_size
    if size % ranks.size:
        below, above = size // ranks.size * ranks.size, (size // ranks.size + 1) * ranks.size
        nearest = " or ".join(str(n) for n in (below, above) if n)
        raise ConfigError(
            f"training.batch_size: must be a multiple of the {ranks.size} processes that share "
            f"each batch, got {size}; use {nearest}, or another --nproc_per_node",
            code="E-CONF-062",
        )
    with torch.random.fork_rng(devices=[]):
        network = build_network(config)
    if any(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in network.modules()):
        raise ConfigError(
            f"network.parameters: {config.network.name} has batch normalisation, whose statistics "
            f"would be those of a share of the batch in each of {ranks.size} processes; use "
            "instance or group normalisation, or train in one process",
            code="E-CONF-061",
        )
