"""Files of tensors that are mapped into memory: read where they are needed, damage told.

A file holds a mark, the length of its header, a SHA-256 of all the rest, the header as
JSON, and the voxels of each tensor at an offset of whole cache lines.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spinesynth.io.atomic import atomic_write

_MARK = b"spinesynth-map-1"
_START = struct.Struct("<16sQ32s")  # mark, bytes of the header, digest
_DIGEST_BYTES = 32
_ALIGN = 64
_DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (torch.uint8, torch.int16, torch.int32, torch.int64, torch.float32, torch.float64)
}


class DamagedFileError(ValueError):
    """Say that a file is not what was written: to be made again, never trusted."""


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors to a file, in one piece.

    Args:
        path: of the file; an older one stays until the new one is complete.
        tensors: plain ones by name, of whole numbers or floats.

    Raises:
        OutputError: if the disk refuses it.
    """
    entries: dict[str, Any] = {}
    blocks, size = [], 0
    for name, tensor in tensors.items():
        voxels = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        padding = b"\0" * (-len(voxels) % _ALIGN)
        dtype = str(tensor.dtype).removeprefix("torch.")
        entries[name] = {"dtype": dtype, "shape": list(tensor.shape), "offset": size}
        blocks += [voxels, padding]
        size += len(voxels) + len(padding)
    header = json.dumps({"tensors": entries, "bytes": size}).encode()
    header += b" " * (-(len(header) + _START.size) % _ALIGN)
    digest = hashlib.sha256(_START.pack(_MARK, len(header), b"")[:-_DIGEST_BYTES])
    for block in (header, *blocks):
        digest.update(block)
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        file.write(_START.pack(_MARK, len(header), digest.digest()))
        file.write(header)
        file.writelines(blocks)


def check_tensors(path: Path) -> None:
    """Read a whole file and compare it with its digest.

    Raises:
        DamagedFileError: if it is missing, torn, changed or of another kind.
    """
    try:
        with path.open("rb") as file:
            start = file.read(_START.size)
            _, wanted, _ = _read_header(path, start)
            found = hashlib.sha256(start[:-_DIGEST_BYTES])
            while block := file.read(1 << 20):
                found.update(block)
    except OSError as error:
        raise DamagedFileError(f"{path} cannot be read: {error}") from error
    if found.digest() != wanted:
        raise DamagedFileError(f"{path} does not hold what was written")


def map_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file, mapped: voxels are read when they are used.

    What is written into them stays in this process. The size of the file is checked,
    its content only by :func:`check_tensors`.

    Raises:
        DamagedFileError: if it is missing, torn or of another kind.
    """
    try:
        content = np.memmap(path, dtype=np.uint8, mode="c")
        length, _, size = _read_header(path, content[: _START.size].tobytes())
        start = _START.size + length
        header = json.loads(content[_START.size : start].tobytes())
        if size != start + header["bytes"]:
            raise DamagedFileError(f"{path} is torn: {size} bytes")
        return {
            name: _tensor(content[start + entry["offset"] :], entry)
            for name, entry in header["tensors"].items()
        }
    except DamagedFileError:
        raise
    except (OSError, KeyError, TypeError, ValueError) as error:  # an empty file, a foreign header
        raise DamagedFileError(f"{path} cannot be read: {error}") from error


def _read_header(path: Path, start: bytes) -> tuple[int, bytes, int]:
    """Return the bytes of the header, the digest and the size of the file."""
    size = path.stat().st_size
    if len(start) != _START.size:
        raise DamagedFileError(f"{path} is torn: {size} bytes")
    mark, length, digest = _START.unpack(start)
    if mark != _MARK or _START.size + length > size:
        raise DamagedFileError(f"{path} is no file of tensors of this version")
    return length, digest, size


def _tensor(content: NDArray[np.uint8], entry: Mapping[str, Any]) -> Tensor:
    dtype = _DTYPES[entry["dtype"]]
    count = math.prod(entry["shape"]) * dtype.itemsize
    return torch.from_numpy(content[:count]).view(dtype).reshape(entry["shape"])
