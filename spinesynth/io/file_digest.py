"""The digest of a file's bytes."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file, read once as long as size and time of change stay.

    Args:
        path: of the file.

    Returns:
        64 hexadecimal digits.

    Raises:
        OSError: if it cannot be read.
    """
    known = path.stat()
    return _digest_of(path.resolve(), known.st_size, known.st_mtime_ns)


@functools.cache
def _digest_of(path: Path, _size: int, _changed_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
