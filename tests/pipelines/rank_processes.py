"""Commands in several processes, as torchrun starts them.

A program of its own, started by a test: it imports everything once and forks for each
rank, since starting anew costs seconds. It prints the statuses of the ranks as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
import traceback
from importlib import import_module
from pathlib import Path

import torch

from spinesynth.cli import run
from spinesynth.pipelines.results import training_csv

_LONGEST_S = 120


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _begin_rank(words: list[str], rank: int, size: int, port: int) -> int:
    """Return the id of a fork that runs a command as one of several ranks."""
    child = os.fork()
    if child:
        return child
    names = {
        "RANK": rank, "WORLD_SIZE": size, "LOCAL_RANK": rank,
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port,
    }  # fmt: skip
    os.environ.update({name: str(value) for name, value in names.items()})
    status = 1
    try:
        status = run(words, command="test")
    except SystemExit as leaving:
        status = int(str(leaving.code))
    except Exception:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _wait(children: list[int]) -> list[int]:
    """Return the statuses of the ranks, in their order; none may live on."""
    until, statuses = time.monotonic() + _LONGEST_S, dict[int, int]()
    while len(statuses) < len(children) and time.monotonic() < until:
        for child in children:
            if child not in statuses:
                ended, status = os.waitpid(child, os.WNOHANG)
                if ended:
                    statuses[child] = os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    for child in children:
        if child not in statuses:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return [statuses.get(child, -signal.SIGKILL) for child in children]


def _import_all() -> None:
    """Import what the command imports when it is needed."""
    for name in ("experiment", "options", "rank_run"):
        import_module(f"spinesynth.pipelines.{name}")


def main(size: int, wanted: str, folder: Path, words: list[str]) -> None:
    """Run a command in some ranks, and disturb them once the first validation is done.

    Args:
        size: number of ranks.
        wanted: ``whole``, or the rank and number of a signal as ``1:9``, ``all:15``.
        folder: of the run.
        words: of the command.
    """
    torch.set_num_threads(1)
    _import_all()
    port = _free_port()
    children = [_begin_rank(words, rank, size, port) for rank in range(size)]
    seconds = 0.0
    if wanted != "whole":
        who, number = wanted.split(":")
        until = time.monotonic() + _LONGEST_S
        while not (folder / training_csv("A")).exists() and time.monotonic() < until:
            time.sleep(0.02)
        started = time.monotonic()
        for child in children if who == "all" else [children[int(who)]]:
            os.kill(child, int(number))
        statuses = _wait(children)
        seconds = time.monotonic() - started
    else:
        statuses = _wait(children)
    print(json.dumps({"statuses": statuses, "seconds": seconds}))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4:])
