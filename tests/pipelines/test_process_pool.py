"""Tasks on several processes: each is done once, and an error comes home as it was."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import torch

from spinesynth.errors import OutputError
from spinesynth.io.problems import InputFileError
from spinesynth.pipelines.process_pool import run_each


def note_threads(path: Path) -> None:
    path.write_text(f"{torch.get_num_threads()} {os.getpid()}")


def refuse(path: Path) -> None:
    raise InputFileError(path, "cut off", remedy="copy it again", code="E-FMT-002")


def wait_less(number: int) -> int:
    time.sleep(0.2 / number)  # the first task ends last
    return number * number


def end_process(path: Path) -> None:
    os._exit(1)


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_every_task_is_done_on_one_thread(workers: int, tmp_path: Path) -> None:
    torch.set_num_threads(2)
    try:
        paths = [tmp_path / str(number) for number in range(3)]
        run_each(note_threads, paths, workers=workers, title="tasks")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    threads, processes = zip(*(path.read_text().split() for path in paths), strict=True)
    assert set(threads) == {"1"}
    assert (str(os.getpid()) in processes) == (workers == 1)


@pytest.mark.parametrize("workers", [1, 2])
def test_error_of_a_task_keeps_its_class_code_and_path(workers: int) -> None:
    paths = [Path("a.mha"), Path("b.mha")]
    with pytest.raises(InputFileError, match=r"^\[E-FMT-002\] \w\.mha: cut off; copy") as caught:
        run_each(refuse, paths, workers=workers, title="tasks")
    assert caught.value.code == "E-FMT-002"
    assert caught.value.path in paths


@pytest.mark.slow
def test_process_that_ends_is_an_error_with_a_remedy() -> None:
    with pytest.raises(OutputError, match=r"E-RUN-003.*fewer --workers"):
        run_each(end_process, [Path("a"), Path("b")], workers=2, title="tasks")


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_results_come_in_the_order_of_the_tasks(workers: int) -> None:
    assert run_each(wait_less, [1, 2, 4], workers=workers, title="tasks") == [1, 4, 16]


def test_nothing_to_do_starts_nothing() -> None:
    assert run_each(refuse, [], workers=4, title="tasks") == []
