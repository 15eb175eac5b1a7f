"""Read NRRD (.nrrd, .nhdr) strictly: the header as text, before any voxel is.

Source:
    The format: G. Kindlmann, http://teem.sourceforge.net/nrrd/format.html (NRRD0001-5).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from spinesynth.io.gzip_stream import inflate_exactly
from spinesynth.io.input_rules import MAGNITUDE_NOTE, MAGNITUDE_REMEDY, PLAIN, InputRules
from spinesynth.io.layout import Layout, find_layout
from spinesynth.io.problems import InputFileError, bad_field, wrong_length
from spinesynth.io.raw_volume import (
    LPS_TO_RAS,
    Affine,
    RawVolume,
    check_affine,
    check_file,
    file_beside,
)
from spinesynth.io.single_slice import place_slice

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
#: Kinds of an axis that holds parts of a voxel; the others are space, time and lists.
_PARTS_OF_VOXEL = re.compile(r"vector|color|colour|point|normal|gradient|matrix|quaternion")
_COMPLEX = "complex"
#: What an axis is in "space directions".
_DIRECTION = re.compile(r"none|\([^()]*\)")
#: Fields that have two names.
_SYNONYMS = {
    "datafile": "data file", "lineskip": "line skip", "byteskip": "byte skip",
    "centers": "centerings",
}  # fmt: skip


class _Header(NamedTuple):
    """Fields by name, and the position of the first byte after the header."""

    fields: dict[str, str]
    end: int


def read_nrrd(path: Path, rules: InputRules = PLAIN) -> RawVolume:
    """Read a scalar NRRD volume; data of a ``.nhdr`` must lie beside it.

    Args:
        path: the file with the header.
        rules: what of unusual scans is read.

    Returns:
        Voxels in file order, RAS affine.

    Raises:
        InputFileError: if anything about the file is wrong; names the remedy.
    """
    check_file(path)
    with path.open("rb") as stream:
        header = _parse_header(path, stream.read(_MAX_HEADER_BYTES))
    fields = header.fields
    sizes, is_complex = _sizes(path, fields), _is_complex(path, fields, rules)
    layout = find_layout(
        path, sizes[is_complex:], rules, interleaved=_lists_first(fields, is_complex)
    )
    dtype = _dtype(path, fields)
    data, start = path, header.end
    if "data file" in fields:
        data, start = file_beside(path, fields["data file"]), 0
    affine, told = _affine(path, fields, layout)
    check_affine(path, affine, sheared=rules.deshear)
    length = layout.voxels * dtype.itemsize * (1 + is_complex)
    voxels = np.frombuffer(_bytes(data, start, fields, length), dtype=dtype)
    if is_complex:
        voxels, told = np.hypot(voxels[::2], voxels[1::2]), (*told, MAGNITUDE_NOTE)
    return RawVolume(path, layout.pick(voxels), affine, converted=(*layout.converted, *told))


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


def _kinds(fields: Mapping[str, str]) -> list[str]:
    """Return what each axis is, in lower case; nothing where the header does not tell."""
    return fields.get("kinds", "").lower().split()


def _is_complex(path: Path, fields: Mapping[str, str], rules: InputRules) -> bool:
    """Say whether the first axis holds the parts of complex numbers, refusing other parts."""
    kinds = _kinds(fields)
    others = [kind for kind in kinds if _PARTS_OF_VOXEL.search(kind)]
    is_complex = _COMPLEX in kinds
    if others or (is_complex and not rules.magnitude):
        raise InputFileError(
            path,
            f"voxels must be plain numbers, got the kinds '{fields['kinds'][:80]}'",
            remedy="convert it to a plain scalar volume" if others else MAGNITUDE_REMEDY,
            code="E-FMT-006",
        )
    if is_complex and (kinds[0] != _COMPLEX or fields["sizes"].split()[0] != "2"):
        raise bad_field(path, "kinds", fields["kinds"])
    return is_complex


def _lists_first(fields: Mapping[str, str], is_complex: bool) -> bool:
    """Say whether the axis of several volumes is the first one (after that of the parts)."""
    directions = _DIRECTION.findall(fields.get("space directions", ""))[is_complex:]
    if len(directions) == 4:
        return bool(directions[0] == "none")
    return _kinds(fields)[is_complex:][:1] in (["list"], ["time"])


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


def _affine(
    path: Path, fields: Mapping[str, str], layout: Layout
) -> tuple[Affine, tuple[str, ...]]:
    """Return the RAS affine by the directions of the axes, or their spacings alone."""
    _check_units(path, fields)
    if layout.is_slice:
        return _slice_affine(path, fields)
    affine = np.eye(4)
    if "space directions" not in fields:
        affine[:3, :3] = np.diag(_spacings(path, fields, layout))
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
    return world @ affine, ()


def _slice_affine(path: Path, fields: Mapping[str, str]) -> tuple[Affine, tuple[str, ...]]:
    """Return the affine of a 2D image, which may lie in space or on paper."""
    placed: Affine | None = None
    spacing_mm = np.ones(2)
    world = _SPACES.get(fields.get("space", "").lower())
    if "space directions" in fields:
        rows = _directions(path, fields["space directions"], axes=2, dims=2 if world is None else 3)
        spacing_mm = np.linalg.norm(rows, axis=1)
        if world is not None:
            placed = np.eye(4)
            placed[:3, :3] = np.stack([*rows, np.zeros(3)], axis=1)
            placed[:3, 3] = _vector(path, "space origin", fields.get("space origin", "(0,0,0)"))
            placed = world @ placed
    elif "spacings" in fields:
        spacing_mm = _vector(path, "spacings", fields["spacings"], separator=None, count=2)
    return place_slice(path, spacing_mm, placed)


def _spacings(path: Path, fields: Mapping[str, str], layout: Layout) -> Affine:
    """Return the spacings of the three axes of a volume, 1 where none are told."""
    words = fields.get("spacings", "1 1 1").replace("NaN", "nan").split()
    if layout.volumes > 1 and len(words) == 4:
        words = words[1:] if layout.interleaved else words[:3]
    return _vector(path, "spacings", " ".join(words), separator=None)


def _directions(path: Path, text: str, *, axes: int = 3, dims: int = 3) -> Affine:
    """Return one row for each axis of space; ``none`` stands for those that are none."""
    words = _DIRECTION.findall(text)
    rows = [row for row in words if row != "none"]
    if len(rows) != axes or _DIRECTION.sub("", text).strip():
        raise bad_field(path, "space directions", text)
    return np.stack([_vector(path, "space directions", row, count=dims) for row in rows])


def _vector(
    path: Path, name: str, text: str, *, separator: str | None = ",", count: int = 3
) -> Affine:
    """Return some numbers, as ``(1,2,3)`` or with another separator and no brackets."""
    plain = text.strip()
    if separator:
        if not (plain.startswith("(") and plain.endswith(")")):
            raise bad_field(path, name, text)
        plain = plain[1:-1]
    try:
        values = np.array([float(word) for word in plain.split(separator)], dtype=np.float64)
    except ValueError as error:
        raise bad_field(path, name, text) from error
    if len(values) != count:
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


def _bytes(path: Path, start: int, fields: Mapping[str, str], expected: int) -> bytes:
    """Return exactly the bytes that the header promises."""
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
