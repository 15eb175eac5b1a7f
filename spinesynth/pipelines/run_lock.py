"""One run at a time in a folder; whoever comes second learns who holds it."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from spinesynth.errors import ConfigError
from spinesynth.io.atomic import remove_partial, write_text

_LOCK, _HOLDER = ".lock", ".lock.json"
#: The processes that load data share the lock; they notice within 5 s (torch's
#: MP_STATUS_CHECK_INTERVAL) that the run is dead, and finish the batch that they are at.
_DEATH_S = 30


@contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Hold a run's folder, or say who does.

    The lock is the operating system's and dies with its holder, however that ends:
    the file ``.lock`` alone means nothing. ``.lock.json`` tells who holds it.

    Args:
        folder: of the run; made if missing.

    Raises:
        ConfigError: if a living run holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / _LOCK)
    _acquire(lock, folder)
    try:
        remove_partial(folder)
        write_text(folder / _HOLDER, json.dumps(_describe()) + "\n")
        yield
    finally:
        (folder / _HOLDER).unlink(missing_ok=True)
        lock.release()


def _describe() -> dict[str, Any]:
    """Return who this is."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"pid": os.getpid(), "host": socket.gethostname(), "since": now}


def _acquire(lock: FileLock, folder: Path) -> None:
    try:
        lock.acquire(timeout=0)
        return
    except Timeout:
        holder = _read_holder(folder)
    if _is_dead(holder):
        try:
            lock.acquire(timeout=_DEATH_S)
            return
        except Timeout:
            holder = _read_holder(folder)
    who = (
        f"process {holder.get('pid')} on {holder.get('host')} since {holder.get('since')}"
        if holder
        else "another run"
    )
    raise ConfigError(
        f"{folder} is in use by {who}; wait for it, or choose another --save-dir",
        code="E-RUN-001",
    )


def _read_holder(folder: Path) -> dict[str, Any]:
    """Return who holds a folder, nothing where that cannot be read."""
    try:
        holder = json.loads((folder / _HOLDER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return holder if isinstance(holder, dict) else {}


def _is_dead(holder: dict[str, Any]) -> bool:
    """Return whether the holder is known to have ended: a process of this machine, gone."""
    pid = holder.get("pid")
    if holder.get("host") != socket.gethostname() or not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)  # no signal, only the question whether it could be sent
    except ProcessLookupError:
        return True
    except OSError:  # it lives, and is another user's
        return False
    return False
