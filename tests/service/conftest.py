"""A service with a stand-in for the segmenter, and a client that talks to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("httpx")

import httpx

from spinesynth.service import Limits, Service, create_app
from tests.service.client import Client
from tests.service.stand_in import prepare, wait_until


@dataclass(frozen=True)
class Served:
    """A service, a client of it, and the folder where tests and worker meet."""

    service: Service
    client: Client
    control: Path

    def post(self, word: str, *, name: str = "scan.nii.gz", to: str = "/v1/jobs") -> httpx.Response:
        return self.client.request("POST", to, files={"file": (name, word.encode())})

    def begin(self, word: str) -> str:
        answer = self.post(word)
        assert answer.status_code == 202, answer.text
        return str(answer.headers["Location"])

    def end(self, place: str) -> dict[str, Any]:
        """Return a job once it is finished."""
        wait_until(lambda: self.client.get(place).json()["state"] in ("done", "failed"))
        told: dict[str, Any] = self.client.get(place).json()
        return told

    def workers(self) -> list[int]:
        return [int(line) for line in (self.control / "workers").read_text().split()]


Serve = Callable[..., Served]


@contextmanager
def serving(folder: Path, limits: Limits, *, token: str | None = None) -> Iterator[Served]:
    control = folder / "control"
    control.mkdir(parents=True, exist_ok=True)
    service = Service(folder / "jobs", partial(prepare, control), limits=limits, token=token)
    service.runner.start()
    try:
        yield Served(service, Client(create_app(service)), control)
    finally:
        (control / "go").touch()  # nothing waits for a test that has failed
        service.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Return a function that starts a service; it ends with the test."""
    with ExitStack() as stack:

        def start(limits: Limits | None = None) -> Served:
            return stack.enter_context(serving(tmp_path, limits or Limits()))

        yield start


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Return a service that the tests of a module share."""
    with serving(tmp_path_factory.mktemp("served"), Limits(upload_bytes=4096)) as one:
        yield one
