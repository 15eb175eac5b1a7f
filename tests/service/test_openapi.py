"""The description of the routes is whole: each request, answer and error in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spinesynth.service import Service
from spinesynth.service.app import create_routes
from spinesynth.service.guard import OPEN_PREFIX
from spinesynth.service.problem import STATUS_OF
from tests.service.stand_in import refuse_weights

ROUTES = {
    "POST /v1/jobs", "GET /v1/jobs/{job_id}", "DELETE /v1/jobs/{job_id}",
    "GET /v1/jobs/{job_id}/result", "GET /v1/jobs/{job_id}/preview.png", "POST /segment",
    "GET /v2/health/live", "GET /v2/health/ready", "GET /v2/models/{name}/ready", "GET /metrics",
}  # fmt: skip


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder: Path = tmp_path_factory.mktemp("jobs")
    return create_routes(Service(folder / "jobs", refuse_weights)).openapi()


def _operations(said: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in said["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_every_route_is_described(said: dict[str, Any]) -> None:
    operations = dict(_operations(said))
    assert set(operations) == ROUTES
    for name, operation in operations.items():
        assert operation["summary"].endswith("."), name
        assert operation["description"].endswith("."), name
    ids = [operation["operationId"] for operation in operations.values()]
    assert len(set(ids)) == len(ids)


def test_every_answer_has_a_meaning_and_a_type(said: dict[str, Any]) -> None:
    for name, operation in _operations(said):
        assert any(status.startswith("2") for status in operation["responses"]), name
        for status, response in operation["responses"].items():
            assert len(response["description"]) > 5, (name, status)
            if status != "204":
                assert all(kind["schema"] for kind in response["content"].values()), name
                assert response["content"], (name, status)


def test_every_error_is_a_problem(said: dict[str, Any]) -> None:
    for name, operation in _operations(said):
        path = name.partition(" ")[2]
        errors = {s: r for s, r in operation["responses"].items() if s >= "4"}
        assert "403" in errors, name
        assert ("401" in errors) != path.startswith(OPEN_PREFIX), name
        for status, response in errors.items():
            assert list(response["content"]) == ["application/problem+json"], (name, status)
    told = {status for _, operation in _operations(said) for status in operation["responses"]}
    assert {str(status) for status in STATUS_OF.values()} <= told


def test_every_reference_leads_somewhere(said: dict[str, Any]) -> None:
    def references(part: object) -> Iterator[str]:
        if isinstance(part, dict):
            yield from (str(value) for key, value in part.items() if key == "$ref")
            part = list(part.values())
        if isinstance(part, list):
            for one in part:
                yield from references(one)

    found = set(references(said))
    assert "#/components/schemas/ProblemAnswer" in found
    for reference in found:
        place: Any = said
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
    assert "HTTPValidationError" not in str(said)


def test_file_of_a_request_is_described(said: dict[str, Any]) -> None:
    operations = dict(_operations(said))
    for name in ("POST /v1/jobs", "POST /segment"):
        form = operations[name]["requestBody"]["content"]["multipart/form-data"]["schema"]
        assert form["required"] == ["file"]
        assert list(form["properties"]) == ["file"]
        assert form["additionalProperties"] is False
        assert operations[name]["security"] == [{"token": []}, {}]
