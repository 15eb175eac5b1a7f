"""Read the files of a zip archive in memory, refusing what archives are abused for.

Nothing is unpacked to the disk, so a member's name leads nowhere; names that would lead out
of the archive are refused all the same, as a sign of somebody's intent.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from spinesynth.io.problems import InputFileError
from spinesynth.io.raw_volume import check_file

#: Most files in an archive.
MAX_MEMBERS = 2000
#: Largest sum of their sizes, unpacked.
MAX_UNPACKED_BYTES = 2**30
#: Largest ratio of that sum to the archive's own size. A sheet of zeros alone may exceed it,
#: a whole scan with its noise never comes near.
MAX_RATIO = 100

ZIP_MAGIC = b"PK\x03\x04"

#: The record that ends an archive: signature, disks, counts, size and place of the directory.
_END = struct.Struct("<4s4H2LH")
_END_MAGIC = b"PK\x05\x06"
_MAX_COMMENT = 2**16
#: Size of the directory of an archive with that many members and long names.
_MAX_DIRECTORY_BYTES = MAX_MEMBERS * 1024

_ENCRYPTED = 0x1
_REMEDY = "pack the scan's files alone into a new zip archive"


def read_zip(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and contents of each file in an archive, sorted by name.

    Args:
        path: the archive.

    Yields:
        Path within the archive, and the unpacked bytes, their checksum right.

    Raises:
        InputFileError: if the archive is damaged, encrypted, or holds what no scan needs:
            names that lead out of it, links, other archives, too much.
    """
    check_file(path)
    _check_directory(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = sorted(archive.infolist(), key=lambda member: member.filename)
            _check_members(path, members)
            for member in members:
                if not member.is_dir():
                    yield member.filename, _contents(path, archive, member)
    except zipfile.BadZipFile as error:
        raise _refused(path, f"not a whole zip archive ({error})", code="E-ZIP-001") from error


def _contents(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    try:
        contents = archive.read(member)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        problem = f"'{member.filename}' cannot be unpacked ({error})"
        raise _refused(path, problem, code="E-ZIP-001") from error
    if contents.startswith(ZIP_MAGIC):
        raise _refused(path, f"'{member.filename}' is an archive itself", code="E-ZIP-006")
    return contents


def _check_directory(path: Path) -> None:
    """Refuse too long a directory before it is parsed, which takes time and memory."""
    with path.open("rb") as stream:
        size = path.stat().st_size
        stream.seek(max(0, size - _END.size - _MAX_COMMENT))
        tail = stream.read()
    start = tail.rfind(_END_MAGIC)
    if start < 0 or len(tail) - start < _END.size:
        raise _refused(path, "not a whole zip archive (it has no end)", code="E-ZIP-001")
    _, _, _, _, count, directory_bytes, _, _ = _END.unpack_from(tail, start)
    if count > MAX_MEMBERS or directory_bytes > _MAX_DIRECTORY_BYTES:
        raise _refused(
            path, f"at most {MAX_MEMBERS} members are read, got {count} or more", code="E-ZIP-003"
        )


def _check_members(path: Path, members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MAX_MEMBERS:
        raise _refused(
            path, f"at most {MAX_MEMBERS} members are read, got {len(members)}", code="E-ZIP-003"
        )
    for member in members:
        _check_member(path, member)
    unpacked, packed = sum(m.file_size for m in members), path.stat().st_size
    if unpacked > MAX_UNPACKED_BYTES:
        raise _refused(
            path,
            f"at most {MAX_UNPACKED_BYTES / 2**30:g} GiB are unpacked, got "
            f"{unpacked / 2**30:.1f} GiB",
            code="E-ZIP-004",
        )
    if unpacked > MAX_RATIO * packed:
        raise _refused(
            path,
            f"the contents may be at most {MAX_RATIO} times larger than the archive, got "
            f"{unpacked / packed:.0f} times",
            code="E-ZIP-004",
        )


def _check_member(path: Path, member: zipfile.ZipInfo) -> None:
    name = member.filename.replace("\\", "/")
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or ":" in (parts[0] if parts else ""):
        raise _refused(path, f"'{member.filename}' leads out of the archive", code="E-ZIP-002")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise _refused(path, f"'{member.filename}' is a link", code="E-ZIP-002")
    if member.flag_bits & _ENCRYPTED:
        raise _refused(path, f"'{member.filename}' is encrypted", code="E-ZIP-005")
    if name.lower().endswith(".zip"):
        raise _refused(path, f"'{member.filename}' is an archive itself", code="E-ZIP-006")


def _refused(path: Path, problem: str, *, code: str) -> InputFileError:
    return InputFileError(path, problem, remedy=_REMEDY, code=code)
