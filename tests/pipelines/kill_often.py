"""Train with a sudden end at seeded instants, again and again, until the training is done.

A program of its own, started by a test: it imports everything once and forks for each
attempt, since starting anew costs seconds. It prints how the attempts ended as JSON.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import torch

from spinesynth.io import atomic
from spinesynth.pipelines.data_plan import read_split
from spinesynth.pipelines.experiment import train_models
from spinesynth.pipelines.train import Trainer
from tests.pipelines.tiny_training import tiny_config

_LONGEST_S = 120
_STAGES = ("half-written", "unnamed", "named")
_WRITES = 12  # the lock's note, the split, then states, tables and checkpoints


def _end() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("it lives on")


def _end_in_write(number: int, stage: str) -> None:
    """Let this process end in its n-th write: half-written, before it has its name, or after."""
    sync, replace, count = atomic._sync, os.replace, [0]

    def syncing(path: Path) -> None:
        partial = path.name.startswith(".partial")
        count[0] += partial
        if partial and count[0] == number and stage == "half-written":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
            _end()
        sync(path)

    def replacing(source: Path, target: Path) -> None:
        if count[0] == number and stage == "unnamed":
            _end()
        replace(source, target)
        if count[0] == number and stage == "named":
            _end()

    atomic._sync = syncing
    os.replace = replacing  # type: ignore[assignment]  # it is called with paths here


def _attempt(work: Callable[[], None], *, alive_s: float) -> str:
    """Do some work in a fork, kill it if it lives too long, and say how it ended."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    until = time.monotonic() + alive_s
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        time.sleep(0.002)
    else:
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return "done" if os.WEXITSTATUS(status) == 0 else "failed"


def _warm_up(data: Path, root: Path) -> None:
    """Do once what the first training of a process does; no step, since torch forbids its fork."""
    config = tiny_config()
    split = read_split(config, data)
    Trainer(config, "A", train=split.train, validation=split.validation, folder=root)


def main(data: Path, root: Path, *, kills: int, seed: int) -> None:
    """Train once without any harm, and then with many sudden ends."""
    torch.set_num_threads(1)
    draw, ends = random.Random(seed), Counter[str]()
    config = tiny_config(checkpoint_every=1, keep_best=2, keep_last=2, final_choice="volumes")
    _warm_up(data, root)

    def train(folder: Path) -> None:
        train_models(config, data=data, folder=folder, command="test", resume=True)

    started = time.monotonic()
    ends["whole " + _attempt(lambda: train(root / "whole"), alive_s=_LONGEST_S)] += 1
    whole_s, rounds = time.monotonic() - started, 1
    while ends["SIGKILL"] < kills and not ends["failed"]:
        number, stage = draw.randint(1, _WRITES), draw.choice(_STAGES)
        in_write, alive_s = draw.random() < 0.5, draw.uniform(0.0, whole_s)
        folder = root / str(rounds)

        def work() -> None:
            if in_write:  # noqa: B023 the fork runs at once
                _end_in_write(number, stage)  # noqa: B023
            train(folder)  # noqa: B023

        begun = time.monotonic()
        end = _attempt(work, alive_s=_LONGEST_S if in_write else alive_s)
        ends[end] += 1
        if end == "done":  # killed too late: the next ones hit a new run
            rounds += 1
            whole_s = (whole_s + time.monotonic() - begun) / 2  # a busy machine changes its pace
    ends["last " + _attempt(lambda: train(root / str(rounds)), alive_s=_LONGEST_S)] += 1
    print(json.dumps({"ends": ends, "rounds": rounds}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), kills=int(sys.argv[3]), seed=int(sys.argv[4]))
