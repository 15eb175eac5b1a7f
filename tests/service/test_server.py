"""The whole service as its user starts it: another process, real weights, real requests."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

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


@contextlib.contextmanager
def _server(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start ``spinesynth serve`` and give its process and address."""
    weights = str(write_checkpoint(folder / "tiny.pt"))
    command = [sys.executable, "-m", "spinesynth", "serve", "-w", weights, "--port", "0", *words]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TMPDIR": str(folder)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True,
    ) as server:  # fmt: skip
        try:
            assert server.stdout is not None
            yield server, server.stdout.readline().split()[-1]
        finally:
            server.kill()


def test_scan_goes_in_and_its_label_map_comes_out(tmp_path: Path) -> None:
    scan = write_nifti(tmp_path / "scan.nii.gz", intensities(), "PIR")
    (tmp_path / "token").write_text(TOKEN)
    with (
        _server(tmp_path, "--token-file", str(tmp_path / "token")) as (server, address),
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
    with _server(tmp_path) as (_, address):
        host, port = address.removeprefix("http://").split(":")
        wait_until(lambda: httpx.get(f"{address}/v2/health/live").status_code == 200)
        with socket.create_connection((host, int(port))) as flood:
            flood.sendall(b"GET / HTTP/1.1\r\n" + b"X-A: " + b"a" * 100_000)
            with contextlib.suppress(ConnectionError):
                assert flood.recv(100).startswith(b"HTTP/1.1 400")
        begun_s = time.monotonic()
        with socket.create_connection((host, int(port)), timeout=30) as silent:
            silent.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n")
            assert silent.recv(100) == b""  # closed, without an answer
        assert time.monotonic() - begun_s > 5  # and not at once


def test_jobs_of_a_killed_server_are_done_by_the_next(tmp_path: Path) -> None:
    scan = write_nifti(tmp_path / "scan.nii.gz", intensities()).read_bytes()
    folder = ("--save-dir", str(tmp_path / "kept"))
    with _server(tmp_path, *folder) as (server, address):
        files = {"file": ("a.nii.gz", scan)}
        places = [
            httpx.post(f"{address}/v1/jobs", files=files).headers["Location"] for _ in range(3)
        ]
        children = Path(f"/proc/{server.pid}/task").glob("*/children")
        workers = [int(pid) for file in children for pid in file.read_text().split()]
        server.kill()
        server.wait()
        wait_until(lambda: not any(is_running(pid) for pid in workers))
    with _server(tmp_path, *folder) as (_, address):
        for place in places:
            wait_until(
                lambda place=place: httpx.get(f"{address}{place}").json()["state"] == "done",  # type: ignore[misc]  # a default
                limit_s=120,
            )


def test_refused_weights_end_the_server_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "bad.pt").write_bytes(b"no weights")
    command = [sys.executable, "-m", "spinesynth", "serve", "--port", "0", "-w"]
    run = subprocess.run(
        [*command, str(tmp_path / "bad.pt")], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 5
    assert run.stderr.splitlines()[-1].startswith("spinesynth: [E-CKPT-002]")
    assert "Traceback" not in run.stderr
