"""How the learning rate falls: by steps along a curve, or where validation stands still."""

from __future__ import annotations

import math
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from spinesynth.pipelines.config import TrainingConfig

_LEAST_SHARE = 1e-3  # of the learning rate, at the last step
_POWER = 0.9  # of the polynomial


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
    done = _share_done(step, steps=steps, warmup_steps=warmup_steps)
    return max(_LEAST_SHARE, 0.5 * (1 + math.cos(math.pi * done)))


def polynomial_share(step: int, *, steps: int, warmup_steps: int) -> float:
    """Return the share of the learning rate at a step, counted from 0.

    It rises in a straight line over ``warmup_steps`` and falls as the share of
    steps that are left, to the power of 0.9; a thousandth at the last step.

    Source: Isensee et al. 2021, doi 10.1038/s41592-020-01008-z, with a warm-up.

    Example:
        >>> [round(polynomial_share(n, steps=9, warmup_steps=2), 2) for n in (0, 1, 2, 5, 8)]
        [0.5, 1.0, 1.0, 0.54, 0.0]
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    done = _share_done(step, steps=steps, warmup_steps=warmup_steps)
    return max(_LEAST_SHARE, math.pow(1 - done, _POWER))


def _share_done(step: int, *, steps: int, warmup_steps: int) -> float:
    """Return 0 at the end of the warm-up and 1 at the last step."""
    return min(1.0, (step - warmup_steps) / max(1, steps - 1 - warmup_steps))


class Schedule:
    """The learning rate of one training: call it after each step and each validation.

    Args:
        optimiser: whose learning rate is set.
        settings: ``schedule`` and what belongs to it.
    """

    def __init__(self, optimiser: Optimizer, settings: TrainingConfig) -> None:
        self._by_step: LambdaLR | None = None
        self._by_score: ReduceLROnPlateau | None = None
        if settings.schedule != "plateau":
            share = cosine_share if settings.schedule == "cosine" else polynomial_share
            self._by_step = LambdaLR(
                optimiser,
                lambda step: share(step, steps=settings.steps, warmup_steps=settings.warmup_steps),
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

    @property
    def _active(self) -> LambdaLR | ReduceLROnPlateau:
        active = self._by_step or self._by_score
        assert active is not None  # there is always one of them
        return active

    def state_dict(self) -> dict[str, Any]:
        """Return where it stands, as plain JSON types."""
        return dict(self._active.state_dict())

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where :meth:`state_dict` was taken."""
        self._active.load_state_dict(state)

    def after_step(self) -> None:
        """Go on by one step."""
        if self._by_step is not None:
            self._by_step.step()

    def after_validation(self, score: float) -> None:
        """Take note of a validation, the higher the better."""
        if self._by_score is not None:
            self._by_score.step(score)
