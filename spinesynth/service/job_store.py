"""Jobs on disk: accepted ones survive whatever becomes of the process, and run at most twice.

SQLite with a write-ahead log beside one folder a job. What is in the log is whole after a
kill at any instant; a loss of power may undo the last few commits, never half of one.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from spinesynth.service.job import MOST_ATTEMPTS, Job
from spinesynth.service.limits import Limits
from spinesynth.service.problem import Problem, refuse

_PRIVATE = 0o700
_TABLE = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    suffix TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0,
    created_s REAL NOT NULL,
    finished_s REAL,
    problem TEXT,
    bytes INTEGER NOT NULL DEFAULT 0
) STRICT
"""
_COLUMNS = "id, suffix, state, attempts, created_s, finished_s, problem"


def worker_lost() -> Problem:
    """Return what is told of a job whose worker died each time."""
    return refuse(
        "E-SERVE-010",
        f"the worker process ended {MOST_ATTEMPTS} times while it was at this job; the scan may "
        "need more memory than there is",
    ).problem


class JobStore:
    """Keep jobs and their files in a folder that nobody else may read.

    Args:
        folder: made if missing. What an earlier process left is taken up: running jobs wait
            again, but those that have had all their attempts have failed.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as name:
        ...     store = JobStore(Path(name) / "jobs")
        ...     store.close()
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        os.chmod(folder, _PRIVATE)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(
            folder / "jobs.sqlite", check_same_thread=False, isolation_level=None
        )
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(_TABLE)
        self._recover()

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._db.close()

    def place(self, job_id: str) -> Path:
        """Return the folder of a job, whose id must be the server's own."""
        return self.folder / job_id

    def make_place(self, job_id: str) -> Path:
        """Make the folder of a job that is being received."""
        place = self.place(job_id)
        place.mkdir(mode=_PRIVATE)
        return place

    def add(self, job_id: str, suffix: str) -> Job:
        """Accept a job whose upload is complete."""
        with self._change() as db:
            db.execute(
                "INSERT INTO jobs (id, suffix, state, created_s) VALUES (?, ?, 'queued', ?)",
                (job_id, suffix, time.time()),
            )
        job = self.get(job_id)
        assert job is not None  # it was just added
        return job

    def get(self, job_id: str) -> Job | None:
        """Return a job, None if there is none of that id."""
        with self._lock:
            row = self._db.execute(
                f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", (job_id,)
            ).fetchone()
        return None if row is None else _job(row)

    def waiting(self) -> int:
        """Return how many jobs wait."""
        with self._lock:
            (count,) = self._db.execute(
                "SELECT count(*) FROM jobs WHERE state = 'queued'"
            ).fetchone()
        return int(count)

    def claim(self) -> Job | None:
        """Begin the job that has waited longest; None if none waits."""
        with self._change() as db:
            row = db.execute(
                "UPDATE jobs SET state = 'running', attempts = attempts + 1 WHERE number = "
                "(SELECT min(number) FROM jobs WHERE state = 'queued') "
                f"RETURNING {_COLUMNS}"
            ).fetchone()
        return None if row is None else _job(row)

    def give_back(self, job_id: str) -> None:
        """Let a job that was begun wait again."""
        with self._change() as db:
            db.execute("UPDATE jobs SET state = 'queued' WHERE id = ?", (job_id,))

    def finish(self, job_id: str, problem: Problem | None = None) -> bool:
        """Say that a job is done, or why it failed; its upload is removed.

        Returns:
            False if it was deleted meanwhile; its files are gone then.
        """
        place = self.place(job_id)
        for upload in place.glob("input.*"):
            upload.unlink(missing_ok=True)
        size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
        told = None if problem is None else json.dumps(asdict(problem))
        with self._change() as db:
            known = db.execute(
                "UPDATE jobs SET state = ?, finished_s = ?, problem = ?, bytes = ? WHERE id = ?",
                ("done" if problem is None else "failed", time.time(), told, size, job_id),
            ).rowcount
        if not known:
            self.discard(job_id)
        return bool(known)

    def remove(self, job_id: str) -> bool:
        """Forget a job and remove its files; those of a running one go when it ends.

        Returns:
            False if there is none of that id.
        """
        with self._change() as db:
            row = db.execute("DELETE FROM jobs WHERE id = ? RETURNING state", (job_id,)).fetchone()
        if row is not None and row[0] != "running":
            self.discard(job_id)
        return row is not None

    def discard(self, job_id: str) -> None:
        """Remove the files of a job."""
        shutil.rmtree(self.place(job_id), ignore_errors=True)

    def remove_old(self, limits: Limits) -> int:
        """Remove finished jobs beyond an age, a number or a size, the oldest first.

        Args:
            limits: of these: ``keep_s``, ``keep_jobs``, ``keep_bytes``.

        Returns:
            How many.
        """
        with self._lock:
            rows = self._db.execute(
                "SELECT id, finished_s, bytes FROM jobs WHERE finished_s IS NOT NULL "
                "ORDER BY number DESC"
            ).fetchall()
        old, total, oldest_s = list[str](), 0, time.time() - limits.keep_s
        for count, (job_id, finished_s, size) in enumerate(rows, start=1):
            total += size
            beyond = count > limits.keep_jobs or total > limits.keep_bytes
            if beyond or finished_s < oldest_s:
                old.append(job_id)
        return sum(self.remove(job_id) for job_id in old)

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """Give the database for one change, whole or not at all."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _recover(self) -> None:
        """Take up what an earlier process left."""
        with self._change() as db:
            db.execute(
                "UPDATE jobs SET state = 'queued' WHERE state = 'running' AND attempts < ?",
                (MOST_ATTEMPTS,),
            )
            lost = [row[0] for row in db.execute("SELECT id FROM jobs WHERE state = 'running'")]
            known = {row[0] for row in db.execute("SELECT id FROM jobs")}
        for job_id in lost:
            self.finish(job_id, worker_lost())
        for place in self.folder.iterdir():  # of requests that never came in whole
            if place.is_dir() and place.name not in known:
                shutil.rmtree(place, ignore_errors=True)


def _job(row: Sequence[Any]) -> Job:
    job_id, suffix, state, attempts, created_s, finished_s, problem = row
    told = None if problem is None else Problem(**json.loads(problem))
    return Job(job_id, suffix, state, attempts, created_s, finished_s, told)
