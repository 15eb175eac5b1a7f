"""Which checkpoints of a training stay: those of the best and of the last validations."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal

from spinesynth.io.atomic import link_file
from spinesynth.io.checkpoint import Checkpoint, refuse_checkpoint, save_checkpoint
from spinesynth.pipelines.config import TrainingConfig
from spinesynth.pipelines.results import MODELS

_LOG = logging.getLogger(__name__)
_DIGITS = 6  # of a step in a name; a larger one has more


def checkpoint_path(folder: Path, model: str, name: Literal["best", "last"]) -> Path:
    """Return where a run keeps a model's checkpoint."""
    return folder / MODELS / f"model_{model}_{name}.pt"


def choose_kept(dice: Mapping[int, float], *, best: int, last: int) -> dict[int, float]:
    """Return the checkpoints that stay: the best ones, and beside them the last ones.

    Args:
        dice: of each validation by its step.
        best: how many of the highest Dice; of equal ones the earlier.
        last: how many of the latest steps.

    Returns:
        Their Dice by step, in the order of the steps.

    Example:
        >>> choose_kept({10: 0.5, 20: 0.9, 30: 0.9, 40: 0.6, 50: 0.7}, best=2, last=1)
        {20: 0.9, 30: 0.9, 50: 0.7}
    """
    ranked = sorted(dice, key=lambda step: (-dice[step], step))
    stay = {*ranked[:best], *sorted(dice)[-last:]}
    return {step: dice[step] for step in sorted(stay)}


class CheckpointShelf:
    """The files of the checkpoints that a training keeps, each under its step.

    ``best`` and ``last`` are further names of two of them: each checkpoint is written
    once, and stands under all of its names complete or not at all.

    Args:
        folder: of the run.
        model: ``A`` or ``B``.
        settings: of the training; how many stay.
    """

    def __init__(self, folder: Path, model: str, settings: TrainingConfig) -> None:
        self.folder, self.model, self.settings = folder, model, settings

    def path(self, step: int) -> Path:
        """Return where the checkpoint of a step is, if it was kept."""
        return self.folder / MODELS / f"model_{self.model}_step{step:0{_DIGITS}d}.pt"

    def add(self, checkpoint: Checkpoint, *, best: bool) -> None:
        """Write the checkpoint of a validation, which is the last one, and perhaps the best.

        Raises:
            OutputError: if the disk refuses it; older files stay.
        """
        path = self.path(checkpoint.step)
        save_checkpoint(path, checkpoint)
        link_file(path, checkpoint_path(self.folder, self.model, "last"))
        if best:
            link_file(path, checkpoint_path(self.folder, self.model, "best"))

    def choose(self, dice: Mapping[int, float]) -> dict[int, float]:
        """Return the checkpoints that stay, as :func:`choose_kept` does."""
        return choose_kept(dice, best=self.settings.keep_best, last=self.settings.keep_last)

    def keep_only(self, steps: Collection[int]) -> None:
        """Remove the checkpoints of all other steps; ``best`` and ``last`` stay."""
        pattern = re.compile(rf"model_{self.model}_step(\d+)\.pt")
        for path in (self.folder / MODELS).glob(f"model_{self.model}_step*.pt"):
            named = pattern.fullmatch(path.name)
            if named and int(named[1]) not in steps:
                path.unlink(missing_ok=True)

    def still_there(self, kept: Mapping[int, float]) -> dict[int, float]:
        """Return those of the kept checkpoints whose files are there, with a word on the others.

        Raises:
            CheckpointError: if some were kept and none is there.
        """
        missing = [step for step in kept if not self.path(step).is_file()]
        for step in missing:
            _LOG.warning("%s is missing: it cannot be chosen any more", self.path(step))
        if kept and len(missing) == len(kept):
            raise refuse_checkpoint(
                self.path(missing[-1]),
                "it and all others that the training kept are missing; put them back, or train "
                "anew without --resume",
            )
        return {step: dice for step, dice in kept.items() if step not in missing}
