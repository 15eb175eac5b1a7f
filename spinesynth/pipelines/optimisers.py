"""Optimisers by name."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from spinesynth.pipelines.config import TrainingConfig


def make_optimiser(parameters: Iterable[nn.Parameter], settings: TrainingConfig) -> Optimizer:
    """Return the optimiser that a training names.

    Args:
        parameters: of the network.
        settings: ``optimiser``, ``learning_rate``, ``weight_decay`` and, of
            ``sgd``, ``momentum``.

    Source:
        ``adam``: Kingma & Ba 2015, arXiv 1412.6980, decay as a penalty on the
        weights; ``adamw``: Loshchilov & Hutter 2019, arXiv 1711.05101, decay apart
        from the gradient; ``sgd``: with Nesterov's momentum, as nnU-Net, Isensee et
        al. 2021, doi 10.1038/s41592-020-01008-z.
    """
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.optimiser == "sgd":
        return SGD(
            parameters, lr=rate, weight_decay=decay, momentum=settings.momentum, nesterov=True
        )
    kind = AdamW if settings.optimiser == "adamw" else Adam
    return kind(parameters, lr=rate, weight_decay=decay)
