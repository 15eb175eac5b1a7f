"""Decompress gzip to its very end, believing nothing before the checksum."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from spinesynth.io.problems import InputFileError, corrupt

_LOG = logging.getLogger(__name__)

GZIP_MAGIC = b"\x1f\x8b"

_CHUNK = 1 << 20
_GZIP_WINDOW = 31  # zlib: gzip wrapper, largest window, CRC and length checked


def inflate_exactly(
    path: Path, promised_length: Callable[[bytes], int], *, head_bytes: int, start: int = 0
) -> bytes:
    """Decompress a file whose own header tells how long it must be.

    Decompression stops one byte beyond the promised length, so that a small
    file cannot unfold into gigabytes.

    Args:
        path: gzip file, one or more members.
        promised_length: takes the first decompressed bytes and returns the
            length in bytes of the whole; may refuse them.
        head_bytes: how many bytes it needs.
        start: position of the first compressed byte in the file.

    Returns:
        All decompressed bytes.

    Raises:
        InputFileError: if the file is cut, corrupt, or of another length.
    """
    content = bytearray()
    expected: int | None = None
    for chunk in _inflate(path, start):
        content += chunk
        if expected is None and len(content) >= head_bytes:
            expected = promised_length(bytes(content[:head_bytes]))
        if expected is not None and len(content) > expected:
            raise _wrong_length(path, expected, f"more than {expected}")
    if expected is None:
        expected = promised_length(bytes(content))
    if len(content) != expected:
        raise _wrong_length(path, expected, str(len(content)))
    return bytes(content)


def _inflate(path: Path, start: int) -> Iterator[bytes]:
    """Yield decompressed pieces of at most :data:`_CHUNK` bytes, members joined."""
    member, members = zlib.decompressobj(_GZIP_WINDOW), 1
    rest = b""
    with path.open("rb") as stream:
        stream.seek(start)
        while data := rest or stream.read(_CHUNK):
            if member.eof:
                data = data.lstrip(b"\0")  # gzip allows zero padding after a member
                rest = b""
                if not data:
                    continue
                member, members = _next_member(path, data), members + 1
            yield _piece(path, member, data)
            rest = member.unused_data if member.eof else member.unconsumed_tail
    while not member.eof and (piece := _piece(path, member, b"")):
        yield piece
    if not member.eof:
        raise InputFileError(
            path,
            "the file is cut short (the compressed stream has no end)",
            remedy="copy or download it again",
            code="E-FMT-002",
        )
    if members > 1:
        _LOG.warning("%s: %d gzip members were joined", path, members)


def _next_member(path: Path, data: bytes) -> zlib._Decompress:
    """Return a decompressor for what follows a member, refusing other data."""
    if not data.startswith(GZIP_MAGIC[: len(data)]):
        raise InputFileError(
            path,
            "data follow after the end of the compressed stream",
            remedy="copy or compress it again",
            code="E-FMT-004",
        )
    return zlib.decompressobj(_GZIP_WINDOW)


def _piece(path: Path, member: zlib._Decompress, data: bytes) -> bytes:
    try:
        return member.decompress(data, _CHUNK)
    except zlib.error as error:
        raise corrupt(path, error) from error


def _wrong_length(path: Path, expected: int, got: str) -> InputFileError:
    return InputFileError(
        path,
        f"the header promises {expected} bytes, the contents have {got}",
        remedy="export it again",
        code="E-FMT-004",
    )
