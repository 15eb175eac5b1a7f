"""Write files in one piece: complete under their name, or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spinesynth.errors import OutputError

#: File systems allow 255 bytes per name; the temporary prefix needs some.
_MAX_NAME = 100
_PARTIAL = ".partial-"


@contextmanager
def atomic_write(path: Path | str) -> Iterator[Path]:
    """Give a temporary file that takes the wanted name when all went well.

    Args:
        path: final file; an old one stays intact until the new one is complete.

    Yields:
        Path of an empty file in the same folder, with the same suffixes.

    Raises:
        OutputError: if the folder is missing or the disk refuses.
    """
    path = Path(path)
    temporary: Path | None = None
    try:
        temporary = _create_beside(path)
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
        temporary = None
        _sync(path.parent)
    except OSError as error:
        raise OutputError(
            f"{path}: could not be written ({error.strerror or error}); check that the folder "
            f"exists, may be written to and has space left",
            code="E-OUT-001",
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_text(path: Path | str, text: str) -> None:
    r"""Write a text in UTF-8, with a line feed alone at its line ends, in one piece.

    Where a file name that is not UTF-8 stands in it, that is escaped, as ``scan\udcff.nii``.

    Args:
        path: final file.
        text: all of it.

    Raises:
        OutputError: if the folder is missing or the disk refuses.
    """
    with atomic_write(path) as temporary:
        temporary.write_text(text, "utf-8", errors="backslashreplace", newline="\n")


def link_file(source: Path, name: Path) -> None:
    """Give a file another name, in one piece, in place of what had it before.

    Both names are one file on the disk; where the file system has no such links,
    or the names lie on different ones, the file is copied.

    Args:
        source: complete file.
        name: that it gets too.

    Raises:
        OutputError: if there is no such file, or the disk refuses.
    """
    temporary = _name_beside(name)
    try:
        os.link(source, temporary)
        os.replace(temporary, name)
        temporary.unlink(missing_ok=True)  # it stays where both were one file already
        _sync(name.parent)
    except OSError:
        temporary.unlink(missing_ok=True)
        with atomic_write(name) as copy:
            shutil.copyfile(source, copy)


def remove_partial(folder: Path) -> None:
    """Remove what killed writers have left half-written in a folder, not in those below.

    Args:
        folder: in which nobody else writes now; may be missing.
    """
    for path in folder.glob(f"{_PARTIAL}*"):
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _create_beside(path: Path) -> Path:
    """Create an empty file with a name of its own and the usual permissions."""
    own = _name_beside(path)
    own.touch(exist_ok=False)
    return own


def _name_beside(path: Path) -> Path:
    """Return a name in the same folder that nothing else has."""
    return path.parent / f"{_PARTIAL}{secrets.token_hex(8)}-{path.name[-_MAX_NAME:]}"
