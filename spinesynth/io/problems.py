"""Why a file is refused: one error class. ``docs/errors.md`` lists the stable codes."""

from __future__ import annotations

from pathlib import Path

from spinesynth.errors import InputError
from spinesynth.printable import printable


class InputFileError(InputError):
    """A file was refused: which, why, and what mends it.

    Args:
        path: the file or folder.
        problem: what is wrong with it.
        remedy: what the user can do.
        code: stable identifier, listed in ``docs/errors.md``.
    """

    def __init__(self, path: Path | str, problem: str, *, remedy: str, code: str) -> None:
        super().__init__(printable(f"{path}: {problem}; {remedy}"), code=code)
        self.path = Path(path)
        self.problem = problem
        self.remedy = remedy


def unreadable(path: Path, error: OSError) -> InputFileError:
    """Return the error for a path that the operating system refuses to read."""
    return InputFileError(
        path,
        f"cannot be read ({error.strerror or error})",
        remedy="check its permissions and the disk",
        code="E-IN-004",
    )


def corrupt(path: Path, error: Exception) -> InputFileError:
    """Return the error for compressed data that do not decompress."""
    return InputFileError(
        path,
        f"the compressed data are corrupt ({error})",
        remedy="copy or download it again",
        code="E-FMT-003",
    )


def bad_field(path: Path, name: str, text: str) -> InputFileError:
    """Return the error for a field of a header that says nothing usable.

    Args:
        path: the file.
        name: of the field.
        text: that stands there.
    """
    return InputFileError(
        path,
        f"header field {name[:80]} cannot be used, got '{text[:80]}'",
        remedy="export it again",
        code="E-FMT-005",
    )


def wrong_length(path: Path, expected: int, held: int) -> InputFileError:
    """Return the error for a file with fewer or more voxels than its header promises.

    Args:
        path: the file.
        expected: bytes of voxels by the header.
        held: bytes in the file, of all that stands where voxels should.
    """
    return InputFileError(
        path,
        f"the header promises {expected} bytes of voxels, the file holds "
        f"{'only ' if held <= expected else ''}{held}",
        remedy="copy or download it again",
        code="E-FMT-002" if held <= expected else "E-FMT-004",
    )
