"""Read MetaImage (.mha, .mhd) strictly, without any library's silence.

SimpleITK returns wrong voxels for a flipped bit in compressed ``.mha`` data
(the checksum is ignored) and follows ``ElementDataFile`` to any path. Here the
header is read as text before anything else, the data must be in the same file
(.mha) or in one beside it (.mhd), their length must be exact and their checksum
right.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from spinesynth.io.input_rules import PLAIN, InputRules
from spinesynth.io.layout import Layout, find_layout
from spinesynth.io.problems import InputFileError, bad_field, corrupt, wrong_length
from spinesynth.io.raw_volume import (
    LPS_TO_RAS,
    Affine,
    RawVolume,
    check_affine,
    check_file,
    file_beside,
)
from spinesynth.io.single_slice import place_slice

_TYPES: dict[str, str] = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}

#: The header ends with this key; its data begin on the next line.
_LAST_KEY = "ElementDataFile"
_LOCAL = "LOCAL"
_MAX_HEADER_BYTES = 1 << 16

#: Spellings that writers use for one thing.
_SYNONYMS = {
    "Position": "Offset",
    "Origin": "Offset",
    "Orientation": "TransformMatrix",
    "Rotation": "TransformMatrix",
    "ElementByteOrderMSB": "BinaryDataByteOrderMSB",
}


def read_metaimage(path: Path, rules: InputRules = PLAIN) -> RawVolume:
    """Read a MetaImage volume whose data are in the same file (.mha) or beside it (.mhd).

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
        header, start = _parse_header(path, stream.read(_MAX_HEADER_BYTES))
    sizes = tuple(_integers(path, header, "DimSize"))
    layout = find_layout(path, sizes, rules)
    _check_kind(path, header, len(sizes))
    dtype = _dtype(path, header)
    affine, told = _affine(path, header, layout, len(sizes))
    check_affine(path, affine, sheared=rules.deshear)
    expected = layout.voxels * dtype.itemsize
    data = memoryview(_data(path, header, start))
    if _is_true(header.get("CompressedData", "False")):
        data = memoryview(_inflate(path, data, expected))
    if len(data) != expected:
        raise wrong_length(path, expected, len(data))
    voxels = layout.pick(np.frombuffer(data, dtype=dtype))
    return RawVolume(path, voxels, affine, converted=(*layout.converted, *told))


def _parse_header(path: Path, head: bytes) -> tuple[dict[str, str], int]:
    """Return the header's fields and the position of the first data byte."""
    fields: dict[str, str] = {}
    position = 0
    while _LAST_KEY not in fields:
        end = head.find(b"\n", position)
        line = head[position:end].decode("latin-1") if end >= 0 else ""
        key, separator, value = line.partition("=")
        if not separator:
            raise InputFileError(
                path,
                "not a MetaImage file (no header up to ElementDataFile)",
                remedy="export it as .mha",
                code="E-FMT-001",
            )
        name = _SYNONYMS.get(key.strip(), key.strip())
        fields[name] = value.strip()
        position = end + 1
    return fields, position


def _data(path: Path, header: Mapping[str, str], start: int) -> bytes:
    """Return all bytes of the data, which begin in the header's file or fill another."""
    if header[_LAST_KEY] == _LOCAL:
        with path.open("rb") as stream:
            stream.seek(start)
            return stream.read()
    if header.get("HeaderSize", "0") != "0":
        raise bad_field(path, "HeaderSize", header["HeaderSize"])
    return file_beside(path, header[_LAST_KEY]).read_bytes()


def _check_kind(path: Path, header: Mapping[str, str], dims: int) -> None:
    """Refuse data elsewhere, text data, colour, and a contradictory NDims."""
    if path.suffix.lower() != ".mhd" and header[_LAST_KEY] != _LOCAL:
        raise InputFileError(
            path,
            f"the data must be in the same file (ElementDataFile = LOCAL), "
            f"got '{header[_LAST_KEY]}'",
            remedy="export it as a single .mha file",
            code="E-FMT-005",
        )
    channels = header.get("ElementNumberOfChannels", "1")
    if channels != "1":
        raise InputFileError(
            path,
            f"voxels must have 1 channel, got {channels}",
            remedy="convert it to a plain scalar volume",
            code="E-FMT-006",
        )
    if header.get("NDims", "3") != str(dims) or not _is_true(header.get("BinaryData", "True")):
        raise InputFileError(
            path,
            f"the header must say NDims = {dims} and BinaryData = True",
            remedy="export it again",
            code="E-FMT-005",
        )


def _dtype(path: Path, header: Mapping[str, str]) -> np.dtype[Any]:
    name = header.get("ElementType", "nothing")
    if name not in _TYPES:
        raise InputFileError(
            path,
            f"ElementType must be one of {', '.join(_TYPES)}, got {name}",
            remedy="convert it to a plain scalar volume",
            code="E-FMT-006",
        )
    big = _is_true(header.get("BinaryDataByteOrderMSB", "False"))
    return np.dtype((">" if big else "<") + _TYPES[name])


def _affine(
    path: Path, header: Mapping[str, str], layout: Layout, dims: int
) -> tuple[Affine, tuple[str, ...]]:
    """Return the RAS affine; TransformMatrix holds one axis direction per row."""
    ones, none = " ".join("1" * dims), " ".join("0" * dims)
    unit = " ".join(str(int(value)) for value in np.eye(dims).ravel())
    spacing_mm = _floats(path, header, "ElementSpacing", count=dims, default=ones)
    rows = _floats(path, header, "TransformMatrix", count=dims**2, default=unit)
    offset = _floats(path, header, "Offset", count=dims, default=none)
    if layout.is_slice:  # its plane has no place in the body
        return place_slice(path, spacing_mm, None)
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(rows, (dims, dims))[:3, :3].T * spacing_mm[:3]
    affine[:3, 3] = offset[:3]
    if (spacing_mm[:3] <= 0).any():
        raise InputFileError(
            path,
            f"ElementSpacing must be positive, got {spacing_mm.tolist()} mm",
            remedy="repair the header",
            code="E-GEOM-005",
        )
    return LPS_TO_RAS @ affine, ()


def _inflate(path: Path, data: memoryview, expected: int) -> bytes:
    """Decompress zlib data of a known length, checksum included."""
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(data, expected + 1)
        content += stream.decompress(stream.unconsumed_tail, 1)  # lets the checksum be read
    except zlib.error as error:
        raise corrupt(path, error) from error
    if not stream.eof and len(content) <= expected:
        raise InputFileError(
            path,
            "the file is cut short (the compressed voxels have no end)",
            remedy="copy or download it again",
            code="E-FMT-002",
        )
    if stream.unused_data:
        raise wrong_length(path, expected, len(content) + len(stream.unused_data))
    return content


def _integers(path: Path, header: Mapping[str, str], key: str) -> list[int]:
    try:
        return [int(word) for word in header[key].split()]
    except (KeyError, ValueError) as error:
        raise bad_field(path, key, header.get(key, "nothing")) from error


def _floats(path: Path, header: Mapping[str, str], key: str, *, count: int, default: str) -> Affine:
    text = header.get(key, default)
    try:
        values = np.array([float(word) for word in text.split()], dtype=np.float64)
    except ValueError as error:
        raise bad_field(path, key, text) from error
    if len(values) != count:
        raise bad_field(path, key, text)
    return values


def _is_true(text: str) -> bool:
    return text.lower() in {"true", "t", "1", "yes"}
