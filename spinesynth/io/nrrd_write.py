"""Write NRRD with gzip, and the names of a label map in its header as 3D Slicer reads them.

Source:
    The format: G. Kindlmann, http://teem.sourceforge.net/nrrd/format.html; fields of
    segments: 3D Slicer's documentation of ``.seg.nrrd`` files.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from spinesynth.io.raw_volume import LPS_TO_RAS, Affine, Array

_TYPES = {"u1": "uint8", "i1": "int8", "i2": "int16", "u2": "uint16", "i4": "int32"} | {
    "u4": "uint32", "f4": "float", "f8": "double",
}  # fmt: skip


def write_nrrd(
    path: Path, voxels: Array, affine: Affine, *, fields: Mapping[str, str] | None = None
) -> None:
    """Write a volume: the same one gives the same bytes.

    Args:
        path: file to write, ``.nrrd``.
        voxels: 3D, integers of up to 32 bits or floats.
        affine: 4x4, voxel index to world mm (RAS+).
        fields: key/value pairs of the header, without line breaks.
    """
    little = voxels.astype(voxels.dtype.newbyteorder("<"), copy=False)
    lps = LPS_TO_RAS @ affine
    header = {
        "type": _TYPES[little.dtype.str[1:]],
        "dimension": "3",
        "space": "left-posterior-superior",
        "sizes": " ".join(str(size) for size in voxels.shape),
        "space directions": " ".join(_vector(column) for column in lps[:3, :3].T),
        "kinds": "domain domain domain",
        "endian": "little",
        "encoding": "gzip",
        "space origin": _vector(lps[:3, 3]),
    }
    lines = ["NRRD0004", *(f"{name}: {value}" for name, value in header.items())]
    lines += [f"{name}:={value}" for name, value in (fields or {}).items()]
    data = gzip.compress(little.tobytes(order="F"), mtime=0)  # no time stamp: equal bytes
    path.write_bytes("".join(f"{line}\n" for line in [*lines, ""]).encode() + data)


def _vector(values: Array) -> str:
    """Return three numbers that are read back exactly."""
    return "(" + ",".join(repr(float(np.float64(value))) for value in values) + ")"
