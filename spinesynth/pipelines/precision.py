"""The number format and layout of a forward pass, and the scaler that half precision needs."""

from __future__ import annotations

import logging

import torch
from torch.amp.grad_scaler import GradScaler

from spinesynth.errors import ConfigError
from spinesynth.pipelines.config import ExperimentConfig, TrainingConfig

_LOG = logging.getLogger(__name__)
_FORMATS = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def memory_layout(config: ExperimentConfig) -> torch.memory_format:
    """Return how images and weights of a network lie in memory (``training.channels_last``)."""
    if not config.training.channels_last:
        return torch.preserve_format
    return torch.channels_last if config.network.dims == 2 else torch.channels_last_3d


def _format(settings: TrainingConfig, device: torch.device) -> torch.dtype | None:
    """Return the format that a forward pass is cast to, None for ``float32``."""
    if _is_unsafe(settings, device):
        return None
    return _FORMATS.get(settings.precision)


def _is_unsafe(settings: TrainingConfig, device: torch.device) -> bool:
    """Return whether gradients would be wrong: of 3D convolutions in bfloat16 on a CPU.

    Seen with torch 2.13: those of some weights hold what lay in the memory before,
    differ from call to call and reach 1e37.
    """
    volumes = len(settings.patch_size) == 3
    return volumes and settings.precision == "bfloat16" and device.type == "cpu"


def autocast(settings: TrainingConfig, device: torch.device) -> torch.autocast:
    """Return the context of a forward pass; with ``float32`` it changes nothing.

    ``bfloat16`` means ``float32`` for volumes on a CPU, where it gives wrong gradients.
    """
    wanted = _format(settings, device)
    return torch.autocast(device.type, wanted or torch.bfloat16, enabled=wanted is not None)


def make_scaler(settings: TrainingConfig, device: torch.device) -> GradScaler:
    """Return the gradient scaler of a training; only with ``float16`` it does anything.

    Raises:
        ConfigError: if ``float16`` is asked for without a CUDA device, where it is
            slower than ``float32`` and bfloat16 needs no scaler.

    Source: Micikevicius et al. 2018, arXiv 1710.03740, section 3.2.
    """
    if _is_unsafe(settings, device):
        _LOG.warning(
            "training.precision: float32 is used in place of bfloat16, in which the gradients of "
            "3D convolutions come out wrong on a CPU"
        )
    half = settings.precision == "float16"
    if half and device.type != "cuda":
        raise ConfigError(
            "training.precision: float16 needs a CUDA device, and this machine has none; "
            "use bfloat16 or float32",
            code="E-CONF-022",
        )
    return GradScaler(device.type, enabled=half)
