"""Accepted jobs outlast the process, run at most twice, and nobody else can read them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from spinesynth.service.job import MOST_ATTEMPTS, new_job_id
from spinesynth.service.job_store import JobStore
from spinesynth.service.limits import Limits
from spinesynth.service.problem import Problem

FAR = Limits(keep_s=1e9, keep_jobs=1000, keep_bytes=10**9)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    made = JobStore(tmp_path / "jobs")
    yield made
    made.close()


def _again(store: JobStore) -> JobStore:
    """Return a store as the next process finds it."""
    store.close()
    return JobStore(store.folder)


def _add(store: JobStore) -> str:
    job_id = new_job_id()
    (store.make_place(job_id) / "input.nii").write_bytes(b"scan")
    return store.add(job_id, ".nii").id


def test_jobs_are_begun_in_order_of_acceptance(store: JobStore) -> None:
    ids = [_add(store) for _ in range(5)]
    assert store.waiting() == 5
    claimed = [store.claim() for _ in range(6)]
    assert [job.id for job in claimed if job is not None] == ids
    assert claimed[5] is None


def test_job_that_was_given_back_comes_before_later_ones(store: JobStore) -> None:
    first, _ = _add(store), _add(store)
    store.claim()
    store.give_back(first)
    again = store.claim()
    assert again is not None
    assert (again.id, again.attempts) == (first, 2)


def test_accepted_jobs_survive_the_process(store: JobStore) -> None:
    waiting, done = _add(store), _add(store)
    store.claim()
    store.give_back(waiting)
    store.finish(done)
    store = _again(store)
    job = store.get(waiting)
    assert job is not None
    assert (job.state, job.attempts) == ("queued", 1)
    assert (store.place(waiting) / "input.nii").read_bytes() == b"scan"
    assert store.get(done) is not None


def test_job_is_begun_at_most_twice_whatever_ends_the_process(store: JobStore) -> None:
    job_id = _add(store)
    for _ in range(MOST_ATTEMPTS):
        assert store.claim() is not None
        store = _again(store)
    assert store.claim() is None
    job = store.get(job_id)
    assert job is not None
    assert job.problem is not None
    assert (job.state, job.problem.code) == ("failed", "E-SERVE-010")


def test_request_that_never_came_in_whole_is_forgotten(store: JobStore) -> None:
    place = store.make_place(new_job_id())
    (place / "input.nii").write_bytes(b"half")
    store = _again(store)
    assert not place.exists()


def test_folder_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = JobStore(tmp_path / "jobs")
        place = store.make_place(new_job_id())
    finally:
        os.umask(before)
    assert [path.stat().st_mode & 0o777 for path in (store.folder, place)] == [0o700, 0o700]
    store.close()


def test_old_jobs_go_by_age_number_and_size(store: JobStore) -> None:
    ids = [_add(store) for _ in range(4)]
    for job_id in ids:
        (store.place(job_id) / "labels").write_bytes(b"0" * 100)
        store.finish(job_id, Problem(422, "E-FMT-001", "bad"))
    running = _add(store)
    assert store.remove_old(FAR) == 0
    assert store.remove_old(replace(FAR, keep_bytes=300)) == 1
    assert store.get(ids[0]) is None
    assert store.remove_old(replace(FAR, keep_jobs=2)) == 1
    assert store.get(ids[1]) is None
    assert store.remove_old(replace(FAR, keep_s=-1.0)) == 2
    assert [path.name for path in store.folder.glob("*/")] == [running]


def test_problem_comes_back_as_it_was(store: JobStore) -> None:
    job_id, problem = _add(store), Problem(422, "E-FMT-001", "Länge 'x'; \"y\"")
    store.finish(job_id, problem)
    job = _again(store).get(job_id)
    assert job is not None
    assert job.problem == problem
    assert job.finished_s is not None


@pytest.mark.parametrize("name", ["' OR 1=1 --", "../jobs.sqlite", "", "\0"])
def test_id_of_a_client_is_only_looked_up(store: JobStore, name: str) -> None:
    job_id = _add(store)
    assert store.get(name) is None
    assert not store.remove(name)
    assert store.get(job_id) is not None


_WRITER = """
import sys
from pathlib import Path
from spinesynth.service.job import new_job_id
from spinesynth.service.job_store import JobStore
store = JobStore(Path(sys.argv[1]))
while True:
    job_id = new_job_id()
    (store.make_place(job_id) / "input.nii").write_bytes(b"scan")
    store.add(job_id, ".nii")
    print(job_id, flush=True)
"""


def test_every_job_that_was_accepted_outlasts_a_kill(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _WRITER, str(tmp_path / "jobs")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        told = [writer.stdout.readline().strip() for _ in range(20)]
        writer.send_signal(signal.SIGKILL)
        told += [line.strip() for line in writer.stdout if line.endswith("\n")]
    store = JobStore(tmp_path / "jobs")
    assert [job_id for job_id in told if store.get(job_id) is None] == []
    folders = {path.name for path in store.folder.glob("*/")}
    assert len(folders) == store.waiting()
    store.close()
