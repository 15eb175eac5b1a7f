"""The benchmark makes what it says it measures. How fast is for the benchmark to say."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks import contrast, inference, metrics, synthesis, training
from benchmarks.synthesis_peers.catalogue import LIBRARIES, NOT_MEASURED, OURS, TORCHIO2
from benchmarks.synthesis_peers.measure import peak_growth_mib, take_turns
from benchmarks.synthesis_peers.table import Row, format_notes, format_rows, format_steps
from benchmarks.synthesis_peers.training import STEPS, Step, time_step
from benchmarks.synthesis_peers.work import WORKS, Work, check_output, make_map
from benchmarks.synthesis_peers.worker import Worker
from spinesynth.io.discover import discover_cases
from tests.fabricate import write_manifest

TINY = (
    Work("volume", (20, 24, 16), (20, 24, 16), rounds=1, limit_mib=200),
    Work("patch", (16, 20, 16), (24, 28, 24), rounds=1, limit_mib=30),
    Work("slice", (20, 24), (20, 24), rounds=1, limit_mib=20),
)
HERE = [
    (name, work)
    for name, library in LIBRARIES.items()
    for work in TINY
    if name != TORCHIO2 and library.installed() and work.name in library.works
]


def test_works_are_those_that_are_promised() -> None:
    assert {work.name: (work.size, work.source, work.limit_mib) for work in WORKS} == {
        "volume": ((160, 256, 64), (160, 256, 64), 200),
        "patch": ((80, 80, 32), (160, 256, 64), 30),
        "slice": ((256, 256), (256, 256), 20),
    }


def test_map_holds_its_twenty_labels() -> None:
    codes = make_map((48, 64, 48))
    assert codes.dtype == torch.uint8
    assert codes.shape == (1, 48, 64, 48)
    assert set(codes.flatten().tolist()) == set(range(20))


def test_cut_takes_the_middle() -> None:
    work = Work("patch", (2, 2), (4, 6), rounds=1, limit_mib=0)
    data = torch.arange(24).reshape(1, 4, 6)
    assert work.corner == (1, 2)
    assert work.cut(data).tolist() == [[[8, 9], [14, 15]]]


@pytest.mark.parametrize(("library", "work"), HERE, ids=[f"{n} {w.name}" for n, w in HERE])
def test_library_makes_the_work_and_leaves_the_map(library: str, work: Work) -> None:
    codes = make_map(work.source)
    before = codes.clone()
    image = LIBRARIES[library].build(work)(codes)
    check_output(work, image)
    assert bool(image.isfinite().all())
    assert float(image.std()) > 0
    assert torch.equal(codes, before)


def test_output_of_wrong_size_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"slice must be a float image of shape \(1, 20, 24\)"):
        check_output(TINY[2], torch.zeros(1, 20, 23))
    with pytest.raises(RuntimeError, match=r"got torch\.uint8"):
        check_output(TINY[2], torch.zeros(1, 20, 24, dtype=torch.uint8))


def test_libraries_take_turns() -> None:
    order: list[str] = []
    costs_ms = {"a": iter([5.0, 1.0, 2.0]), "b": iter([7.0, 9.0, 8.0])}

    def timer(name: str) -> float:
        order.append(name)
        return next(costs_ms[name])

    medians = take_turns({"a": lambda: timer("a"), "b": lambda: timer("b")}, 3)
    assert order == ["a", "b"] * 3
    assert medians == {"a": 2.0, "b": 8.0}


def test_peak_counts_what_a_call_held_and_gave_back() -> None:
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("the system does not tell")
    mib = peak_growth_mib(lambda: torch.ones(32 * 2**18).sum())
    # 32 MiB of float32; a few pages of the call itself come on top
    assert mib == pytest.approx(32, abs=4)
    assert peak_growth_mib(lambda: None) == pytest.approx(0, abs=2)


def test_peer_that_is_missing_is_skipped_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    chosen, skipped = synthesis.choose(None)
    assert chosen == []
    assert set(skipped) == {*LIBRARIES, *NOT_MEASURED}
    text = format_notes({}, skipped)
    assert all(f"Skipped: {name} (" in text for name in skipped)


def test_torchio2_needs_its_folder() -> None:
    assert TORCHIO2 not in synthesis.choose(None)[0]
    assert TORCHIO2 in synthesis.choose(Path("anywhere"))[0]
    assert OURS in synthesis.choose(None)[0]


@pytest.mark.slow
def test_worker_makes_samples_in_a_process_of_its_own() -> None:
    with Worker(OURS, TINY[2]) as worker:
        assert 0 < worker.time_ms() < 60_000
        peak = worker.peak_mib()
        assert peak is None or 0 <= peak < 100
    assert worker.process.returncode == 0


@pytest.mark.slow
def test_folder_comes_first_in_the_worker(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "torchio").mkdir()
    (tmp_path / "torchio" / "__init__.py").write_text("__version__ = '2.0.0-stand-in'\n")
    with pytest.raises(RuntimeError, match="torchio2 must answer, but its process ended"):
        Worker(TORCHIO2, TINY[2], first=tmp_path)
    assert "must be version 2, got 2.0.0-stand-in" in capfd.readouterr().err


def test_rows_of_ours_are_complete(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(synthesis, "WORKS", TINY[2:])
    monkeypatch.setattr(synthesis, "choose", lambda folder: ([OURS], dict(NOT_MEASURED)))
    step = Step("slice", "tiny", lambda: nn.Conv2d(1, 6, 1))
    monkeypatch.setattr(synthesis, "STEPS", (step,))
    # that is a process of its own, and has its own test
    monkeypatch.setattr(synthesis, "measure_peak", lambda work, name, folder: 5.5)
    file = tmp_path / "speed.json"
    synthesis.main(["--repeats", "1", "--json", str(file)])
    content = json.loads(file.read_text())
    (row,) = content["rows"]
    assert (row["work"], row["library"], row["threads"]) == ("slice", OURS, 1)
    assert row["median_ms"] > 0
    assert row["peak_mib"] == 5.5
    (share,) = content["steps"]
    assert share["share_percent"] == pytest.approx(100 * row["median_ms"] / share["step_ms"])
    assert content["skipped"] == NOT_MEASURED


def test_table_compares_with_ours() -> None:
    rows = [Row("slice", OURS, 1, 4.0, 5.0), Row("slice", "torchio", 1, 50.0, None)]
    ours, other = format_rows(rows, TINY[2:]).splitlines()[-2:]
    assert ours.split() == ["spinesynth", "4.0", "1.0x", "250.0", "5"]
    assert other.split() == ["torchio", "50.0", "12.5x", "20.0", "unknown"]
    assert "at most 3 %" in format_steps([])


def test_steps_train_on_a_work() -> None:
    assert {step.work for step in STEPS} == {"slice", "patch"}
    milliseconds = time_step(nn.Conv2d(1, 6, 1), (8, 8), 1)
    assert math.isfinite(milliseconds)
    assert milliseconds > 0


def test_contrasts_take_turns_at_stage_and_recipe(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(contrast, "WORKS", (contrast.Work("slice", (1, 24, 28), 1),))
    file = tmp_path / "contrast.json"
    contrast.main(["--repeats", "1", "--json", str(file)])
    rows = json.loads(file.read_text())["rows"]
    assert [(row["what"], row["contrast"]) for row in rows] == [
        (what, name) for what in ("stage", "recipe") for name in contrast.CONTRASTS
    ]
    assert [row["ratio"] for row in rows[::4]] == [1, 1]  # the random mixture's own
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(rows)


def test_metrics_equal_monai_before_they_are_timed() -> None:
    shape, number = (6, 40, 60), 3
    codes = metrics.column(shape, instances=number)
    assert np.unique(codes).tolist() == [0, 1, 2, 3]
    assert not np.array_equal(codes, metrics.column(shape, instances=number, shift=3.0))
    measured = metrics.measure(shape, number, 1)
    assert measured["difference"] < 1e-5  # MONAI computes in float32
    assert measured["ratio"] == pytest.approx(measured[metrics.MONAI] / measured[metrics.OURS])


def test_training_steps_take_turns_and_the_wait_is_a_share(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    preset = tmp_path / "cpu.yaml"
    preset.write_text(
        "name: tiny\nnetwork: {base_features: 2}\nsynthesis: {phantom_share: 0.0}\n"
        "training: {batch_size: 2, patch_size: [32, 32], workers: 0}\n"
    )
    monkeypatch.setattr(training, "PRESET", preset)
    cases = [c for c in discover_cases(write_manifest(tmp_path / "data")) if c.scheme == "parts"]
    rows = training.measure(cases, tmp_path, repeats=2)
    assert [row.what for row in rows[:2]] == [training.OURS, training.PLAIN]
    assert len({row.what for row in rows}) == 7
    assert rows[0].ratio == 1
    assert rows[1].ratio == pytest.approx(rows[1].median_ms / rows[0].median_ms)
    # a step makes its own batch here: it waits for all of the making
    assert rows[-1].what == training.WAITING
    assert 0 < rows[-1].ratio < 1
    assert "% of the time" in training.format_rows(rows).splitlines()[-1]


def test_ways_to_predict_give_the_labels_of_monai(tmp_path: Path) -> None:
    work = inference.Work(shape=(3, 70, 60), patch=(32, 32), features=2)
    checkpoint = tmp_path / "network.pt"
    inference.write_network(checkpoint, work)
    threads = torch.get_num_threads()
    labels = []
    try:
        for number, what in enumerate((inference.MONAI, inference.TORCH)):
            result = tmp_path / f"{number}.json"
            inference.run_one(what, checkpoint, work, 1, result)
            assert json.loads(result.read_text())["median_s"] > 0
            labels.append(torch.load(result.with_suffix(".pt"), weights_only=True))
    finally:
        torch.set_num_threads(threads)
    assert labels[0].shape == work.shape
    assert (labels[0] != labels[1]).float().mean() < 1e-3  # ties of an untrained network alone
    rows = [inference.Row(inference.MONAI, 2.0, 900.0, 1.0, 0.0)]
    assert inference.format_rows(rows).splitlines()[1].split()[-4:] == [
        *("2.00", "900", "1.00", "0.0e+00")
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--repeats", "0"], "--repeats must be at least 1, got 0"),
        (["--torchio2", os.devnull], f"--torchio2 must hold the package torchio, got {os.devnull}"),
    ],
)
def test_impossible_option_is_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        synthesis.main(arguments)
    assert message in capsys.readouterr().err
