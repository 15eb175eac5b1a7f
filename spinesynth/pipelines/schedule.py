"""How the learning rate falls: by steps along a cosine, or where validation stands still."""

from __future__ import annotations

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from spinesynth.pipelines.config import TrainingConfig

_LEAST_SHARE = 1e-3  # of the learning rate, at the last step


def cosine_share(step: int, *, steps: int, warmup_steps: int) -> float:
    """Return the share of the learning rate at a step, counted from 0.

    It rises in a straight line over ``warmup_steps`` and falls along half a cosine
    to a thousandth at the last step.

    Source: Loshchilov & Hutter 2017, arXiv 1608.03983, equation 5 without restarts.

    Example:
        >>> [round(cosine_share(n, steps=9, warmup_steps=2), 2) for n in (0, 1, 2, 5, 8)]
        [0.5, 1.0, 1.0, 0.5, 0.0]
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    done = (step - warmup_steps) / max(1, steps - 1 - warmup_steps)
    return max(_LEAST_SHARE, 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


class Schedule:
    """The learning rate of one training: call it after each step and each validation.

    Args:
        optimiser: whose learning rate is set.
        settings: ``schedule`` and what belongs to it.
    """

    def __init__(self, optimiser: Optimizer, settings: TrainingConfig) -> None:
        self._by_step: LambdaLR | None = None
        self._by_score: ReduceLROnPlateau | None = None
        if settings.schedule == "cosine":
            self._by_step = LambdaLR(
                optimiser,
                lambda step: cosine_share(
                    step, steps=settings.steps, warmup_steps=settings.warmup_steps
                ),
            )
        else:
            self._by_score = ReduceLROnPlateau(
                optimiser,
                mode="max",
                factor=settings.plateau_factor,
                patience=settings.plateau_patience,
                threshold=settings.plateau_threshold,
                threshold_mode="abs",
            )

    def after_step(self) -> None:
        """Go on by one step."""
        if self._by_step is not None:
            self._by_step.step()

    def after_validation(self, score: float) -> None:
        """Take note of a validation, the higher the better."""
        if self._by_score is not None:
            self._by_score.step(score)
