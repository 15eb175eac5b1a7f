"""The number format and layout of a forward pass, and the scaler that half precision needs."""

from __future__ import annotations

import torch
from torch.amp.grad_scaler import GradScaler

from spinesynth.errors import ConfigError
from spinesynth.pipelines.config import ExperimentConfig, TrainingConfig

_FORMATS = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def memory_layout(config: ExperimentConfig) -> torch.memory_format:
    """Return how images and weights of a network lie in memory (``training.channels_last``)."""
    if not config.training.channels_last:
        return torch.preserve_format
    return torch.channels_last if config.network.dims == 2 else torch.channels_last_3d


def autocast(settings: TrainingConfig, device: torch.device) -> torch.autocast:
    """Return the context of a forward pass; with ``float32`` it changes nothing."""
    wanted = _FORMATS.get(settings.precision)
    return torch.autocast(device.type, wanted or torch.bfloat16, enabled=wanted is not None)


def make_scaler(settings: TrainingConfig, device: torch.device) -> GradScaler:
    """Return the gradient scaler of a training; only with ``float16`` it does anything.

    Raises:
        ConfigError: if ``float16`` is asked for without a CUDA device, where it is
            slower than ``float32`` and bfloat16 needs no scaler.

    Source: Micikevicius et al. 2018, arXiv 1710.03740, section 3.2.
    """
    half = settings.precision == "float16"
    if half and device.type != "cuda":
        raise ConfigError(
            "training.precision: float16 needs a CUDA device, and this machine has none; "
            "use bfloat16 or float32",
            code="E-CONF-022",
        )
    return GradScaler(device.type, enabled=half)
