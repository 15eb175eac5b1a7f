"""What is answered when something is wrong: RFC 9457, with a stable code."""

from __future__ import annotations

import http
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spinesynth.errors import InputError, SpineSynthError

MEDIA_TYPE = "application/problem+json"

#: Status of each code of the service; docs/errors.md explains them.
STATUS_OF: dict[str, int] = {
    "E-SERVE-001": 401,
    "E-SERVE-002": 404,
    "E-SERVE-003": 408,
    "E-SERVE-004": 413,
    "E-SERVE-005": 415,
    "E-SERVE-006": 422,
    "E-SERVE-007": 429,
    "E-SERVE-008": 409,
    "E-SERVE-009": 504,
    "E-SERVE-010": 500,
    "E-SERVE-011": 503,
    "E-SERVE-013": 403,
    "E-SERVE-014": 404,
    "E-SERVE-015": 500,
}
#: Of everything that HTTP itself refuses: no such route or method, a damaged request.
HTTP_CODE = "E-SERVE-012"


@dataclass(frozen=True)
class Problem:
    """Describe one problem.

    Args:
        status: of HTTP.
        code: of docs/errors.md.
        detail: what is wrong and what mends it, without paths of the server.

    Example:
        >>> Problem(404, "E-SERVE-002", "no such job").content()["title"]
        'Not Found'
    """

    status: int
    code: str
    detail: str

    def content(self) -> dict[str, Any]:
        """Return the members of ``application/problem+json``."""
        return {
            "type": "about:blank",
            "title": http.HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }


class ProblemError(Exception):
    """Answer a request with a problem.

    Args:
        problem: that is answered.
        headers: of the answer.
    """

    def __init__(self, problem: Problem, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"[{problem.code}] {problem.detail}")
        self.problem, self.headers = problem, dict(headers or {})


def refuse(code: str, detail: str, *, headers: Mapping[str, str] | None = None) -> ProblemError:
    """Return what to raise for a code of the service.

    Args:
        code: key of ``STATUS_OF``.
        detail: what is wrong and what mends it.
        headers: of the answer.
    """
    return ProblemError(Problem(STATUS_OF[code], code, detail), headers=headers)


def problem_of(error: Exception, *, names: Mapping[str, str]) -> Problem:
    """Return what is told of an error in a job.

    Args:
        error: that was raised; only those of this package are told in their own words.
        names: what stands in an answer for what in a message, as paths of the server.
    """
    if not isinstance(error, SpineSynthError):
        return Problem(500, "E-SERVE-015", "the scan could not be segmented; see the server's log")
    detail = str(error).removeprefix(f"[{error.code}] ")
    for path, name in names.items():
        detail = detail.replace(path, name)
    return Problem(422 if isinstance(error, InputError) else 500, error.code, detail)
