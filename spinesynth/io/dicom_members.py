"""Find the DICOM files of a folder, a zip archive, or a single file."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from spinesynth.io.problems import InputFileError, unreadable
from spinesynth.io.raw_volume import MAX_DECODED_BYTES, check_file
from spinesynth.io.zip_archive import read_zip

#: A DICOM file begins with 128 bytes of anything and this.
DICOM_MAGIC = b"DICM"
_PREAMBLE_BYTES = 128
_HEAD_BYTES = _PREAMBLE_BYTES + len(DICOM_MAGIC)

#: Most files that are looked at in a folder.
MAX_FILES = 20_000

#: Names that promise a DICOM file: by suffix, by a number as suffix (a UID), or without suffix.
_DICOM_SUFFIXES = frozenset({".dcm", ".dicom", ".ima"})
_NUMBER = re.compile(r"\.\d+")
#: What viewers and disks add without a suffix.
_COMPANIONS = frozenset({"DICOMDIR", "LOCKFILE", "VERSION", "README", "LICENSE", "AUTHORS"})

#: How a data set without preamble begins: group 2 or 8, little-endian.
_BARE_STARTS = (b"\x02\x00", b"\x08\x00")


@dataclass(frozen=True)
class Member:
    """Name one DICOM file and give its bytes.

    Args:
        name: path, within the folder or archive if there is one.
        read: returns the whole file.
    """

    name: str
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Members:
    """Hold what was found.

    Args:
        files: the DICOM files, sorted by name.
        ignored: names of other files.
    """

    files: tuple[Member, ...]
    ignored: tuple[str, ...]


def has_dicom_magic(path: Path) -> bool:
    """Say whether a regular file begins as a DICOM file does."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(_HEAD_BYTES)[_PREAMBLE_BYTES:] == DICOM_MAGIC


def find_members(path: Path, *, untrusted: bool = False) -> Members:
    """List the DICOM files behind a path.

    Args:
        path: folder (searched to its depths), ``.zip`` archive, or DICOM file.
        untrusted: whether links in a folder are refused instead of followed.

    Returns:
        DICOM files and the names of the others; a DICOMDIR is never followed.

    Raises:
        InputFileError: if there is none, or one has lost its preamble.
    """
    if path.is_dir():
        found = [
            (name, _start(file), _reader(file)) for name, file in _walk(path, untrusted=untrusted)
        ]
    elif path.name.lower().endswith(".zip"):
        found = [
            (name, contents[:_HEAD_BYTES], _holder(contents)) for name, contents in read_zip(path)
        ]
    else:
        check_file(path)
        if path.name.upper() == "DICOMDIR":
            raise _directory_file(path)
        _check_magic(path, "the file", _start(path))
        return Members((Member(path.name, _reader(path)),), ())
    return _select(path, found)


def _select(path: Path, found: list[tuple[str, bytes, Callable[[], bytes]]]) -> Members:
    files, ignored = [], []
    for name, head, read in found:
        if _is_companion(name):
            ignored.append(name)
        elif _claims_dicom(name, head):
            _check_magic(path, name, head)
            files.append(Member(name, read))
        else:
            ignored.append(name)
    if not files:
        if any(PurePosixPath(name).name.upper() == "DICOMDIR" for name in ignored):
            raise _directory_file(path)
        raise InputFileError(
            path,
            f"no DICOM file among {len(ignored)} files",
            remedy="give the folder or archive that holds the series",
            code="E-DCM-002",
        )
    return Members(tuple(files), tuple(ignored))


def _is_companion(name: str) -> bool:
    """Say whether a name is hidden, or one that viewers add."""
    parts = PurePosixPath(name).parts
    return any(part.startswith((".", "__MACOSX")) for part in parts) or (
        parts[-1].upper() in _COMPANIONS
    )


def _claims_dicom(name: str, head: bytes) -> bool:
    suffix = PurePosixPath(name).suffix.lower()
    promised = suffix in _DICOM_SUFFIXES or not suffix or bool(_NUMBER.fullmatch(suffix))
    return promised or head[_PREAMBLE_BYTES:] == DICOM_MAGIC or head.startswith(_BARE_STARTS)


def _check_magic(path: Path, name: str, head: bytes) -> None:
    if head[_PREAMBLE_BYTES:_HEAD_BYTES] != DICOM_MAGIC:
        raise InputFileError(
            path,
            f"{name} is no DICOM file (128 bytes and 'DICM' must come first)",
            remedy="export it again as a DICOM file, or take it out",
            code="E-DCM-003",
        )


def _directory_file(path: Path) -> InputFileError:
    return InputFileError(
        path,
        "a DICOMDIR is a list of files, which is not followed",
        remedy="give the folder that holds the images of one series",
        code="E-DCM-004",
    )


def _walk(folder: Path, *, untrusted: bool) -> Iterator[tuple[str, Path]]:
    """Yield the regular files of a folder and those below, sorted by name."""
    found: list[Path] = []
    for parent, folders, names in os.walk(folder):
        folders.sort()
        found += [Path(parent) / name for name in names]
        if len(found) > MAX_FILES:
            raise InputFileError(
                folder,
                f"at most {MAX_FILES} files are searched, got more",
                remedy="give the folder of one series",
                code="E-DCM-002",
            )
    for file in sorted(found):
        name = file.relative_to(folder).as_posix()
        if untrusted and file.is_symlink():
            raise InputFileError(
                folder, f"{name} is a link", remedy="give the files themselves", code="E-IN-002"
            )
        try:
            regular = stat.S_ISREG(file.stat().st_mode)
        except OSError as error:
            raise unreadable(file, error) from error
        if not regular:  # a pipe would be waited for without end
            raise InputFileError(
                folder, f"{name} is no regular file", remedy="take it out", code="E-IN-002"
            )
        yield name, file


def _start(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(_HEAD_BYTES)
    except OSError as error:
        raise unreadable(file, error) from error


def _reader(file: Path) -> Callable[[], bytes]:
    def read() -> bytes:
        size = file.stat().st_size
        if size > MAX_DECODED_BYTES:
            raise InputFileError(
                file,
                f"at most {MAX_DECODED_BYTES / 2**30:g} GiB are read, got {size / 2**30:.1f} GiB",
                remedy="crop or divide the series",
                code="E-FMT-007",
            )
        try:
            return file.read_bytes()
        except OSError as error:
            raise unreadable(file, error) from error

    return read


def _holder(contents: bytes) -> Callable[[], bytes]:
    return lambda: contents
