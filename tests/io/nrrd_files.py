"""NRRD files made without the code that is tested."""

from __future__ import annotations

import gzip

import numpy as np

from tests.fabricate import Array, turned

_TYPES = {"i2": "short", "u1": "unsigned char", "f4": "float", "i4": "int"}


def nrrd_bytes(
    volume: Array, orientation: str = "LPS", *, encoding: str | None = "gzip", **fields: str | None
) -> bytes:
    """Return a RAS volume as a ``.nrrd`` file with its axes turned.

    Args:
        volume: RAS.
        orientation: directions of the file's axes.
        encoding: ``gzip`` or ``raw``.
        **fields: header fields to write instead of the right ones, ``_`` for blanks; None
            leaves one out.
    """
    voxels, affine = turned(volume, orientation)
    lps = np.diag([-1, -1, 1, 1]) @ affine
    header: dict[str, str | None] = {
        "type": _TYPES[voxels.dtype.str[1:]],
        "dimension": "3",
        "space": "left-posterior-superior",
        "sizes": " ".join(map(str, voxels.shape)),
        "space directions": " ".join(_vector(column) for column in lps[:3, :3].T),
        "endian": "little",
        "encoding": encoding,
        "space origin": _vector(lps[:3, 3]),
    }
    header |= {name.replace("_", " "): value for name, value in fields.items()}
    lines = ["NRRD0004", "# a remark", "a key:=a value: of somebody"]
    lines += [f"{name}: {value}" for name, value in header.items() if value is not None]
    data = voxels.tobytes(order="F")
    return "\n".join([*lines, "", ""]).encode() + (
        gzip.compress(data) if encoding == "gzip" else data
    )


def _vector(values: Array) -> str:
    return "(" + ",".join(str(float(value)) for value in values) + ")"
