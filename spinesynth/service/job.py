"""A job: one file that is to be segmented, and what has become of it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Literal

from spinesynth.service.problem import Problem

State = Literal["queued", "running", "done", "failed"]
#: Endings of files that are taken, the longest first; the server's own name for an upload has
#: one of them, and nothing else of what a client called it.
SUFFIXES = (".nii.gz", ".nrrd", ".nii", ".mha", ".zip", ".dcm")
#: Names of what a job leaves, by the format that a client asks for.
RESULT_FILES = {"nifti": "labels.nii.gz", "dicom_seg": "labels.dcm", "json": "report.json"}
PREVIEW_FILE = "preview.png"
#: Times that a job is begun: once more after its worker has died.
MOST_ATTEMPTS = 2
_ID_BYTES = 16


@dataclass(frozen=True)
class Job:
    """Hold what is known of one job.

    Args:
        id: 32 hexadecimal digits, drawn by the system.
        suffix: of the upload, one of ``SUFFIXES``.
        state: how far it is.
        attempts: times that it was begun.
        created_s: when it was accepted, seconds since 1970.
        finished_s: when it was done or failed; None before.
        problem: why it failed; None otherwise.
    """

    id: str
    suffix: str
    state: State = "queued"
    attempts: int = 0
    created_s: float = 0.0
    finished_s: float | None = None
    problem: Problem | None = None

    @property
    def upload_name(self) -> str:
        """Return the server's own name for the upload."""
        return f"input{self.suffix}"

    @property
    def output_name(self) -> str:
        """Return the folder of the last attempt's outputs."""
        return f"output-{self.attempts}"


def new_job_id() -> str:
    """Return an id that nobody can guess: 128 random bits.

    Example:
        >>> len(new_job_id())
        32
    """
    return secrets.token_hex(_ID_BYTES)
