"""What is told of scans that cannot be segmented: one of them never stops the others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spinesynth.errors import SpineSynthError

#: What one scan can fail with; anything else is a fault of the program. Whatever torch cannot
#: compute is a RuntimeError, memory that is too small for a scan included.
SCAN_ERRORS = (SpineSynthError, ValueError, RuntimeError, MemoryError)
#: How torch, CUDA and ONNX Runtime say that memory is too small.
_MEMORY_WORDS = ("out of memory", "not enough memory", "allocate memory")


def with_code(path: Path, error: Exception) -> SpineSynthError:
    """Return an error as one with a code and one line, which it may be already.

    Args:
        path: of the scan.
        error: one of :data:`SCAN_ERRORS`.

    Example:
        >>> str(with_code(Path("a.nii"), ValueError("output is not finite")))
        '[E-SEG-001] a.nii: output is not finite'
    """
    if isinstance(error, SpineSynthError):
        return error
    said = str(error).partition("\n")[0] or type(error).__name__  # where it arose follows
    if isinstance(error, MemoryError) or any(words in said.lower() for words in _MEMORY_WORDS):
        said = f"the memory is too small for it ({said}); free some, or crop the scan"
    return SpineSynthError(f"{path}: {said}", code="E-SEG-001")


def exit_status(done: int, refused: Sequence[int]) -> int:
    """Return the exit code of a command on several scans.

    Args:
        done: scans that are.
        refused: exit code of each that is not.

    Returns:
        0 if all are done, 1 if some are, else that of the first refusal.

    Example:
        >>> exit_status(2, []), exit_status(1, [3, 4]), exit_status(0, [3, 4])
        (0, 1, 3)
    """
    if not refused:
        return 0
    return SpineSynthError.exit_code if done else refused[0]
