"""Checkpoints that load without running code, complete or not at all."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

import torch

from spinesynth.errors import CheckpointError
from spinesynth.io.checkpoint_content import (
    FORMAT,
    FORMAT_1,
    TRAINING,
    Checkpoint,
    pack_checkpoint,
    refuse_checkpoint,
    unpack_checkpoint,
)
from spinesynth.io.weights_file import WEIGHTS_SUFFIX, load_weights
from spinesynth.io.write import atomic_write

__all__ = [
    "Checkpoint",
    "load_checkpoint",
    "load_training_state",
    "refuse_checkpoint",
    "save_checkpoint",
]

#: What reading a damaged archive or pickle has been seen or may be expected to raise.
_DAMAGE = (
    ArithmeticError, AssertionError, AttributeError, EOFError, ImportError, LookupError,
    MemoryError, OSError, RuntimeError, TypeError, ValueError, struct.error, zipfile.BadZipFile,
)  # fmt: skip


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint to its final name only once it is complete.

    Args:
        path: file to write; an older one stays until the new one is complete.
        checkpoint: what it holds.

    Raises:
        OutputError: if the disk refuses it.
    """
    buffer = io.BytesIO()
    torch.save(pack_checkpoint(checkpoint), buffer)
    with atomic_write(path) as temporary:
        temporary.write_bytes(buffer.getvalue())


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint to predict with, refusing code, damage and foreign files.

    Args:
        path: as a training writes it, or ``.safetensors`` as of
            :func:`spinesynth.io.weights_file.save_weights`.

    Raises:
        CheckpointError: if the file is missing, is no checkpoint of this
            package, is damaged, or holds weights that are not finite.
    """
    if path.suffix.lower() == WEIGHTS_SUFFIX:
        return load_weights(path)
    return _load(path, (FORMAT, FORMAT_1))


def load_training_state(path: Path) -> Checkpoint:
    """Read a checkpoint that a training goes on from, as strictly as any other.

    Returns:
        A checkpoint with ``training``.

    Raises:
        CheckpointError: as of :func:`load_checkpoint`, which refuses these files.
    """
    return _load(path, (TRAINING,))


def _load(path: Path, formats: Sequence[str]) -> Checkpoint:
    """Read a checkpoint of one of some formats."""
    if not path.is_file():
        raise CheckpointError(
            f"no checkpoint at {path}; train one with run_experiment.py", code="E-CKPT-001"
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        return unpack_checkpoint(path, content, formats=formats)
    except pickle.PickleError as error:
        raise refuse_checkpoint(path, "it is damaged or holds code") from error
    except _DAMAGE as error:
        raise refuse_checkpoint(path, f"it cannot be read ({type(error).__name__})") from error
