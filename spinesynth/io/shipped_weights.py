"""Weights that come with the package: what there is, and whether it is whole.

They lie in ``spinesynth/weights`` beside ``index.json``, which says of each its file,
SHA-256, size and what it is in a line, and which of them is used unless another is named.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from spinesynth.errors import CheckpointError
from spinesynth.io.atomic import write_text

INDEX_NAME = "index.json"
SHIPPED_FOLDER = Path(__file__).parents[1] / "weights"
_FIELDS: dict[str, type] = {"file": str, "sha256": str, "bytes": int, "about": str}


class _Entry(TypedDict):
    """What it says of one file."""

    file: str
    sha256: str
    bytes: int
    about: str


class _Index(TypedDict):
    """What ``index.json`` holds."""

    default: str | None
    weights: dict[str, _Entry]


@dataclass(frozen=True)
class ShippedWeights:
    """Name one file of weights.

    Args:
        name: that ``--weights`` takes.
        path: of the file.
        sha256: of its bytes, 64 hexadecimal digits.
        size_bytes: of the file.
        about: what they are, in a line.
        is_default: whether they are used where none are named.
    """

    name: str
    path: Path
    sha256: str
    size_bytes: int
    about: str
    is_default: bool


def list_weights(folder: Path = SHIPPED_FOLDER) -> list[ShippedWeights]:
    """Return the weights of an index in order of name; none where there is no index.

    Args:
        folder: of the index and its files.

    Raises:
        CheckpointError: if the index is damaged.
    """
    index = _read_index(folder)
    return [
        ShippedWeights(
            name, folder / entry["file"], entry["sha256"], entry["bytes"], entry["about"],
            name == index["default"],
        )
        for name, entry in sorted(index["weights"].items())
    ]  # fmt: skip


def find_weights(given: str | Path | None = None, *, folder: Path = SHIPPED_FOLDER) -> Path:
    """Return the file of some weights, compared with the index if they are shipped.

    Args:
        given: path of a file, name of shipped weights, or None for the default.
        folder: of the shipped ones.

    Raises:
        CheckpointError: if there are none of that name, or they are damaged.
    """
    shipped = list_weights(folder)
    if given is not None and Path(given).is_file():
        return Path(given)
    wanted = [w for w in shipped if (w.is_default if given is None else w.name == str(given))]
    if wanted:
        check_weights(wanted[0])
        return wanted[0].path
    if given is not None and Path(given).name != str(given):
        return Path(given)  # a path: whoever reads it says that it leads nowhere
    names = ", ".join(w.name for w in shipped) or "none"
    raise CheckpointError(
        f"no {'default weights' if given is None else f'weights {str(given)!r}'}: shipped are "
        f"{names}; name one of them or a file with --weights",
        code="E-CKPT-003",
    )


def check_weights(weights: ShippedWeights) -> None:
    """Compare a file with what the index says of it.

    Raises:
        CheckpointError: if it is missing, or of another size or digest.
    """
    try:
        content = weights.path.read_bytes()
    except OSError as error:
        raise _damaged(weights.path, f"cannot be read ({error.strerror})") from error
    if len(content) != weights.size_bytes:
        raise _damaged(
            weights.path, f"has {len(content)} bytes, the index says {weights.size_bytes}"
        )
    if hashlib.sha256(content).hexdigest() != weights.sha256:
        raise _damaged(weights.path, "does not have the SHA-256 of the index")


def add_weights(path: Path, *, about: str, default: bool = False) -> ShippedWeights:
    """Enter a file in the index beside it, under its name without the suffix.

    Args:
        path: of the weights.
        about: what they are, in a line.
        default: whether they shall be used where none are named; the first always are.

    Raises:
        CheckpointError: if the index is damaged.
        OutputError: if it cannot be written.
    """
    content = path.read_bytes()
    index = _read_index(path.parent)
    index["weights"][path.stem] = {
        "file": path.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "about": " ".join(about.split()),
    }
    if default or index["default"] is None:
        index["default"] = path.stem
    write_text(path.parent / INDEX_NAME, json.dumps(index, indent=2, sort_keys=True) + "\n")
    return next(w for w in list_weights(path.parent) if w.name == path.stem)


def _read_index(folder: Path) -> _Index:
    """Return an index, with all that it must say."""
    path = folder / INDEX_NAME
    if not path.is_file():
        return {"default": None, "weights": {}}
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        entries = index["weights"]
        whole = all(
            type(entry[field]) is kind and Path(entry["file"]).name == entry["file"]
            for entry in entries.values()
            for field, kind in _FIELDS.items()
        )
        if not whole or not (index["default"] is None or index["default"] in entries):
            raise ValueError("a field is of another type, or the default is not listed")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, f"cannot be used ({error})") from error
    return {"default": index["default"], "weights": entries}


def _damaged(path: Path, what: str) -> CheckpointError:
    return CheckpointError(f"{path} {what}; install the package again", code="E-CKPT-002")
