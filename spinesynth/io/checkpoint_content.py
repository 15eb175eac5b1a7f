"""What a checkpoint says, whatever the file format: its fields, their digest, their checks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spinesynth import __version__
from spinesynth.errors import CheckpointError
from spinesynth.io.weights_digest import digest_weights

FORMAT = "spinesynth-checkpoint-2"
FORMAT_1 = "spinesynth-checkpoint-1"  # its digest covers the weights alone; still read
TRAINING = "spinesynth-training-1"  # a checkpoint that a training goes on from
#: Type of each field; the digest of format 2 covers all but the weights as JSON.
_FIELDS: dict[str, type] = {
    "format": str, "version": str, "config": dict, "target_scheme": str, "model": str,
    "step": int, "weights": dict, "digest": str,
}  # fmt: skip
_SEEN = "seen_patients"  # not in format 1
_STATE = "training"  # only where a training goes on from it
_WORDS = ("selection", "mode")  # only where somebody wrote them down
_INGREDIENTS = "ingredients"  # only where the weights are a mean
_CONTENT = "seen_content"  # not in files of before 0.3
_FURTHER: dict[str, dict[str, type]] = {
    FORMAT_1: {}, FORMAT: {_SEEN: list}, TRAINING: {_SEEN: list, _STATE: dict},
}  # fmt: skip


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
        seen_patients: ids of the patients it was trained and validated on; none
            where nobody wrote them down.
        training: what else a training needs to go on, as plain JSON types, where
            ``weights`` holds all of its tensors; None for weights to predict with.
        selection: what it was chosen on among the checkpoints of its training, where
            that is more than its own validation samples; empty otherwise.
        ingredients: SHA-256 of the files whose weights it is the mean of; none where
            it is as a training left it.
        mode: what its training used, real images or not, as in a run's record; empty
            where nobody wrote it down.
        seen_content: digests of the images and masks that it was trained and validated
            on, as of :mod:`spinesynth.pipelines.leak_guard`; none where nobody wrote
            them down.
        weights_digest: of weights that are held elsewhere, as in an ONNX file; empty where
            they are here, or nobody wrote it down.
    """

    config: dict[str, Any]
    target_scheme: str
    model: str
    step: int
    weights: dict[str, Tensor]
    version: str = __version__
    seen_patients: tuple[str, ...] = ()
    training: dict[str, Any] | None = None
    selection: str = ""
    ingredients: tuple[str, ...] = ()
    mode: str = ""
    seen_content: tuple[str, ...] = ()
    weights_digest: str = ""


def _digest(content: dict[str, Any]) -> str:
    """Return a SHA-256 over all that a file holds, since torch checks no sum of its own."""
    before = b""
    if content["format"] != FORMAT_1:
        plain = {key: value for key, value in content.items() if key not in ("weights", "digest")}
        before = json.dumps(plain, sort_keys=True).encode()
    return digest_weights(content["weights"], after=before)


def pack_checkpoint(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return the fields of a file: plain JSON types, ``weights`` and a ``digest`` over all.

    Args:
        checkpoint: what they say.
    """
    goes_on = checkpoint.training is not None
    content: dict[str, Any] = {
        "format": TRAINING if goes_on else FORMAT,
        "version": checkpoint.version,
        "config": checkpoint.config,
        "target_scheme": checkpoint.target_scheme,
        "model": checkpoint.model,
        "step": checkpoint.step,
        _SEEN: sorted(checkpoint.seen_patients),
        "weights": {k: v.detach().cpu().clone() for k, v in checkpoint.weights.items()},
        **({_STATE: checkpoint.training} if goes_on else {}),
        **{word: getattr(checkpoint, word) for word in _WORDS if getattr(checkpoint, word)},
        **({_INGREDIENTS: list(checkpoint.ingredients)} if checkpoint.ingredients else {}),
        **({_CONTENT: sorted(checkpoint.seen_content)} if checkpoint.seen_content else {}),
    }
    return {**content, "digest": _digest(content)}


def unpack_checkpoint(path: Path, content: object, *, formats: Sequence[str]) -> Checkpoint:
    """Return what the fields of a file say, once they are known to be whole.

    Args:
        path: of the file, for messages.
        content: its fields, as of :func:`pack_checkpoint`.
        formats: those that are read here.

    Raises:
        CheckpointError: if they are not whole, or not of one of the formats.
    """
    fields = _check(path, content, formats)
    return Checkpoint(
        config=fields["config"],
        target_scheme=fields["target_scheme"],
        model=fields["model"],
        step=fields["step"],
        weights=fields["weights"],
        version=fields["version"],
        seen_patients=tuple(fields.get(_SEEN, ())),
        training=fields.get(_STATE),
        ingredients=tuple(fields.get(_INGREDIENTS, ())),
        seen_content=tuple(fields.get(_CONTENT, ())),
        **{word: fields.get(word, "") for word in _WORDS},
    )


def refuse_checkpoint(path: Path, why: str) -> CheckpointError:
    """Return the error that refuses a checkpoint file.

    Args:
        path: of the file.
        why: what is wrong with it, as "its weights ...".
    """
    return CheckpointError(
        f"{path} is refused: {why}; use a checkpoint that this package wrote", code="E-CKPT-002"
    )


def _check(path: Path, content: object, formats: Sequence[str]) -> dict[str, Any]:
    """Return the contents if they are those of a whole checkpoint, else raise."""
    if not isinstance(content, dict) or content.get("format") not in formats:
        raise refuse_checkpoint(path, f"it is not of the format {' or '.join(formats)}")
    _check_types(path, content)
    if _digest(content) != content["digest"]:
        what = "weights do" if content["format"] == FORMAT_1 else "contents do"
        raise refuse_checkpoint(path, f"its {what} not match their checksum")
    weights: dict[str, Tensor] = content["weights"]
    if not all(bool(torch.isfinite(v).all()) for v in weights.values() if v.is_floating_point()):
        raise refuse_checkpoint(path, "its weights are not finite")
    return content


def _check_types(path: Path, content: dict[str, Any]) -> None:
    """Raise if a field is missing or of another type than it is written with."""
    fields = {**_FIELDS, **_FURTHER[content["format"]]}
    missing = [name for name in fields if name not in content]
    if missing:
        raise refuse_checkpoint(path, f"it lacks {', '.join(missing)}")
    for name, kind in fields.items():
        if type(content[name]) is not kind:
            got = type(content[name]).__name__
            raise refuse_checkpoint(path, f"its {name} must be {kind.__name__}, got {got}")
    if not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in content["weights"].items()):
        raise refuse_checkpoint(path, "its weights must be tensors by name")
    for field in (_SEEN, _INGREDIENTS, _CONTENT):
        listed = content.get(field, [])
        if type(listed) is not list or not all(isinstance(name, str) for name in listed):
            raise refuse_checkpoint(path, f"its {field} must be text")
    for word in _WORDS:
        if not isinstance(content.get(word, ""), str):
            raise refuse_checkpoint(path, f"its {word} must be text")
