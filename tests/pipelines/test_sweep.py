"""A sweep scores on real scans alone, remembers, and goes on where it stopped."""

from __future__ import annotations

import json
import math
import sys
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from spinesynth.cli import run
from spinesynth.errors import ConfigError
from spinesynth.io.discover import discover_cases
from spinesynth.pipelines import sweep as home
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.data_plan import plan_split
from spinesynth.pipelines.sweep import OBJECTIVE, SWEEP_CSV, SWEEP_PNG, TRIALS, run_sweep
from spinesynth.pipelines.sweep_plan import read_sweep
from tests.fabricate import MANIFEST_ROWS, parts_codes, write_manifest, write_nifti
from tests.pipelines.sweep_cases import Pretended, write_sweep
from tests.pipelines.tiny_checkpoint import write_checkpoint

#: A third patient with an image, so that whoever validates has one.
THIRD = MANIFEST_ROWS[0].replace("p1_t1,p1", "p3_t1,p3", 1)
needs_optuna = pytest.mark.usefixtures("_optuna")


@pytest.fixture
def _optuna() -> None:
    pytest.importorskip("optuna")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_manifest(tmp_path_factory.mktemp("data"), [*MANIFEST_ROWS[1:3], THIRD])


def _dice(config: ExperimentConfig) -> float:
    """Return a score that is best at a learning rate of 1e-3 and a batch of 2."""
    distance = abs(math.log10(config.training.learning_rate) + 3)
    return 0.9 - 0.1 * distance - 0.05 * (2 - config.training.batch_size)


@pytest.fixture
def _no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save the seconds that it takes to draw after each trial."""
    monkeypatch.setattr(home, "draw_sweep", lambda table, **look: None)
    monkeypatch.setattr(home, "encode_png", lambda figure: b"")


def _sweep(
    folder: Path, data: Path, pretended: Pretended, monkeypatch: pytest.MonkeyPatch, **said: object
) -> pd.DataFrame:
    """Run a sweep with trainings that pretend, and return its table without the times."""
    monkeypatch.setattr(home, "train_models", pretended)
    folder.mkdir(exist_ok=True)
    run_sweep(read_sweep(write_sweep(folder, **said)), data=data, folder=folder / "out", command="")
    return pd.read_csv(folder / "out" / SWEEP_CSV)


@pytest.mark.slow
@needs_optuna
def test_grid_tries_all_and_names_the_objective(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretended = Pretended(_dice)
    table = _sweep(tmp_path, data, pretended, monkeypatch)
    assert list(table["dice"]) == pytest.approx([0.75, 0.8, 0.85, 0.9, 0.75, 0.8])
    assert list(table["batch"]) == [1, 2] * 3
    assert set(table["objective"]) == {OBJECTIVE}
    assert "real scans" in OBJECTIVE
    assert set(table["state"]) == {"complete"}
    assert (tmp_path / "out" / SWEEP_PNG).read_bytes().startswith(b"\x89PNG")
    text = (tmp_path / "out" / "sweep.md").read_text()
    assert "| rate | 0.0001 to 0.01 | 0.001 |" in text
    assert "| batch | 1, 2 | 2 |" in text
    assert "Trial 3 of 6" in text
    assert [call["folder"].name for call in pretended.calls] == [f"{n:04d}" for n in range(6)]


@pytest.mark.slow
@needs_optuna
@pytest.mark.usefixtures("_no_picture")
@pytest.mark.parametrize("sampler", ["grid", "tpe"])
def test_a_stopped_sweep_tries_what_it_would_have_tried(
    sampler: str, tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirteen trials, so that TPE has ten to learn from; stopped within the 5th and the 12th."""
    said = {"sampler": sampler, "trials": 13, "seed": 3}
    whole = _sweep(tmp_path / "one", data, Pretended(_dice), monkeypatch, **said)
    stopped = Pretended(_dice)

    def stop(call: int) -> None:
        if call in (5, 13):
            raise SystemExit(143)

    stopped.before = stop
    for _ in range(2 if sampler == "tpe" else 1):  # the grid has six
        with pytest.raises(SystemExit, match="143"):
            _sweep(tmp_path / "two", data, stopped, monkeypatch, **said)
    parts = _sweep(tmp_path / "two", data, stopped, monkeypatch, **said)
    pd.testing.assert_frame_equal(parts, whole)
    assert stopped.configs[4] == stopped.configs[5]  # the one in progress, not another
    assert all(call["resume"] for call in stopped.calls)


@pytest.mark.slow
@needs_optuna
@pytest.mark.usefixtures("_no_picture")
def test_a_finished_sweep_may_be_given_more_trials(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretended = Pretended(_dice)
    first = _sweep(tmp_path, data, pretended, monkeypatch, trials=2)
    more = _sweep(tmp_path, data, pretended, monkeypatch, trials=3)
    pd.testing.assert_frame_equal(more[:2], first)
    assert len(pretended.calls) == 3


@pytest.mark.slow
@needs_optuna
@pytest.mark.usefixtures("_no_picture")
def test_tpe_seeks_where_it_is_better(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = _sweep(tmp_path, data, Pretended(_dice), monkeypatch, sampler="tpe", trials=20)
    late, early = table["dice"][10:].mean(), table["dice"][:10].mean()  # 10 are random
    assert late > early
    assert table["rate"].nunique() == 20


@needs_optuna
@pytest.mark.usefixtures("_no_picture")
def test_every_trial_says_what_it_used_and_the_sweep_says_all(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = {"share": {"setting": "training.real_share", "choices": [0.0, 0.5]}}
    table = _sweep(tmp_path, data, Pretended(lambda config: 0.5), monkeypatch, parameters=shares)
    assert list(table["mode"]) == ["label-only+real-choice", "label-only+real-images"]
    record = json.loads((tmp_path / "out" / "sweep.json").read_text())
    assert record["mode"] == "label-only+real-choice+real-images"
    text = (tmp_path / "out" / "sweep.md").read_text()
    assert (
        "used: label-only+real-choice; those of all trials: label-only+real-choice+real-im" in text
    )
    again = _sweep(tmp_path, data, Pretended(lambda config: 0.5), monkeypatch, parameters=shares)
    pd.testing.assert_frame_equal(again, table)


@needs_optuna
def test_a_score_of_synthetic_samples_is_none(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretended = Pretended(lambda config: 0.99, basis="synthetic samples")
    table = _sweep(tmp_path, data, pretended, monkeypatch, trials=2)
    assert table["dice"].isna().all()
    assert set(table["state"]) == {"pruned"}
    assert "No trial has a score yet" in (tmp_path / "out" / "sweep.md").read_text()


@needs_optuna
@pytest.mark.usefixtures("_no_picture")
def test_a_training_that_diverges_ends_its_trial_alone(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dice(config: ExperimentConfig) -> float:
        if config.training.learning_rate > 5e-3:
            raise ConfigError("the loss is not finite", code="E-TRAIN-001")
        return 0.5

    table = _sweep(tmp_path, data, Pretended(dice), monkeypatch)
    assert list(table["state"]) == ["complete"] * 4 + ["pruned"] * 2
    assert set(table["note"].dropna()) == {"[E-TRAIN-001] the loss is not finite"}


@needs_optuna
@pytest.mark.usefixtures("_no_picture")
def test_values_that_do_not_go_together_end_their_trial_alone(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fewer steps, or a longer warm-up: either alone can be, both cannot."""
    swept = {
        "steps": {"setting": "training.steps", "choices": [8, 2]},
        "warmup": {"setting": "training.warmup_steps", "choices": [0, 4]},
    }
    table = _sweep(tmp_path, data, Pretended(lambda config: 0.5), monkeypatch, parameters=swept)
    assert list(table["state"]) == ["complete", "complete", "complete", "pruned"]
    assert "warmup_steps must be fewer than steps (2)" in table["note"].iloc[-1]


@needs_optuna
@pytest.mark.usefixtures("_no_picture")
def test_another_sweep_in_the_folder_is_refused(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _sweep(tmp_path, data, Pretended(_dice), monkeypatch, trials=1)
    with pytest.raises(ConfigError, match=r"E-RUN-002.*seed is 0, not 1"):
        _sweep(tmp_path, data, Pretended(_dice), monkeypatch, trials=1, seed=1)


@pytest.mark.slow
@needs_optuna
@pytest.mark.usefixtures("_no_picture")
@pytest.mark.parametrize("part", ["data", "starts"])
def test_other_data_or_another_start_under_the_same_name_are_refused(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [*MANIFEST_ROWS[1:3], THIRD]
    table, start = write_manifest(tmp_path / "data", rows), tmp_path / "start.pt"
    write_checkpoint(start)
    common = {"training.start_from": str(start)}
    pretended = Pretended(_dice)
    run = partial(_sweep, tmp_path, table, pretended, monkeypatch, trials=1, common=common)
    run()
    run()  # the same is gone on with
    if part == "starts":
        write_checkpoint(start, seen_patients=("ann",))
    else:
        (case,) = plan_split(pretended.configs[0], discover_cases(table)).train
        assert case.label is not None
        write_nifti(case.label, parts_codes()[..., ::-1])
    with pytest.raises(ConfigError, match=rf"E-RUN-002.*{part} is"):
        run()


@needs_optuna
def test_data_without_a_real_validation_scan_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = write_manifest(tmp_path / "data")
    table = pd.read_csv(labels, dtype=str, keep_default_na=False)
    table["image"] = ""
    table.to_csv(labels, index=False)
    with pytest.raises(ConfigError, match=r"E-CONF-003.*never scored on synthetic images alone"):
        _sweep(tmp_path, labels, Pretended(_dice), monkeypatch)


@pytest.mark.slow
@needs_optuna
def test_command_trains_scores_and_goes_on(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two trainings of one step; the same command again trains none."""
    words = ["sweep", str(write_sweep(tmp_path)), "--data", str(data), "--trials", "2"]
    assert run([*words, "-o", str(tmp_path / "out")], command="test") == 0
    printed = capsys.readouterr()
    assert "Scored by: mean Dice over validation patients, whole real scans." in printed.out
    assert "trial 2/2: rate 0.0001, batch 2" in printed.err
    table = pd.read_csv(tmp_path / "out" / SWEEP_CSV)
    assert table["dice"].between(0, 1).all()
    choice = pd.read_csv(tmp_path / "out" / TRIALS / "0001" / "tables" / "choice_A.csv")
    assert set(choice["basis"]) == {"real scans"}
    assert run([*words, "-o", str(tmp_path / "out")], command="test") == 0
    assert "trial" not in capsys.readouterr().err


def test_without_the_extra_it_says_how_to_install_it(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert run(["sweep", str(write_sweep(tmp_path)), "--data", str(data)], command="test") == 2
    line = capsys.readouterr().err
    assert "[E-CONF-041] a sweep needs Optuna" in line
    assert "pip install '.[sweep]'" in line
