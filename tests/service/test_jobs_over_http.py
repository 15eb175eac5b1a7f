"""Jobs over HTTP: what is accepted, what is answered, and what a client cannot do."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.service.conftest import Served

PROBLEM = "application/problem+json"


def _problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == PROBLEM
    content = answer.json()
    assert content["status"] == answer.status_code
    assert content["type"] == "about:blank"
    return content["status"], content["code"]


def test_job_is_accepted_done_fetched_and_deleted(served: Served) -> None:
    answer = served.post("fine")
    assert answer.status_code == 202
    place = answer.headers["Location"]
    assert answer.json()["links"]["self"] == place
    told = served.end(place)
    assert (told["state"], told["attempts"], told["problem"]) == ("done", 1, None)
    job_id = told["id"]
    assert place == f"/v1/jobs/{job_id}"

    labels = served.client.get(f"{place}/result")
    assert labels.content == b"labels of fine"
    assert labels.headers["content-type"] == "application/gzip"
    assert labels.headers["content-disposition"] == f'attachment; filename="{job_id}_labels.nii.gz"'
    report = served.client.get(f"{place}/result?format=json")
    assert report.json() == {"word": "fine", "name": "input.nii.gz"}
    picture = served.client.get(f"{place}/preview.png")
    assert (picture.content, picture.headers["content-type"]) == (b"picture", "image/png")
    missing = served.client.get(f"{place}/result?format=dicom_seg")
    assert _problem(missing) == (404, "E-SERVE-014")

    folder = served.service.store.place(job_id)
    assert not (folder / "input.nii.gz").exists()  # the scan itself is not kept
    assert served.client.delete(place).status_code == 204
    assert not folder.exists()
    assert _problem(served.client.get(place)) == (404, "E-SERVE-002")
    assert _problem(served.client.delete(place)) == (404, "E-SERVE-002")


def test_simple_route_waits_and_keeps_nothing(served: Served) -> None:
    answer = served.post("at once", to="/segment")
    assert (answer.status_code, answer.content) == (200, b"labels of at once")
    assert list(served.service.store.folder.glob("*/")) == []


@pytest.mark.parametrize("to", ["/v1/jobs", "/segment"])
def test_refused_scan_tells_its_code_and_no_path_of_the_server(served: Served, to: str) -> None:
    answer = served.post("refuse", to=to)
    if to == "/v1/jobs":
        place = answer.headers["Location"]
        assert served.end(place)["state"] == "failed"
        answer = served.client.get(f"{place}/result")
        served.client.delete(place)
    assert _problem(answer) == (422, "E-FMT-002")
    assert answer.json()["detail"] == "input.nii.gz: file is cut off in x"
    assert list(served.service.store.folder.glob("*/")) == []


def test_defect_of_the_worker_is_500_and_says_nothing_of_it(served: Served) -> None:
    answer = served.post("defect", to="/segment")
    assert _problem(answer) == (500, "E-SERVE-015")
    assert "defect" not in answer.json()["detail"]
    assert served.post("fine", to="/segment").status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "../../../etc/cron.d/x.nii.gz", "/etc/passwd.nii.gz", "C:\\x\\y.nii.gz", "a\nb.nii.gz",
        "\u202e😀.nii.gz", "-rf.nii.gz", "x" * 900 + ".nii.gz", ".NII.GZ",
    ],
)  # fmt: skip
def test_name_of_a_file_is_used_for_nothing_but_its_type(served: Served, name: str) -> None:
    answer = served.post("fine", name=name)
    told = served.end(answer.headers["Location"])
    report = served.client.get(f"{told['links']['result']}?format=json").json()
    assert report["name"] == "input.nii.gz"
    served.client.delete(told["links"]["self"])


_FILE = ("scan.nii.gz", b"fine")


@pytest.mark.parametrize(
    ("request_of", "expected"),
    [
        ({"files": {"file": ("scan.exe", b"x")}}, (415, "E-SERVE-005")),
        ({"files": {"file": ("scan.mhd", b"x")}}, (415, "E-SERVE-005")),
        ({"json": {"image": "/etc/passwd"}}, (415, "E-SERVE-005")),
        ({"data": {"file": "text"}}, (415, "E-SERVE-005")),
        ({"content": b""}, (415, "E-SERVE-005")),
        ({"files": {"scan": _FILE}}, (422, "E-SERVE-006")),
        ({"files": [("file", _FILE), ("file", _FILE)]}, (422, "E-SERVE-006")),
        ({"files": {"file": _FILE}, "data": {"device": "cuda"}}, (422, "E-SERVE-006")),
        (
            {"files": {"file": _FILE}, "data": {f"f{n}": "x" for n in range(11)}},
            (422, "E-SERVE-006"),
        ),
        ({"files": {"file": _FILE}, "data": {"weights": "x" * 2000}}, (422, "E-SERVE-006")),
        ({"files": {"file": ("scan.nii.gz", b"x" * 5000)}}, (413, "E-SERVE-004")),
        (
            {"content": b"--x\r\nno form", "headers": {"content-type": "multipart/form-data"}},
            (422, "E-SERVE-006"),
        ),
    ],
    ids=[
        "type", "header alone", "json", "urlencoded", "nothing", "field", "two files", "option",
        "many fields", "long field", "too large", "no boundary",
    ],
)  # fmt: skip
@pytest.mark.parametrize("to", ["/v1/jobs", "/segment"])
def test_what_is_no_form_with_one_file_is_refused(
    served: Served, to: str, request_of: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert _problem(served.client.request("POST", to, **request_of)) == expected
    assert list(served.service.store.folder.glob("*/")) == []
    assert served.service.store.waiting() == 0


def test_body_without_announced_length_is_limited_too(served: Served) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.nii"\r\n\r\n'
        for _ in range(10):
            yield b"0" * 1000

    headers = {"content-type": "multipart/form-data; boundary=x"}
    answer = served.client.request("POST", "/v1/jobs", content=parts(), headers=headers)
    assert _problem(answer) == (413, "E-SERVE-004")
    assert list(served.service.store.folder.glob("*/")) == []


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/v1/jobs", (405, "E-SERVE-012")),
        ("GET", "/nonsense", (404, "E-SERVE-012")),
        ("GET", "/docs", (404, "E-SERVE-012")),
        ("GET", f"/v1/jobs/{'0' * 32}", (404, "E-SERVE-002")),
        ("GET", "/v1/jobs/..%2f..%2fjobs.sqlite/result", (404, "E-SERVE-012")),
        ("GET", "/v1/jobs/jobs.sqlite/result", (404, "E-SERVE-002")),
        ("GET", f"/v1/jobs/{'0' * 32}/result?format=exe", (404, "E-SERVE-002")),
        ("GET", "/v2/models/other/ready", (404, "E-SERVE-002")),
    ],
)
def test_what_is_not_there_is_told_as_a_problem(
    served: Served, method: str, path: str, expected: tuple[int, str]
) -> None:
    assert _problem(served.client.request(method, path)) == expected


def test_format_must_be_one_of_three(served: Served) -> None:
    place = served.begin("fine")
    served.end(place)
    answer = served.client.get(f"{place}/result?format=exe")
    assert _problem(answer) == (422, "E-SERVE-006")
    assert "nifti" in answer.json()["detail"]


def test_every_answer_says_that_it_must_not_be_stored_or_run(served: Served) -> None:
    for path in ("/v2/health/live", "/nonsense", "/metrics", "/v1/jobs/x"):
        headers = served.client.get(path).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert len(headers["x-request-id"]) == 16
        assert "access-control-allow-origin" not in headers


def test_ids_differ_and_have_128_bits(served: Served) -> None:
    ids = [served.post("fine").json()["id"] for _ in range(3)]
    assert len(set(ids)) == 3
    assert {len(bytes.fromhex(one)) for one in ids} == {16}
    for one in ids:
        served.end(f"/v1/jobs/{one}")


def test_metrics_count_requests_and_jobs_without_ids(served: Served) -> None:
    place = served.begin("fine")
    served.end(place)
    text = served.client.get("/metrics").text
    lines = dict(line.rsplit(" ", 1) for line in io.StringIO(text) if not line.startswith("#"))
    assert float(lines['spinesynth_jobs_total{outcome="done"}']) >= 1
    polled = 'spinesynth_requests_total{method="GET",route="/v1/jobs/{job_id}",status="200"}'
    assert float(lines[polled]) >= 1
    assert float(lines["spinesynth_ready"]) == 1
    assert place.rpartition("/")[2] not in text
