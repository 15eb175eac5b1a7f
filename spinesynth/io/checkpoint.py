"""Checkpoints that load without running code, complete or not at all."""

from __future__ import annotations

import hashlib
import io
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spinesynth import __version__
from spinesynth.errors import CheckpointError
from spinesynth.io.write import atomic_write

_FORMAT = "spinesynth-checkpoint-1"
_FIELDS = ("format", "version", "config", "target_scheme", "model", "step", "weights", "digest")


@dataclass(frozen=True)
class Checkpoint:
    """A trained network's weights and what is needed to use them.

    Args:
        config: the experiment's configuration as plain JSON types.
        target_scheme: label scheme of the output channels.
        model: name of the model in its experiment, ``A`` or ``B``.
        step: optimiser steps taken.
        weights: the network's state dict.
        version: version of the package that wrote it.
    """

    config: dict[str, Any]
    target_scheme: str
    model: str
    step: int
    weights: dict[str, Tensor]
    version: str = __version__


def _digest(weights: dict[str, Tensor]) -> str:
    """Return a SHA-256 over names and values, since torch checks no sum of its own."""
    total = hashlib.sha256()
    for name in sorted(weights):
        value = weights[name].detach().cpu().contiguous()
        total.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        total.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint to its final name only once it is complete."""
    weights = {k: v.detach().cpu().clone() for k, v in checkpoint.weights.items()}
    content = {
        "format": _FORMAT,
        "version": checkpoint.version,
        "config": checkpoint.config,
        "target_scheme": checkpoint.target_scheme,
        "model": checkpoint.model,
        "step": checkpoint.step,
        "weights": weights,
        "digest": _digest(weights),
    }
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with atomic_write(path) as temporary:
        temporary.write_bytes(buffer.getvalue())


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint, refusing code, damage and foreign files.

    Raises:
        CheckpointError: if the file is missing, is no checkpoint of this
            package, is damaged, or holds weights that are not finite.
    """
    if not path.is_file():
        raise CheckpointError(
            f"no checkpoint at {path}; train one with run_experiment.py", code="E-CKPT-001"
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, ValueError, EOFError, OSError, KeyError, AttributeError) as error:
        raise _refuse(path, f"it cannot be read ({type(error).__name__})") from error
    except pickle.UnpicklingError as error:
        raise _refuse(path, "it is damaged or holds code") from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise _refuse(path, f"it is not of the format {_FORMAT}")
    missing = [name for name in _FIELDS if name not in content]
    if missing:
        raise _refuse(path, f"it lacks {', '.join(missing)}")
    weights = content["weights"]
    if _digest(weights) != content["digest"]:
        raise _refuse(path, "its weights do not match their checksum")
    if not all(bool(torch.isfinite(v).all()) for v in weights.values() if v.is_floating_point()):
        raise _refuse(path, "its weights are not finite")
    return Checkpoint(
        config=content["config"],
        target_scheme=content["target_scheme"],
        model=content["model"],
        step=content["step"],
        weights=weights,
        version=content["version"],
    )


def _refuse(path: Path, why: str) -> CheckpointError:
    return CheckpointError(
        f"{path} is refused: {why}; use a checkpoint that this package wrote", code="E-CKPT-002"
    )
