"""ONNX files that tell what they were made from, with a checksum over all that they hold."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from spinesynth.io.checkpoint import Checkpoint

#: Names of the two entries in the metadata of a file.
RECORD, DIGEST = "spinesynth", "spinesynth_digest"
#: What stands for the checksum while it is computed.
OPEN_DIGEST = "0" * 64
_FORMAT = "spinesynth-onnx-1"
# an entry's key, then the tag of its value and the value's length, as ONNX (protobuf) writes it
_SEALED = re.compile(re.escape(DIGEST.encode()) + rb"\x12\x40([0-9a-f]{64})")
_LISTS = ("seen_patients", "ingredients", "seen_content")


def describe_checkpoint(
    checkpoint: Checkpoint, *, digest: str, multiple: tuple[int, ...], weights_digest: str = ""
) -> str:
    """Return what an ONNX file says of itself, as JSON.

    Args:
        checkpoint: whose network it holds.
        digest: SHA-256 of the checkpoint's file; empty where there is none.
        multiple: what each spatial axis of its input must be a multiple of.
        weights_digest: of its weights, by which its quality model knows them.
    """
    lists = {name: list(getattr(checkpoint, name)) for name in _LISTS}
    return json.dumps(
        {
            "format": _FORMAT,
            "version": checkpoint.version,
            "config": checkpoint.config,
            "target_scheme": checkpoint.target_scheme,
            "model": checkpoint.model,
            "step": checkpoint.step,
            "selection": checkpoint.selection,
            "mode": checkpoint.mode,
            "digest": digest,
            "weights_digest": weights_digest,
            "multiple": list(multiple),
            **lists,
        },
        sort_keys=True,
    )


def read_description(text: str) -> tuple[Checkpoint, tuple[int, ...]]:
    """Return a checkpoint without weights, and the multiple of the spatial axes.

    Args:
        text: from :func:`describe_checkpoint`.

    Raises:
        ValueError: if it is anything else.
    """
    content = json.loads(text)
    if not isinstance(content, Mapping) or content.get("format") != _FORMAT:
        raise ValueError(f"its description is not of the format {_FORMAT}")
    config: dict[str, Any] = dict(content["config"])
    lists: dict[str, Any] = {name: tuple(map(str, content[name])) for name in _LISTS}
    checkpoint = Checkpoint(
        config=config,
        target_scheme=str(content["target_scheme"]),
        model=str(content["model"]),
        step=int(content["step"]),
        weights={},
        version=str(content["version"]),
        selection=str(content["selection"]),
        mode=str(content["mode"]),
        weights_digest=str(content.get("weights_digest", "")),  # not in older files
        **lists,
    )
    return checkpoint, tuple(int(step) for step in content["multiple"])


def seal(model: bytes) -> bytes:
    """Return a file whose open checksum was replaced by that of its contents.

    Args:
        model: serialised, with ``OPEN_DIGEST`` as its entry ``DIGEST``.

    Raises:
        ValueError: if it has no such entry, or several.

    Example:
        >>> entry = DIGEST.encode() + bytes([0x12, 0x40])
        >>> sealed = seal(b"graph" + entry + OPEN_DIGEST.encode())
        >>> is_sealed(sealed), is_sealed(sealed.replace(b"graph", b"grasp"))
        (True, False)
    """
    if [found[1].decode() for found in _SEALED.finditer(model)] != [OPEN_DIGEST]:
        raise ValueError(f"the model must have one entry {DIGEST} that is open")
    return _SEALED.sub(_entry(hashlib.sha256(model).hexdigest()), model)


def is_sealed(model: bytes) -> bool:
    """Say whether a file holds what was in it when it was written."""
    found = _SEALED.findall(model)
    opened = _SEALED.sub(_entry(OPEN_DIGEST), model)
    return len(found) == 1 and hashlib.sha256(opened).hexdigest().encode() == found[0]


def _entry(digest: str) -> bytes:
    return DIGEST.encode() + b"\x12\x40" + digest.encode()
