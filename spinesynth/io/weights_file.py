"""Weights to hand on: a checkpoint as a safetensors file, which holds no code at all.

The tensors are the network's weights; all else that a checkpoint says is JSON text under
one key of the header's metadata, with the same SHA-256 over both as in a ``.pt`` file.

Source:
    The format: Hugging Face, safetensors 0.8, https://huggingface.co/docs/safetensors.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from spinesynth.errors import CheckpointError
from spinesynth.io.atomic import atomic_write
from spinesynth.io.checkpoint_content import (
    FORMAT,
    Checkpoint,
    pack_checkpoint,
    refuse_checkpoint,
    unpack_checkpoint,
)

WEIGHTS_SUFFIX = ".safetensors"
#: Key of the metadata under which all but the tensors stands.
_KEY = "spinesynth"


def save_weights(path: Path, checkpoint: Checkpoint) -> None:
    """Write what predicts of a checkpoint: the same checkpoint gives the same bytes.

    Args:
        path: file to write, ``.safetensors``; an older one stays until the new one is complete.
        checkpoint: what it holds; what only a training needs is left out.

    Raises:
        OutputError: if the disk refuses it.
        ValueError: if the file is named otherwise.
    """
    if path.suffix.lower() != WEIGHTS_SUFFIX:
        raise ValueError(f"path must end in {WEIGHTS_SUFFIX}, got {path.name}")
    content = pack_checkpoint(replace(checkpoint, training=None))
    tensors = {name: value.contiguous() for name, value in content.pop("weights").items()}
    written = save(tensors, {_KEY: json.dumps(content, sort_keys=True)})
    with atomic_write(path) as temporary:
        temporary.write_bytes(written)


def load_weights(path: Path) -> Checkpoint:
    """Read weights, refusing damage and foreign files; the digest is checked before any use.

    Args:
        path: as of :func:`save_weights`.

    Raises:
        CheckpointError: if the file is missing, damaged, or not of this package.
    """
    if not path.is_file():
        raise CheckpointError(
            f"no weights at {path}; 'spinesynth weights list' names those that are shipped",
            code="E-CKPT-001",
        )
    try:
        return unpack_checkpoint(path, _read(path), formats=(FORMAT,))
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise refuse_checkpoint(path, f"it cannot be read ({type(error).__name__})") from error


def _read(path: Path) -> dict[str, Any]:
    """Return the fields of a file, not checked yet."""
    with safe_open(path, framework="pt", device="cpu") as file:
        told = (file.metadata() or {}).get(_KEY)
        if told is None:
            raise refuse_checkpoint(path, f"its metadata have no '{_KEY}'")
        content = json.loads(told)
        if not isinstance(content, dict):
            raise refuse_checkpoint(path, f"its metadata hold no mapping under '{_KEY}'")
        return {**content, "weights": {name: file.get_tensor(name) for name in file.keys()}}  # noqa: SIM118 it is no mapping
