"""Read NRRD (.nrrd, .nhdr) strictly: the header as text, before any voxel is.

Source:
    The format: G. Kindlmann, http://teem.sourceforge.net/nrrd/format.html (NRRD0001-5).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from spinesynth.io.gzip_stream import inflate_exactly
from spinesynth.io.problems import InputFileError, bad_field, wrong_length
from spinesynth.io.raw_volume import (
    LPS_TO_RAS,
    Affine,
    RawVolume,
    check_affine,
    check_file,
    check_shape,
    file_beside,
)

_LOG = logging.getLogger(__name__)

_MAGICS = tuple(f"NRRD000{version}" for version in range(1, 6))
#: Segmentations of 3D Slicer carry long notes in their headers.
_MAX_HEADER_BYTES = 1 << 20

_INTEGERS: dict[str, tuple[str, ...]] = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": (
        "longlong", "long long", "long long int", "signed long long", "signed long long int",
        "int64", "int64_t",
    ),
    "u8": (
        "ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t",
    ),
}  # fmt: skip
_TYPES = {name: code for code, names in _INTEGERS.items() for name in names}
_TYPES |= {"float": "f4", "double": "f8"}

_SPACES: dict[str, Affine] = {
    "left-posterior-superior": LPS_TO_RAS,
    "lps": LPS_TO_RAS,
    "right-anterior-superior": np.eye(4),
    "ras": np.eye(4),
    "left-anterior-superior": np.diag([-1.0, 1.0, 1.0, 1.0]),
    "las": np.diag([-1.0, 1.0, 1.0, 1.0]),
}
_GZIP = ("gzip", "gz")
#: Fields that have two names.
_SYNONYMS = {
    "datafile": "data file", "lineskip": "line skip", "byteskip": "byte skip",
    "centers": "centerings",
}  # fmt: skip


class _Header(NamedTuple):
    """Fields by name, and the position of the first byte after the header."""

    fields: dict[str, str]
    end: int


def read_nrrd(path: Path) -> RawVolume:
    """Read a scalar NRRD volume; data of a ``.nhdr`` must lie beside it.

    Args:
        path: the file with the header.

    Returns:
        Voxels in file order, RAS affine.

    Raises:
        InputFileError: if anything about the file is wrong; names the remedy.
    """
    check_file(path)
    with path.open("rb") as stream:
        header = _parse_header(path, stream.read(_MAX_HEADER_BYTES))
    fields = header.fields
    shape = check_shape(path, _sizes(path, fields))
    dtype = _dtype(path, fields)
    affine = _affine(path, fields)
    check_affine(path, affine)
    data, start = path, header.end
    if "data file" in fields:
        data, start = file_beside(path, fields["data file"]), 0
    voxels = np.frombuffer(_bytes(data, start, fields, shape, dtype), dtype=dtype)
    return RawVolume(path, voxels.reshape(shape, order="F"), affine)


def _parse_header(path: Path, head: bytes) -> _Header:
    """Return the header's fields up to the empty line."""
    lines: list[str] = []
    position, ended = 0, False
    while not ended and position < len(head):
        end = head.find(b"\n", position)
        end = len(head) if end < 0 else end  # the header alone may end without an empty line
        line = head[position:end].decode("latin-1").rstrip("\r")
        position, ended = end + 1, not line
        lines += [line] if line else []
    if not lines or lines[0] not in _MAGICS or not (ended or len(head) < _MAX_HEADER_BYTES):
        raise InputFileError(
            path,
            "not a NRRD file (no header of NRRD0001 to NRRD0005 up to an empty line)",
            remedy="export it as .nrrd",
            code="E-FMT-001",
        )
    return _Header(_fields(path, lines[1:]), position)


def _fields(path: Path, lines: list[str]) -> dict[str, str]:
    """Return the fields of a header; comments and key/value pairs say nothing of voxels."""
    fields: dict[str, str] = {}
    for line in lines:
        name, separator, value = line.partition(": ")
        if line.startswith("#") or ":=" in line.split(": ")[0] or not line.strip():
            continue
        if not separator:
            raise bad_field(path, line, "no value")
        name = _SYNONYMS.get(name.strip().lower(), name.strip().lower())
        if name in fields:
            raise bad_field(path, name, "two values")
        fields[name] = value.strip()
    for name, allowed in (("line skip", "0"), ("byte skip", "0")):
        if fields.get(name, allowed) != allowed:
            raise bad_field(path, name, fields[name])
    return fields


def _sizes(path: Path, fields: Mapping[str, str]) -> tuple[int, ...]:
    """Return the sizes of the axes, of which the header must name as many as it says."""
    text = fields.get("sizes", "nothing")
    try:
        sizes = tuple(int(word) for word in text.split())
    except ValueError as error:
        raise bad_field(path, "sizes", text) from error
    if fields.get("dimension", "nothing") != str(len(sizes)):
        raise bad_field(path, "dimension", fields.get("dimension", "nothing"))
    return sizes


def _dtype(path: Path, fields: Mapping[str, str]) -> np.dtype[Any]:
    name = fields.get("type", "nothing").lower()
    if name not in _TYPES:
        raise InputFileError(
            path,
            f"type must be an integer or float of up to 64 bits, got '{name[:80]}'",
            remedy="convert it to a plain scalar volume",
            code="E-FMT-006",
        )
    endian = fields.get("endian", "little" if _TYPES[name].endswith("1") else "nothing").lower()
    if endian not in ("little", "big"):
        raise bad_field(path, "endian", endian)
    return np.dtype((">" if endian == "big" else "<") + _TYPES[name])


def _affine(path: Path, fields: Mapping[str, str]) -> Affine:
    """Return the RAS affine by the directions of the axes, or their spacings alone."""
    _check_units(path, fields)
    affine = np.eye(4)
    if "space directions" not in fields:
        spacings = fields.get("spacings", "1 1 1").replace("NaN", "nan")
        affine[:3, :3] = np.diag(_vector(path, "spacings", spacings, separator=None))
        _LOG.warning("%s: no space directions, axes are assumed to be LPS", path)
        world = LPS_TO_RAS
    else:
        name = fields.get("space", "nothing").lower()
        if name not in _SPACES:
            raise InputFileError(
                path,
                f"space must be one of {', '.join(_SPACES)}, got '{name[:80]}'",
                remedy="export it with an anatomical space",
                code="E-FMT-005",
            )
        world = _SPACES[name]
        affine[:3, :3] = _directions(path, fields["space directions"]).T
        affine[:3, 3] = _vector(path, "space origin", fields.get("space origin", "(0,0,0)"))
    ras: Affine = world @ affine
    return ras


def _directions(path: Path, text: str) -> Affine:
    """Return one row for each of three axes; ``none`` stands for trailing ones of size 1."""
    words = [word for word in text.replace(") (", ")|(").replace(" ", "").split("|") if word]
    rows = [row.removesuffix("none") for row in words]
    if len(rows) != 3 or any(not row for row in rows):
        raise bad_field(path, "space directions", text)
    return np.stack([_vector(path, "space directions", row) for row in rows])


def _vector(path: Path, name: str, text: str, *, separator: str | None = ",") -> Affine:
    """Return three numbers, as ``(1,2,3)`` or with another separator and no brackets."""
    plain = text.strip()
    if separator:
        if not (plain.startswith("(") and plain.endswith(")")):
            raise bad_field(path, name, text)
        plain = plain[1:-1]
    try:
        values = np.array([float(word) for word in plain.split(separator)], dtype=np.float64)
    except ValueError as error:
        raise bad_field(path, name, text) from error
    if len(values) != 3:
        raise bad_field(path, name, text)
    return values


def _check_units(path: Path, fields: Mapping[str, str]) -> None:
    """Refuse another unit of space than mm."""
    for name in ("space units", "units"):
        words = [word for word in fields.get(name, "").replace('"', " ").split() if word]
        other = [word for word in words if word.lower() not in ("mm", "millimeter", "millimeters")]
        if other:
            raise InputFileError(
                path,
                f"the unit of space must be mm, got {', '.join(other)[:80]}",
                remedy="export the spacing in mm",
                code="E-GEOM-005",
            )


def _bytes(
    path: Path, start: int, fields: Mapping[str, str], shape: tuple[int, ...], dtype: np.dtype[Any]
) -> bytes:
    """Return exactly the bytes that the header promises."""
    expected = math.prod(shape) * dtype.itemsize
    encoding = fields.get("encoding", "nothing").lower()
    if encoding in _GZIP:
        return inflate_exactly(path, lambda _: expected, head_bytes=0, start=start)
    if encoding != "raw":
        raise InputFileError(
            path,
            f"encoding must be raw or gzip, got '{encoding[:80]}'",
            remedy="export it with gzip compression or none",
            code="E-FMT-005",
        )
    held = path.stat().st_size - start
    if held != expected:
        raise wrong_length(path, expected, held)
    with path.open("rb") as stream:
        stream.seek(start)
        return stream.read(expected)
