"""What a training saves to go on from: all that a step changes, and whose it is.

Random numbers are not among it: each is named by the run's seed, the epoch, the case
and the number of the sample, or by the step.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spinesynth import __version__
from spinesynth.errors import ConfigError
from spinesynth.io.checkpoint import (
    Checkpoint,
    load_training_state,
    refuse_checkpoint,
    save_checkpoint,
)
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.data_digest import Digests, describe_differences
from spinesynth.pipelines.learner import Learner
from spinesynth.pipelines.ranks import Ranks, current_ranks
from spinesynth.pipelines.results import MODELS

_LOG = logging.getLogger(__name__)
#: Settings that change nothing of what is learnt: they may differ when a training goes on.
_FREE = (
    *("name", "description", "models", "evaluation", "data.cache", "data.cache_dir"),
    *("training.workers", "training.checkpoint_every", "training.tensorboard"),
)
_NETWORK, _AVERAGE, _OPTIMISER = "network.", "average.", "optimiser."


@dataclass
class Reached:
    """How far a training has come.

    Attributes:
        step: optimiser steps taken.
        losses: of the steps since the last validation.
        rows: of the table of training, one a validation.
        best_dice: of the best validation; -1 before the first.
        stale: validations since the best one.
        seconds: taken so far, of all the times that it ran.
        kept: Dice over the validation samples of the checkpoints kept, by their step.
        choice: rows of the table of the final choice, so far.
        chosen: step of the checkpoint that it made the best; None before.
    """

    step: int = 0
    losses: list[float] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    best_dice: float = -1.0
    stale: int = 0
    seconds: float = 0.0
    kept: dict[int, float] = field(default_factory=dict)
    choice: list[dict[str, Any]] = field(default_factory=list)
    chosen: int | None = None


def state_path(folder: Path, model: str) -> Path:
    """Return where a run keeps what the training of a model goes on from."""
    return folder / MODELS / f"model_{model}_state.pt"


@dataclass(frozen=True)
class TrainingState:
    """The file that a training goes on from, bound to one experiment and its data.

    Args:
        path: of the file.
        config: the experiment.
        model: ``A`` or ``B``.
        cases: digests of the cases by part of the data, ``training`` and ``validation``.
        seen_patients: ids of the patients behind them.
    """

    path: Path
    config: ExperimentConfig
    model: str
    cases: Mapping[str, Digests]
    seen_patients: tuple[str, ...]

    def save(self, learner: Learner, reached: Reached) -> None:
        """Write the state; the older one stays until the new one is complete.

        Raises:
            OutputError: if the disk refuses it.
        """
        tensors, values = _pack(learner, reached)
        save_checkpoint(
            self.path,
            Checkpoint(
                config=self.config.model_dump(mode="json"),
                target_scheme=self.config.target_scheme,
                model=self.model,
                step=reached.step,
                weights=tensors,
                seen_patients=self.seen_patients,
                training={
                    **values,
                    "cases": dict(self.cases),
                    "surroundings": _surroundings(),
                },
            ),
        )

    def restore(self, learner: Learner) -> Reached:
        """Read the state into a learner, all of it or nothing.

        Raises:
            CheckpointError: if the file is refused: damaged, foreign, or of
                another network than its configuration describes.
            ConfigError: if it is of another experiment, of other data or of
                another version of the package.
        """
        saved = load_training_state(self.path)
        assert saved.training is not None  # it would have been refused
        self._refuse_another_run(saved)
        for name, now in _surroundings().items():
            before = saved.training["surroundings"].get(name, now)  # of older files not known
            if before != now:
                _LOG.warning(
                    "model %s goes on with %s %s, was %s: not bit for bit what one run gives",
                    *(self.model, name, now, before),
                )
        try:
            return _fill(learner, saved.weights, saved.training)
        except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            raise refuse_checkpoint(
                self.path, "its contents do not fit the training that its configuration describes"
            ) from error

    def _refuse_another_run(self, saved: Checkpoint) -> None:
        """Raise if a state is not of this experiment and these data."""
        assert saved.training is not None
        wrong = [] if saved.version == __version__ else [
            f"version {saved.version} of the package wrote it, this is {__version__}"
        ]  # fmt: skip
        if saved.model != self.model:
            wrong.append(f"it is of model {saved.model}, not {self.model}")
        if not wrong:  # the configuration of another version need not be understood
            before = parse_config(saved.config, source=str(self.path))
            wrong = _config_differences(before, self.config)
        saved_cases = saved.training["cases"]
        for part in dict.fromkeys((*self.cases, *saved_cases)):
            now = self.cases.get(part, [])
            wrong += describe_differences(saved_cases.get(part, []), now, part=part)
        if wrong:
            raise ConfigError(
                f"{self.path} is no state to go on from: {'; '.join(wrong)}; give what it was "
                "started with, or leave out --resume to start anew",
                code="E-RUN-004",
            )


def _surroundings() -> dict[str, Any]:
    """Return what results may depend on in their last bits, besides the configuration."""
    device = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "cpu"
    return {
        "torch": str(torch.__version__), "threads": torch.get_num_threads(), "device": device,
        "ranks": current_ranks().size,
    }  # fmt: skip


def _config_differences(before: ExperimentConfig, now: ExperimentConfig) -> list[str]:
    """Say which settings differ that what is learnt depends on."""
    old, new = (_flat(config.model_dump(mode="json")) for config in (before, now))
    return [
        f"{name} is {new.get(name)!r}, was {old.get(name)!r}"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the settings that matter by their names with dots."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = prefix + key
        if name in _FREE:
            continue
        flat |= _flat(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return flat


def share_learner(learner: Learner, reached: Reached, ranks: Ranks) -> None:
    """Give the learners of all ranks what the leader's holds.

    Args:
        learner: of this rank.
        reached: how far the leader has come; the others' does not count.
        ranks: that train together.

    Raises:
        RankLost: if another rank has ended.
    """
    if ranks.size == 1:
        return
    state = None
    if ranks.rank == 0:
        tensors, values = _pack(learner, reached)
        state = {name: value.cpu() for name, value in tensors.items()}, values
    state = ranks.hand_out(state)
    if ranks.rank > 0:
        _fill(learner, *state)


def _pack(learner: Learner, reached: Reached) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return all that a step changes, tensors by name and plain values; for :func:`_fill`."""
    tensors, values = _split(learner.optimiser.state_dict())
    tensors |= {_NETWORK + k: v for k, v in learner.network.state_dict().items()}
    tensors |= {_AVERAGE + k: v for k, v in learner.average.state_dict().items()}
    return tensors, {
        "reached": asdict(reached), "optimiser": values,
        "schedule": learner.schedule.state_dict(), "scaler": learner.scaler.state_dict(),
    }  # fmt: skip


def _split(state: dict[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Part an optimiser's state into tensors by name and plain values."""
    tensors: dict[str, Tensor] = {}
    plain: dict[str, dict[str, Any]] = {}
    for number, values in state["state"].items():
        plain[str(number)] = {}
        for name, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"{_OPTIMISER}{number}.{name}"] = value
            else:
                plain[str(number)][name] = value
    return tensors, {"state": plain, "param_groups": state["param_groups"]}


def _join(tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> dict[str, Any]:
    """Put together what :func:`_split` parted."""
    state = {int(number): dict(plain) for number, plain in values["state"].items()}
    for key, value in tensors.items():
        number, name = key.split(".", 1)
        state[int(number)][name] = value
    return {"state": state, "param_groups": values["param_groups"]}


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _fill(learner: Learner, tensors: Mapping[str, Tensor], training: dict[str, Any]) -> Reached:
    """Give a learner what was saved, after a look at whether it fits."""
    reached = Reached(**training["reached"])
    network, average = _under(_NETWORK, tensors), _under(_AVERAGE, tensors)
    optimiser = _join(_under(_OPTIMISER, tensors), training["optimiser"])
    for module, weights in ((learner.network, network), (learner.average, average)):
        _refuse_other_shapes({k: v.shape for k, v in module.state_dict().items()}, weights)
    parameters = [p for group in learner.optimiser.param_groups for p in group["params"]]
    for number, values in optimiser["state"].items():
        sizes = {parameters[number].shape, torch.Size([])}  # its moments, and its count of steps
        if any(v.shape not in sizes for v in values.values() if isinstance(v, Tensor)):
            raise ValueError(f"the optimiser's parameter {number} is of another size")
    learner.optimiser.load_state_dict(optimiser)
    learner.schedule.load_state_dict(training["schedule"])
    if learner.scaler.is_enabled():
        learner.scaler.load_state_dict(training["scaler"])
    learner.network.load_state_dict(network)
    learner.average.load_state_dict(average)
    return reached


def _refuse_other_shapes(wanted: Mapping[str, torch.Size], got: Mapping[str, Tensor]) -> None:
    if dict(wanted) != {name: value.shape for name, value in got.items()}:
        raise ValueError("the network has other weights")
