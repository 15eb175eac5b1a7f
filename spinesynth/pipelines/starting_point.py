"""Where a training starts: from a checkpoint of the same network, or from random weights."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from spinesynth.errors import ConfigError
from spinesynth.few import name_few
from spinesynth.io.case import Case
from spinesynth.io.checkpoint import Checkpoint, load_checkpoint, refuse_checkpoint
from spinesynth.io.file_digest import digest_file
from spinesynth.networks import without_centre
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.leak_guard import refuse_seen_content
from spinesynth.pipelines.network_plan import build_network
from spinesynth.pipelines.run_record import REAL_SCANS, join_modes, model_mode

_LOG = logging.getLogger(__name__)
_NAMED = 5  # patients that a refusal names


@dataclass(frozen=True)
class StartingPoint:
    """A checkpoint that a training starts from, whole and of the same network.

    Args:
        path: of the file.
        sha256: of the file's bytes, hexadecimal.
        checkpoint: what it holds.
        mode: what its own training used, as in a run's record.
        loses_centres: it had a heatmap of centres, which is left out as the training has none.
    """

    path: Path
    sha256: str
    checkpoint: Checkpoint
    mode: str
    loses_centres: bool = False

    def fill(self, network: nn.Module) -> None:
        """Give a network the weights.

        Raises:
            CheckpointError: if they do not fit it.
        """
        try:
            network.load_state_dict(self.checkpoint.weights)
        except RuntimeError as error:
            raise refuse_checkpoint(
                self.path, "its weights do not fit the network that the training is configured for"
            ) from error

    def record(self) -> dict[str, Any]:
        """Return what a run's record says of it, as plain JSON types."""
        return {
            "path": str(self.path), "sha256": self.sha256, "model": self.checkpoint.model,
            "step": self.checkpoint.step, "mode": self.mode,
            "seen_patients": len(self.checkpoint.seen_patients),
        }  # fmt: skip


def read_start(config: ExperimentConfig) -> StartingPoint | None:
    """Return what ``training.start_from`` names; None where training starts anew.

    Raises:
        CheckpointError: if the file is missing, refused, or of another network or
            label scheme.
        ConfigError: if the configuration in it is not one of this version.
    """
    if config.training.start_from is None:
        return None
    path = Path(config.training.start_from)
    checkpoint = load_checkpoint(path)
    if checkpoint.target_scheme != config.target_scheme:
        raise refuse_checkpoint(
            path,
            f"its label scheme is {checkpoint.target_scheme}, that of the training is "
            f"{config.target_scheme}",
        )
    if config.training.centre_weight > 0 and not learns_centres(checkpoint):
        raise refuse_checkpoint(
            path,
            "it has no heatmap of centres, which the training is to learn; set "
            "training.centre_weight to 0",
        )
    start = StartingPoint(path, digest_file(path), checkpoint, mode_of(path, checkpoint))
    with torch.random.fork_rng(devices=[]):  # a network is made with random weights first
        if learns_centres(checkpoint) and config.training.centre_weight == 0:
            start = _without_centre(start, config)
        start.fill(build_network(config))
    return start


def learns_centres(checkpoint: Checkpoint) -> bool:
    """Return whether a checkpoint's network has the channel of ``training.centre_weight``."""
    weight: float = checkpoint.config.get("training", {}).get("centre_weight", 0)
    return weight > 0


def _without_centre(start: StartingPoint, config: ExperimentConfig) -> StartingPoint:
    """Return a start without the heatmap, which the training does not learn further."""
    training = config.training.model_copy(update={"centre_weight": 1.0})
    start.fill(build_network(config.model_copy(update={"training": training})))  # or refused
    weights = without_centre(start.checkpoint.weights, build_network(config))
    checkpoint = replace(start.checkpoint, weights=weights)
    return replace(start, checkpoint=checkpoint, loses_centres=True)


def mode_of(path: Path, checkpoint: Checkpoint) -> str:
    """Return what a checkpoint says of its training, or what its configuration does.

    Args:
        path: of the file, for the error.
        checkpoint: what it holds; one that says nothing is older than the field.

    Raises:
        ConfigError: if the configuration in it is not one of this version.
    """
    if checkpoint.mode:
        return checkpoint.mode
    config = parse_config(checkpoint.config, source=str(path))
    modes = [model_mode(config, model) for model in checkpoint.model.split("+")]
    return join_modes(modes, chosen_on_real=checkpoint.selection == REAL_SCANS)


def refuse_tested(config: ExperimentConfig, test: Sequence[Case]) -> None:
    """Refuse to start from a checkpoint that has seen patients who are to test it.

    Args:
        config: the experiment.
        test: cases that the trained models would be tested on.

    Raises:
        ConfigError: naming some of the patients.
        InputError: naming every image and mask that it has seen under another name.
    """
    start = read_start(config)
    if start is None:
        return
    if not start.checkpoint.seen_patients:
        _LOG.warning(
            "%s does not name the patients it was trained on; scores of those would be too good",
            start.path,
        )
    seen = sorted({case.patient_id for case in test} & set(start.checkpoint.seen_patients))
    if seen:
        raise ConfigError(
            f"training.start_from: {start.path} was trained or validated on patients that would "
            f"test it: {name_few(seen, limit=_NAMED)}; use the split that it was trained with "
            "(data.split_seed, data.test_patients, data.val_patients), or another checkpoint",
            code="E-CONF-032",
        )
    refuse_seen_content(start.checkpoint.seen_content, test, where=f"the training of {start.path}")
