"""The whole service as its user starts it: another process, real weights, real requests."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi")

import httpx

from tests.fabricate import intensities, nib, write_nifti
from tests.pipelines.tiny_checkpoint import write_checkpoint
from tests.service.stand_in import is_running, wait_until

ROOT = Path(__file__).parents[2]
TOKEN = "a" * 32
#: Of SIGTERM, as a shell tells it.
TERMINATED = 128 + signal.SIGTERM

pytestmark = pytest.mark.slow


#: The service around the stand-in, which loads nothing heavy.
_LIGHT = """
import sys
from functools import partial
from pathlib import Path
from spinesynth.errors import SpineSynthError
from spinesynth.service import serve
from tests.service.stand_in import prepare, refuse_weights
if __name__ == "__main__":
    control = Path(sys.argv[1])
    work = refuse_weights if "refuse" in sys.argv else partial(prepare, control)
    try:
        serve(work, port=0, folder=control / "kept", on_listening=lambda a: print(a, flush=True))
    except SpineSynthError as error:
        print(error)
        sys.exit(error.exit_code)
"""


@contextlib.contextmanager
def _running(folder: Path, *command: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a server and give its process and address."""
    environment = os.environ | {
        "OMP_NUM_THREADS": "1", "TMPDIR": str(folder), "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    with subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env=environment, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    ) as server:  # fmt: skip
        try:
            assert server.stdout is not None
            yield server, server.stdout.readline().split()[-1]
        finally:
            server.kill()


def _light(
    folder: Path, *words: str
) -> contextlib.AbstractContextManager[tuple[subprocess.Popen[str], str]]:
    (folder / "light.py").write_text(_LIGHT)
    return _running(folder, str(folder / "light.py"), str(folder), *words)


def test_scan_goes_in_and_its_label_map_comes_out(tmp_path: Path) -> None:
    scan = write_nifti(tmp_path / "scan.nii.gz", intensities(), "PIR")
    (tmp_path / "token").write_text(TOKEN)
    weights = str(write_checkpoint(tmp_path / "tiny.pt"))
    command = ["-m", "spinesynth", "serve", "-w", weights, "--port", "0"]
    command += ["--token-file", str(tmp_path / "token")]
    with (
        _running(tmp_path, *command) as (server, address),
        httpx.Client(base_url=address, headers={"Authorization": f"Bearer {TOKEN}"}) as client,
    ):
        assert client.get("/v2/health/live").status_code == 200
        wait_until(lambda: client.get("/v2/health/ready").status_code == 200, limit_s=120)
        assert client.get("/v2/models/tiny/ready").status_code == 200
        assert httpx.get(f"{address}/metrics").status_code == 401
        answer = client.post(
            "/segment", files={"file": ("a.nii.gz", scan.read_bytes())}, timeout=60
        )
        assert answer.status_code == 200, answer.text
        (tmp_path / "labels.nii.gz").write_bytes(answer.content)
        labels, image = nib.load(tmp_path / "labels.nii.gz"), nib.load(scan)
        assert labels.shape == image.shape
        # the grid is the scan's own; NIfTI stores it in float32
        assert np.allclose(labels.affine, image.affine, atol=1e-4)
        assert np.asarray(labels.dataobj).max() <= 5

        place = client.post("/v1/jobs", files={"file": ("b.nii.gz", b"no image")}).headers[
            "Location"
        ]
        wait_until(lambda: client.get(place).json()["state"] == "failed")
        refused = client.get(f"{place}/result")
        assert refused.status_code == 422
        assert refused.json()["code"].startswith("E-FMT-")
        assert str(tmp_path) not in refused.text

        place = client.post("/v1/jobs", files={"file": ("b.nii.gz", scan.read_bytes())}).headers[
            "Location"
        ]
        wait_until(lambda: client.get(place).json()["state"] == "done")
        report = client.get(f"{place}/result?format=json").json()
        assert report["scheme"] == "spine6"
        assert {row["structure"] for row in report["volumes"]} >= {"vertebra", "disc", "canal"}
        assert client.get(f"{place}/preview.png").content.startswith(b"\x89PNG")

        (temporary,) = tmp_path.glob("spinesynth-*")
        assert temporary.stat().st_mode & 0o777 == 0o700
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=30) == TERMINATED
        assert not temporary.exists()


def test_silent_and_flooding_connections_are_closed(tmp_path: Path) -> None:
    with _light(tmp_path) as (_, address):
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as flood:
            flood.sendall(b"GET / HTTP/1.1\r\n" + b"X-A: " + b"a" * 100_000)
            with contextlib.suppress(ConnectionError):
                assert flood.recv(100).startswith(b"HTTP/1.1 400")
        with socket.create_connection((host, int(port)), timeout=30) as silent:
            silent.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n")
            assert silent.recv(100) == b""  # closed, without an answer
        assert httpx.get(f"{address}/v2/health/live").json() == {"live": True}


def test_jobs_of_a_killed_server_are_done_by_the_next(tmp_path: Path) -> None:
    with _light(tmp_path) as (server, address):
        places = [_post(address, word) for word in ("wait", "fine", "fine")]
        wait_until((tmp_path / "running").exists)
        server.kill()
        server.wait()
        (worker,) = (tmp_path / "workers").read_text().split()
        wait_until(lambda: not is_running(int(worker)))
    (tmp_path / "go").touch()
    with _light(tmp_path) as (_, address):
        told = [_end(address, place) for place in places]
    assert [(job["state"], job["attempts"]) for job in told] == [
        ("done", 2), ("done", 1), ("done", 1),
    ]  # fmt: skip


def test_stop_lets_the_running_job_end_and_keeps_the_waiting_one(tmp_path: Path) -> None:
    with _light(tmp_path) as (server, address):
        running = _post(address, "wait")
        wait_until((tmp_path / "running").exists)
        waiting = _post(address, "fine")
        server.send_signal(signal.SIGTERM)
        (tmp_path / "go").touch()
        assert server.wait(timeout=30) == -signal.SIGTERM  # no command line of ours around it
    with _light(tmp_path) as (_, address):
        assert httpx.get(f"{address}{running}").json()["attempts"] == 1
        assert _end(address, running)["state"] == "done"
        assert _end(address, waiting)["attempts"] == 1


def test_second_server_of_a_folder_and_refused_weights_end_at_once(tmp_path: Path) -> None:
    with _light(tmp_path) as (_, address), _light(tmp_path) as (second, _):
        assert second.wait(timeout=30) == 2
        assert httpx.get(f"{address}/v2/health/live").status_code == 200
    with _light(tmp_path, "refuse") as (server, _):
        assert server.wait(timeout=30) == 5
        assert server.stdout is not None
        assert server.stdout.read() == "[E-CKPT-002] weights are damaged\n"


def _post(address: str, word: str) -> str:
    files = {"file": ("a.nii.gz", word.encode())}
    return httpx.post(f"{address}/v1/jobs", files=files).headers["Location"]


def _end(address: str, place: str) -> dict[str, Any]:
    """Return a job once it is finished."""
    wait_until(lambda: httpx.get(f"{address}{place}").json()["state"] in ("done", "failed"))
    told: dict[str, Any] = httpx.get(f"{address}{place}").json()
    return told
