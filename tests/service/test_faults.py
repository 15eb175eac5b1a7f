"""What becomes of jobs when the worker hangs or dies, the queue is full, or the service stops."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from spinesynth.errors import CheckpointError
from spinesynth.service import Limits, Service
from tests.service.conftest import Serve
from tests.service.stand_in import is_running, refuse_weights, wait_until

#: Long beside what a job of these tests takes, short beside a test.
SHORT_S = 0.4


def test_health_answers_while_a_job_runs(serve: Serve) -> None:
    served = serve()
    place = served.begin("wait")
    wait_until((served.control / "running").exists)
    # in this order, whatever the clock says: the job goes on only after health has answered
    assert served.client.get("/v2/health/live").json() == {"live": True}
    assert served.client.get("/v2/health/ready").json() == {"ready": True}
    assert served.client.get("/v2/models/default/ready").json()["ready"] is True
    assert served.client.get(place).json()["state"] == "running"
    early = served.client.get(f"{place}/result")
    assert (early.status_code, early.json()["code"]) == (409, "E-SERVE-008")
    assert early.headers["Retry-After"] == "1"
    (served.control / "go").touch()
    assert served.end(place)["state"] == "done"


def test_full_queue_is_told_before_the_file_is_read(serve: Serve) -> None:
    served = serve(Limits(queue=2))
    running = served.begin("wait")
    wait_until((served.control / "running").exists)
    waiting = [served.begin("fine") for _ in range(2)]
    for to in ("/v1/jobs", "/segment"):
        answer = served.post("fine", to=to)
        assert (answer.status_code, answer.json()["code"]) == (429, "E-SERVE-007")
        assert int(answer.headers["Retry-After"]) >= 1
    assert len(list(served.service.store.folder.glob("*/"))) == 3
    assert served.client.delete(waiting[0]).status_code == 204  # leaves its place to another
    waiting[0] = served.begin("fine")
    (served.control / "go").touch()
    assert {served.end(place)["state"] for place in (running, *waiting)} == {"done"}


def test_hanging_job_is_killed_and_the_next_one_is_done(serve: Serve) -> None:
    served = serve(Limits(job_s=SHORT_S))
    place, after = served.begin("hang"), served.begin("fine")
    told = served.end(place)
    assert (told["state"], told["attempts"]) == ("failed", 1)
    assert (told["problem"]["status"], told["problem"]["code"]) == (504, "E-SERVE-009")
    assert served.client.get(f"{place}/result").status_code == 504
    assert served.end(after)["state"] == "done"
    first, second = served.workers()
    assert not is_running(first)
    assert is_running(second)


def test_worker_that_dies_once_costs_nothing(serve: Serve) -> None:
    served = serve()
    told = served.end(served.begin("die once"))
    assert (told["state"], told["attempts"]) == ("done", 2)
    assert len(served.workers()) == 2


@pytest.mark.slow
def test_worker_that_dies_twice_costs_that_job_alone(serve: Serve) -> None:
    served = serve()
    place, after = served.begin("die"), served.begin("fine")
    told = served.end(place)
    assert (told["state"], told["attempts"]) == ("failed", 2)
    assert (told["problem"]["status"], told["problem"]["code"]) == (500, "E-SERVE-010")
    assert served.end(after)["state"] == "done"
    assert len(served.workers()) == 3


@pytest.mark.slow
def test_worker_killed_between_jobs_and_an_old_one_are_replaced(serve: Serve) -> None:
    served = serve(Limits(jobs_a_worker=2))
    assert served.end(served.begin("fine"))["state"] == "done"
    os.kill(served.workers()[0], signal.SIGKILL)
    assert served.post("fine", to="/segment").status_code == 200
    assert served.post("fine", to="/segment").status_code == 200
    assert served.post("fine", to="/segment").status_code == 200  # the third of a worker for two
    assert len(served.workers()) >= 3


@pytest.mark.slow
def test_deleted_job_that_runs_leaves_nothing(serve: Serve) -> None:
    served = serve()
    place = served.begin("wait")
    wait_until((served.control / "running").exists)
    assert served.client.delete(place).status_code == 204
    (served.control / "go").touch()
    wait_until(lambda: not list(served.service.store.folder.glob("*/")))
    assert served.post("fine", to="/segment").status_code == 200


@pytest.mark.slow
def test_results_beyond_a_number_go_oldest_first(serve: Serve) -> None:
    served = serve(Limits(keep_jobs=2))
    places = [served.begin("fine") for _ in range(3)]
    for place in places[1:]:
        served.end(place)
    wait_until(lambda: served.client.get(places[0]).status_code == 404)
    assert served.client.get(places[1]).status_code == 200


def test_stopping_service_ends_the_running_job_and_takes_no_other(serve: Serve) -> None:
    served = serve()
    running = served.begin("wait")
    wait_until((served.control / "running").exists)
    served.service.runner.stop()
    assert served.client.get("/v2/health/live").status_code == 200
    for answer in (served.client.get("/v2/health/ready"), served.post("fine")):
        assert (answer.status_code, answer.json()["code"]) == (503, "E-SERVE-011")
    (served.control / "go").touch()
    assert served.end(running)["state"] == "done"
    wait_until(lambda: not is_running(served.workers()[0]))


def test_job_that_does_not_end_in_time_waits_for_the_next_start(
    serve: Serve, tmp_path: Path
) -> None:
    served = serve(Limits(drain_s=SHORT_S))
    place = served.begin("hang")
    wait_until((served.control / "running").exists)
    served.service.close()
    assert not is_running(served.workers()[0])
    again = serve(Limits(job_s=SHORT_S))
    assert again.end(place)["attempts"] == 2


@pytest.mark.slow
def test_store_that_fails_ends_the_service_and_says_where(serve: Serve) -> None:
    served = serve()
    served.end(served.begin("fine"))
    with sqlite3.connect(served.service.store.folder / "jobs.sqlite") as other:
        other.execute("DROP TABLE jobs")
    wait_until(lambda: served.service.runner.failure)
    message = str(served.service.runner.failure)
    assert message.startswith("[E-OUT-001]")
    assert str(served.service.store.folder) in message
    assert served.client.get("/v2/health/ready").status_code == 503
    answer = served.post("fine")
    assert (answer.status_code, answer.json()["code"]) == (500, "E-SERVE-015")


def test_refused_weights_are_told_as_the_worker_said_it(tmp_path: Path) -> None:
    service = Service(tmp_path / "jobs", refuse_weights, limits=Limits())
    told = list[bool]()
    service.runner.start(on_failure=lambda: told.append(True))
    wait_until(lambda: told)
    service.close()
    assert isinstance(service.runner.failure, CheckpointError)
    assert str(service.runner.failure) == "[E-CKPT-002] weights are damaged"


_ORPHANS = """
import sys, time
from functools import partial
from pathlib import Path
from spinesynth.service import Service
from tests.service.stand_in import prepare
folder = Path(sys.argv[1])
if __name__ == "__main__":
    service = Service(folder / "jobs", partial(prepare, folder))
    place = service.store.make_place("a" * 32)
    (place / "input.nii").write_bytes(b"hang")
    service.store.add("a" * 32, ".nii")
    service.runner.start()
    time.sleep(600)
"""


@pytest.mark.slow
def test_worker_does_not_outlive_a_killed_server(tmp_path: Path) -> None:
    program = tmp_path / "server.py"
    program.write_text(_ORPHANS)
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(root)}
    server = subprocess.Popen([sys.executable, str(program), str(tmp_path)], env=environment)
    try:
        wait_until((tmp_path / "running").exists)
        worker = int((tmp_path / "workers").read_text())
        assert is_running(worker)
    finally:
        server.kill()
        server.wait()
    wait_until(lambda: not is_running(worker))


def test_request_that_stalls_is_given_up(serve: Serve) -> None:
    served = serve(Limits(receive_s=SHORT_S))

    async def parts() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.nii"\r\n\r\n'
        await asyncio.sleep(60)

    headers = {"content-type": "multipart/form-data; boundary=x"}
    answer = served.client.request("POST", "/v1/jobs", content=parts(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (408, "E-SERVE-003")
    assert list(served.service.store.folder.glob("*/")) == []
