"""What a run trains, validates and tests on, in a few bytes: the contents of the files."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from spinesynth.io.case import Case
from spinesynth.pipelines.split import Split


def digest_split(split: Split, *, tested: bool = True) -> str:
    """Return a digest of the cases of a split and of the bytes of their files.

    The version of the package is no part of it, nor where the files lie.

    Args:
        split: of the data, pseudo-labels among its training cases.
        tested: whether the test is a part.

    Returns:
        SHA-256, hexadecimal.

    Raises:
        OSError: if a file cannot be read.
    """
    parts = [split.train, split.validation, split.scans, *([split.test] if tested else [])]
    told = json.dumps([_describe(cases) for cases in parts])
    return hashlib.sha256(told.encode()).hexdigest()


def _describe(cases: Sequence[Case]) -> list[list[object]]:
    return [
        [
            case.case_id, case.patient_id, case.source, case.contrast, case.scheme,
            sorted(case.annotated), case.resamples_label,
            *(path and digest_file(path) for path in (case.image, case.label, case.instances)),
        ]
        for case in cases
    ]  # fmt: skip


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file, read once as long as size and time of change stay.

    Args:
        path: of the file.

    Raises:
        OSError: if it cannot be read.
    """
    known = path.stat()
    return _digest_of(path.resolve(), known.st_size, known.st_mtime_ns)


@functools.lru_cache(maxsize=None)
def _digest_of(path: Path, _size: int, _changed_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
