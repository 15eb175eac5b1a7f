"""torch.compile behind a switch, and a clear word where the compiler cannot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from spinesynth.errors import ConfigError
from spinesynth.pipelines.config import TrainingConfig


def compile_in_place(network: nn.Module, settings: TrainingConfig) -> None:
    """Let torch compile a network at its first call, if the settings ask for it.

    The names of its weights stay as they are, so checkpoints do not depend on it.
    """
    if settings.compile:
        network.compile()


@contextmanager
def explaining_the_compiler(settings: TrainingConfig) -> Iterator[None]:
    """Turn what a compiled network raises into a message that mends it.

    Args:
        settings: of the training; ``compile`` says whether a compiler is at work.

    Raises:
        ConfigError: in place of what the compiler raised.
    """
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, ImportError, AssertionError, NotImplementedError) as error:
        if not settings.compile:
            raise
        reason = " ".join(str(error).split())[:300]
        raise ConfigError(
            "training.compile: torch.compile failed on this network, device and precision "
            f"({type(error).__name__}: {reason}); set training.compile: false, or "
            "training.precision: float32",
            code="E-CONF-023",
        ) from error
