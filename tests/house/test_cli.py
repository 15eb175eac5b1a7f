"""The command line: one line and one status for every way to fail."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from spinesynth import __version__, cli
from spinesynth.errors import CheckpointError, ConfigError, InputError, OutputError, SpineSynthError

Replace = Callable[[str, object], None]


@pytest.fixture
def replace(monkeypatch: pytest.MonkeyPatch) -> Replace:
    """Return a function that replaces ``module.name`` of the pipelines."""

    def put(target: str, value: object) -> None:
        module, name = target.split(".")
        home = importlib.import_module(f"spinesynth.pipelines.{module}")
        monkeypatch.setattr(home, name, value)

    return put


def _run(*words: str) -> int:
    return cli.run(words, command=f"spinesynth {' '.join(words)}")


def _raising(error: BaseException) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:  # noqa: ANN401 it returns nothing
        raise error

    return fail


class _Recorder:
    """Remember the arguments of the last call and return a fixed result."""

    def __init__(self, result: object = "done") -> None:
        self.result = result
        self.words: tuple[Any, ...] = ()
        self.options: dict[str, Any] = {}

    def __call__(self, *words: object, **options: object) -> object:
        self.words, self.options = words, options
        return self.result


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConfigError("seed must be at least 0,\ngot -1", code="E-CONF-002"), 2),
        (InputError("scan.mha is cut off", code="E-FMT-001"), 3),
        (OutputError("disk is full", code="E-OUT-001"), 4),
        (CheckpointError("weights are damaged", code="E-CKPT-002"), 5),
    ],
    ids=lambda value: type(value).__name__,
)
def test_error_is_one_line_with_its_status(
    error: SpineSynthError, status: int, replace: Replace, capsys: pytest.CaptureFixture[str]
) -> None:
    replace("check.check_data", _raising(error))
    assert _run("check", "data") == status
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == f"spinesynth: {' '.join(str(error).split())}\n"


def test_operating_system_error_is_an_output_error(
    replace: Replace, capsys: pytest.CaptureFixture[str]
) -> None:
    replace("demo.run_demo", _raising(PermissionError(13, "Permission denied", "out")))
    assert _run("demo", "synth") == 4
    assert capsys.readouterr().err.startswith("spinesynth: [E-OS-001] [Errno 13] Permission denied")


@pytest.mark.parametrize("words", [("--debug", "check", "data"), ("check", "data", "--debug")])
def test_debug_shows_where_the_error_arose(words: tuple[str, ...], replace: Replace) -> None:
    replace("check.check_data", _raising(InputError("cut off", code="E-FMT-001")))
    with pytest.raises(InputError, match="cut off"):
        _run(*words)


def test_defect_of_the_program_is_not_hidden(replace: Replace) -> None:
    replace("check.check_data", _raising(ZeroDivisionError("a defect")))
    with pytest.raises(ZeroDivisionError, match="a defect"):
        _run("check", "data")


def test_interruption_has_its_own_status(replace: Replace) -> None:
    replace("check.check_data", _raising(KeyboardInterrupt()))
    assert _run("check", "data") == 130


def test_termination_has_its_own_status(replace: Replace) -> None:
    def terminated(path: Path) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    replace("check.check_data", terminated)
    with pytest.raises(SystemExit, match="143"):
        _run("check", "data")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nonsense",), "No such command 'nonsense'"),
        (("train", "--nonsense"), "No such option: --nonsense"),
        (("train", "--model", "C"), "'C' is not one of 'A', 'B', 'both'"),
        (("train", "--epochs", "0"), "greater than or equal to 1"),
        (("train", "--use-dummy-data", "--data-dir", "x"), "give either it or --data-dir"),
        (("evaluate", "--data", "x"), "Missing option '--checkpoint'"),
        (("phantom", "--out", "x"), "Missing option '--n'"),
        (
            ("em-labels", "--data", "x", "--out", "y", "--inside", "few"),
            "--inside must be a number or auto, got 'few'",
        ),
        (
            ("em-labels", "--data", "x", "--out", "y", "--outside", "3-"),
            "--outside must be a number or two, as 3-10, got '3-'",
        ),
        (
            (
                *("qmri-prepare", "--t1-map", "a", "--t2-map", "b", "--label", "c", "--out", "d"),
                *("--t2w", "e", "--t2w-tr", "2435"),
            ),
            "give --t2w, --t2w-tr and --t2w-te together",
        ),
        (
            ("contrast-chart", "--tissues", "csf"),
            "--tissues must be two names, as csf,cord, got 'csf'",
        ),
        (("contrast-chart", "--field", "7"), "'7' is not one of '1.5', '3.0'"),
        (("demo", "nonsense"), "'nonsense' is not one of 'synth'"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_one_line(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(*words) == 2
    line = capsys.readouterr().err
    assert said in line
    assert line.startswith("spinesynth: ")
    assert line.count("\n") == 1


def test_no_arguments_show_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run() == 2
    printed = capsys.readouterr()
    assert "Usage: spinesynth" in printed.out + printed.err


def test_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--version") == 0
    assert capsys.readouterr().out == f"spinesynth {__version__}\n"


def test_every_command_of_the_manual_exists(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--help") == 0
    shown = capsys.readouterr().out
    for name in (
        *("demo", "phantom", "em-labels", "synth", "qmri-prepare", "train", "experiment"),
        *("study", "finetune", "sweep", "soup", "pseudo-label", "evaluate", "predict", "report"),
        *("contrast-chart", "check", "info"),
    ):
        assert f" {name} " in shown


def test_train_takes_the_options_of_the_owner(
    replace: Replace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = _Recorder("trained A")
    replace("experiment.train_models", trained)
    status = _run(
        *("train", "--use-dummy-data", "--model", "A", "--epochs", "3", "--batch-size", "2"),
        *("--lr", "1e-3", "--num-classes", "4", "--seed", "7", "--save-dir", str(tmp_path)),
    )
    (config,) = trained.words
    assert status == 0
    assert config.models == ("A",)
    assert config.training.steps == 3 * config.training.validate_every
    assert config.training.batch_size == 2
    assert config.training.learning_rate == 0.001
    assert config.target_scheme == "semantic4"
    assert config.seed == 7
    assert trained.options["data"] is None
    assert trained.options["folder"] == tmp_path
    assert trained.options["resume"] is False
    assert trained.options["command"].startswith("spinesynth train --use-dummy-data")
    assert capsys.readouterr().out == "trained A\n"


def test_experiment_writes_under_the_name_of_its_configuration(
    replace: Replace, root: Path
) -> None:
    done = _Recorder()
    replace("experiment.run_experiment", done)
    file = str(root / "configs" / "smoke.yaml")
    assert _run("experiment", "--config", file, "--resolution-factors", "1.0,2.5") == 0
    (config,) = done.words
    assert config.evaluation.resolution_factors == (1.0, 2.5)
    assert done.options["folder"] == Path("results/smoke")


@pytest.mark.parametrize("command", ["train", "experiment"])
def test_run_goes_on_if_asked(command: str, replace: Replace) -> None:
    done = _Recorder()
    replace("experiment.train_models", done)
    replace("experiment.run_experiment", done)
    assert _run(command, "--resume") == 0
    assert done.options["resume"] is True


def test_folds_are_run_one_by_one(replace: Replace, root: Path) -> None:
    done = _Recorder()
    replace("cross_validation.run_folds", done)
    assert _run("experiment", "--folds", "5", "--resume") == 0
    (configs,) = done.words
    assert [(c.data.folds, c.data.fold) for c in configs] == [(5, n) for n in range(1, 6)]
    assert done.options["resume"] is True
    replace("study.run_study", done)
    study = str(root / "configs" / "studies" / "contrast.yaml")
    assert _run("study", study, "--folds", "3") == 0
    assert done.options["folds"] == 3


def test_finetune_trains_b_on_numbers_of_patients(replace: Replace, root: Path) -> None:
    done = _Recorder()
    replace("finetune.run_finetune", done)
    file = str(root / "configs" / "smoke.yaml")
    words = ("finetune", file, "--checkpoint", "m.pt", "--data", "d", "--cases", "5,1")
    assert _run(*words, "--no-scratch") == 0
    config, checkpoint = done.words
    assert (config.models, checkpoint) == (("B",), Path("m.pt"))
    assert (done.options["counts"], done.options["scratch"]) == ((1, 5), False)
    assert done.options["folder"] == Path("results/smoke_finetune")
    assert _run(*words[:-1], "5,x") == 2


def test_evaluate_passes_factors_and_sources(replace: Replace, tmp_path: Path) -> None:
    done = _Recorder()
    replace("robustness_run.run_robustness", done)
    status = _run(
        *("evaluate", "--checkpoint", "model_A_best.pt", "--data-dir", "data", "--save-dir"),
        *(str(tmp_path), "--resolution-factors", "1,3", "--source", "clinic"),
    )
    assert status == 0
    assert done.words == ([Path("model_A_best.pt")],)
    assert (done.options["weighting"], done.options["scales"]) == ("mean", (1.0,))
    assert done.options["factors"] == (1.0, 3.0)
    assert done.options["sources"] == ["clinic"]
    assert done.options["include_seen"] is False
    assert (done.options["data"], done.options["folder"]) == (Path("data"), tmp_path)


def test_seen_patients_are_scored_on_request(replace: Replace) -> None:
    done = _Recorder()
    replace("robustness_run.run_robustness", done)
    assert _run("evaluate", "--checkpoint", "m.pt", "--data", "data", "--include-seen") == 0
    assert done.options["include_seen"] is True


@pytest.mark.parametrize(
    ("words", "scheme"), [((), None), (("--scheme", "semantic4"), "semantic4")], ids=str
)
def test_predict_leaves_the_scheme_to_the_checkpoint(
    words: tuple[str, ...], scheme: str | None, replace: Replace
) -> None:
    done = _Recorder(([], []))
    replace("segment.segment_files", done)
    assert _run("predict", "--checkpoint", "c.pt", "-i", "in", "-o", "out", *words) == 0
    assert done.options["scheme"] == scheme


@pytest.mark.parametrize(
    ("written", "refused", "status"),
    [(["a_seg.nii.gz"], [], 0), (["a_seg.nii.gz"], ["b is cut off"], 1), ([], ["b is cut off"], 3)],
    ids=["all", "some", "none"],
)
def test_predict_tells_how_many_it_could_read(
    written: list[str],
    refused: list[str],
    status: int,
    replace: Replace,
    capsys: pytest.CaptureFixture[str],
) -> None:
    replace("segment.segment_files", _Recorder(([Path(name) for name in written], refused)))
    assert _run("predict", "--checkpoint", "c.pt", "-i", "in", "-o", "out") == status
    printed = capsys.readouterr()
    assert printed.out.split() == written
    assert printed.err.splitlines() == refused


def _problems(*rows: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["case_id", "file", "code", "problem", "remedy"], dtype=str)


def test_check_lists_every_problem_and_refuses(
    replace: Replace, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _problems(
        ("p1", "p1.mha", "E-FMT-001", "cut off", "copy it again"),
        ("", "cases.csv", "E-CASE-003", "no column scheme", "add it"),
    )
    replace("check.check_data", lambda path: found)
    assert _run("check", "data") == 3
    assert capsys.readouterr().out.splitlines() == [
        "[E-FMT-001] p1 p1.mha: cut off; copy it again",
        "[E-CASE-003] cases.csv: no column scheme; add it",
    ]
    assert _run("check", "data", "--json") == 3
    first, second = json.loads(capsys.readouterr().out)
    assert (first["case_id"], second["remedy"]) == ("p1", "add it")


def test_check_of_good_data_succeeds(replace: Replace, capsys: pytest.CaptureFixture[str]) -> None:
    replace("check.check_data", lambda path: _problems())
    assert _run("check", "data") == 0
    assert capsys.readouterr().out == "data: no problem found\n"
    assert _run("check", "data", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []


def test_report_goes_beside_the_run_or_into_a_text(
    replace: Replace, capsys: pytest.CaptureFixture[str]
) -> None:
    built, filled = _Recorder((Path("report.md"), Path("report.html"))), _Recorder(None)
    replace("report.build_report", built)
    replace("report.fill_report", filled)
    assert _run("report", "results/demo") == 0
    assert built.words == (Path("results/demo"), Path("results/demo/report"))
    assert _run("report", "results/demo", "--fill", "REPORT.md") == 0
    assert filled.words == (Path("REPORT.md"), Path("REPORT.md"), Path("results/demo"))
    assert capsys.readouterr().out.split() == ["report.md", "report.html", "REPORT.md"]


@pytest.mark.parametrize(
    ("words", "contrasts"),
    [((), []), (("--images", "T1"), ["T1"]), (("--spider",), ["T1", "T2"])],
    ids=str,
)
def test_phantom_draws_scans_where_the_layout_needs_them(
    words: tuple[str, ...], contrasts: list[str], replace: Replace
) -> None:
    done = _Recorder(Path("out/cases.csv"))
    replace("write_phantoms.write_phantom_dataset", done)
    grid = ("--shape", "4", "5", "6", "--spacing", "4", "1", "1.5", "--workers", "3")
    assert _run("phantom", "--n", "7", "--out", "out", *grid, *words) == 0
    assert done.words == (Path("out"),)
    assert done.options == {
        **{"patients": 7, "seed": 42, "contrasts": contrasts, "spider": "--spider" in words},
        **{"shape": (4, 5, 6), "spacing_mm": (4, 1, 1.5), "resume": True, "workers": 3},
    }


def test_em_labels_takes_numbers_of_clusters(replace: Replace) -> None:
    done = _Recorder(Path("out/cases.csv"))
    replace("em_labels.write_em_labels", done)
    assert _run("em-labels", "--data", "in", "--out", "out") == 0
    assert (done.options["inside"], done.options["outside"]) == (None, (3, 10))
    assert _run("em-labels", "--data", "in", "--out", "out", "--inside", "3", "--outside", "5") == 0
    assert (done.options["inside"], done.options["outside"]) == (3, (5, 5))
    assert done.options["workers"] >= 1


def test_info_is_json_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("info", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["spinesynth"] == __version__
    assert facts["packages"]["torch"].startswith("2.")
    assert facts["structures"]["DISC"] == 3


def test_program_leaves_with_the_status_and_without_traceback(root: Path) -> None:
    command = [sys.executable, "-m", "spinesynth", "train", "--epochs", "0"]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert run.returncode == 2
    assert run.stderr.startswith("spinesynth: Invalid value for '--epochs'")
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("script", "option"),
    [("run_experiment.py", "--resolution-factors"), ("evaluate_robustness.py", "--checkpoint")],
)
def test_script_takes_the_options_of_its_command(script: str, option: str, root: Path) -> None:
    run = subprocess.run(
        [sys.executable, script, "--help"], cwd=root, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert option in run.stdout
