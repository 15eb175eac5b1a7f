"""What routes answer, as OpenAPI describes it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field

from spinesynth.service.job import SUFFIXES, Job, State
from spinesynth.service.problem import MEDIA_TYPE, STATUS_OF
from spinesynth.service.uploads import FIELD

Responses = dict[int | str, dict[str, Any]]


class ProblemAnswer(BaseModel):
    """A problem as of RFC 9457; ``code`` is one of docs/errors.md and never changes."""

    type: str = Field(description="Always about:blank: the code tells the kind.")
    title: str = Field(description="Name of the status.")
    status: int = Field(description="Status of HTTP.", ge=400, le=599)
    detail: str = Field(description="What is wrong, and what mends it.")
    code: str = Field(description="Code of docs/errors.md.", pattern=r"^E-[A-Z]+-\d{3}$")


class JobLinks(BaseModel):
    """Where a job and what it leaves are found."""

    self: str = Field(description="The job.")
    result: str = Field(description="Its result, with ?format= nifti, dicom_seg or json.")
    preview: str = Field(description="Its picture.")


class JobAnswer(BaseModel):
    """One job."""

    id: str = Field(description="128 random bits; who knows it can read the result.")
    state: State = Field(description="queued, running, done or failed.")
    created: datetime = Field(description="When it was accepted.")
    finished: datetime | None = Field(description="When it was done or failed.")
    attempts: int = Field(description="Times that it was begun; at most 2.", ge=0)
    problem: ProblemAnswer | None = Field(description="Why it failed.")
    links: JobLinks


class HealthAnswer(BaseModel):
    """Whether something works."""

    live: bool | None = Field(default=None, description="The process answers.")
    ready: bool | None = Field(default=None, description="A worker has loaded its weights.")


class ModelAnswer(BaseModel):
    """Whether a model is loaded."""

    name: str
    ready: bool


def job_answer(job: Job) -> JobAnswer:
    """Return what is told of a job."""
    place = f"/v1/jobs/{job.id}"
    told = None if job.problem is None else ProblemAnswer(**job.problem.content())
    return JobAnswer(
        id=job.id,
        state=job.state,
        created=datetime.fromtimestamp(job.created_s, UTC),
        finished=None if job.finished_s is None else datetime.fromtimestamp(job.finished_s, UTC),
        attempts=job.attempts,
        problem=told,
        links=JobLinks(self=place, result=f"{place}/result", preview=f"{place}/preview.png"),
    )


_MEANINGS = {
    "E-SERVE-001": "The token is missing or wrong.",
    "E-SERVE-002": "There is no such job: never was, deleted, or its time is over.",
    "E-SERVE-003": "The request did not come in within its time.",
    "E-SERVE-004": "The body is too large.",
    "E-SERVE-005": "The body is no form, or the file of no type that is read.",
    "E-SERVE-006": "The form does not hold one file alone; or of a job, the scan is refused.",
    "E-SERVE-007": "The queue is full; Retry-After says when to ask again.",
    "E-SERVE-008": "The job is not finished; Retry-After says when to ask again.",
    "E-SERVE-009": "The job took too long.",
    "E-SERVE-010": "The worker died twice, or the job failed for a defect.",
    "E-SERVE-011": "The service is not ready, or is stopping.",
    "E-SERVE-013": "Without a token only this machine may ask.",
    "E-SERVE-014": "The job leaves no result of that kind.",
}
_SCHEMA = {"$ref": "#/components/schemas/ProblemAnswer"}
#: What any route but those of health may answer.
_ANYWHERE = ("E-SERVE-001", "E-SERVE-013")


def problems(*codes: str, needs_token: bool = True) -> Responses:
    """Describe the problems that a route answers, those of every route among them.

    Args:
        codes: of the service.
        needs_token: whether the route asks for the token, where there is one.
    """
    found: Responses = {}
    for code in (*(_ANYWHERE if needs_token else _ANYWHERE[1:]), *codes):
        said = found.setdefault(
            STATUS_OF[code],
            {"description": "", "content": {MEDIA_TYPE: {"schema": _SCHEMA}}},
        )
        said["description"] = f"{said['description']} {_MEANINGS[code]}".strip()
    for code in ("E-SERVE-007", "E-SERVE-008"):
        if code in codes:
            found[STATUS_OF[code]]["headers"] = {
                "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}
            }
    return found


def file_answer(description: str, *media_types: str) -> dict[str, Any]:
    """Describe an answer that is a file."""
    schema = {"type": "string", "format": "binary"}
    return {
        "description": description,
        "content": {name: {"schema": schema} for name in media_types},
    }


#: What a request with a scan holds.
SCAN_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A form with one file.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "additionalProperties": False,
                    "properties": {
                        FIELD: {
                            "type": "string",
                            "format": "binary",
                            "description": "The scan; its name must end in "
                            + ", ".join(SUFFIXES)
                            + ". A zip holds one DICOM series.",
                        }
                    },
                }
            }
        },
    }
}
