"""The command line: what each command hands on, and what it tells."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from spinesynth import __version__
from spinesynth.io import shipped_weights
from spinesynth.pipelines.segment import SegmentationRun
from spinesynth.pipelines.segment_outputs import OutputOptions
from tests.house.command_line import Recorder, Replace, run_words
from tests.pipelines.tiny_checkpoint import write_checkpoint


def test_train_takes_the_options_of_the_owner(
    replace: Replace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = Recorder("trained A")
    replace("experiment.train_models", trained)
    status = run_words(
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
    done = Recorder()
    replace("experiment.run_experiment", done)
    file = str(root / "configs" / "smoke.yaml")
    assert run_words("experiment", "--config", file, "--resolution-factors", "1.0,2.5") == 0
    (config,) = done.words
    assert config.evaluation.resolution_factors == (1.0, 2.5)
    assert done.options["folder"] == Path("results/smoke")


@pytest.mark.parametrize("command", ["train", "experiment"])
def test_run_goes_on_if_asked(command: str, replace: Replace) -> None:
    done = Recorder()
    replace("experiment.train_models", done)
    replace("experiment.run_experiment", done)
    assert run_words(command, "--resume") == 0
    assert done.options["resume"] is True


def test_folds_are_run_one_by_one(replace: Replace, root: Path) -> None:
    done = Recorder()
    replace("cross_validation.run_folds", done)
    assert run_words("experiment", "--folds", "5", "--resume") == 0
    (configs,) = done.words
    assert [(c.data.folds, c.data.fold) for c in configs] == [(5, n) for n in range(1, 6)]
    assert done.options["resume"] is True
    replace("study.run_study", done)
    study = str(root / "configs" / "studies" / "contrast.yaml")
    assert run_words("study", study, "--folds", "3") == 0
    assert done.options["folds"] == 3


def test_finetune_trains_b_on_numbers_of_patients(replace: Replace, root: Path) -> None:
    done = Recorder()
    replace("finetune.run_finetune", done)
    file = str(root / "configs" / "smoke.yaml")
    words = ("finetune", file, "--checkpoint", "m.pt", "--data", "d", "--cases", "5,1")
    assert run_words(*words, "--no-scratch") == 0
    config, checkpoint = done.words
    assert (config.models, checkpoint) == (("B",), Path("m.pt"))
    assert (done.options["counts"], done.options["scratch"]) == ((1, 5), False)
    assert done.options["folder"] == Path("results/smoke_finetune")
    assert run_words(*words[:-1], "5,x") == 2


def test_compare_takes_several_tools(replace: Replace, tmp_path: Path) -> None:
    done = Recorder()
    replace("tool_comparison.compare_tools", done)
    status = run_words(
        *("compare", "--pred", "a", "--scheme", "tptbox", "--pred", "b", "--scheme", "sct"),
        *("--name", "SPINEPS", "--name", "SCT", "--data", "cases.csv", "--allow-missing"),
        *("--suffix", "_seg", "--suffix", "", "--trained-on", "train.csv", "-o", str(tmp_path)),
    )
    assert status == 0
    assert done.words == ([Path("a"), Path("b")], ["tptbox", "sct"])
    assert done.options["names"] == ["SPINEPS", "SCT"]
    assert done.options["suffixes"] == ["_seg", ""]
    assert (done.options["allow_missing"], done.options["folder"]) == (True, tmp_path)
    assert done.options["trained_on"] == Path("train.csv")


def test_export_passes_what_becomes_of_partial_annotation(replace: Replace) -> None:
    done = Recorder()
    replace("nnunet_export.export_nnunet", done)
    words = ("export", "nnunet", "--data", "cases.csv", "--out", "raw")
    assert run_words(*words, "--partial", "leave-out", "--id", "7", "--split", "split.csv") == 0
    assert done.words == (Path("cases.csv"), Path("raw"))
    assert (done.options["number"], done.options["partial"]) == (7, "leave-out")
    assert done.options["split"] == Path("split.csv")
    assert run_words("export", "other", *words[2:]) == 2


def test_evaluate_passes_factors_and_sources(replace: Replace, tmp_path: Path) -> None:
    done = Recorder()
    replace("robustness_run.run_robustness", done)
    status = run_words(
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
    done = Recorder()
    replace("robustness_run.run_robustness", done)
    assert run_words("evaluate", "--checkpoint", "m.pt", "--data", "data", "--include-seen") == 0
    assert done.options["include_seen"] is True


def _run(written: list[str], refused: list[str], status: int) -> SegmentationRun:
    cases = [{"case": "a", "warnings": ["no structure was found"]}] if written else []
    return SegmentationRun(
        tuple(Path(name) for name in written), tuple(refused), {"cases": cases}, status
    )


@pytest.mark.parametrize(
    ("words", "scheme"), [((), None), (("--scheme", "semantic4"), "semantic4")], ids=str
)
def test_predict_leaves_scheme_and_weights_to_the_default(
    words: tuple[str, ...], scheme: str | None, replace: Replace
) -> None:
    done = Recorder(_run([], [], 0))
    replace("segment.segment_files", done)
    assert run_words("predict", "-i", "in", "-o", "out", *words) == 0
    assert done.words == (None, Path("in"))
    assert done.options["scheme"] == scheme
    assert done.options["options"] == OutputOptions()


def test_predict_passes_what_it_is_told(replace: Replace) -> None:
    done = Recorder(_run([], [], 0))
    replace("segment.segment_files", done)
    status = run_words(
        *("predict", "--checkpoint", "c.pt", "-w", "phantom2d", "--input", "in", "--output", "o"),
        *("--format", "nrrd", "--no-volumes", "--no-preview", "--no-instances", "--bids"),
        *("--device", "cpu", "--lowest", "L6", "--weighting", "certainty", "--scale", "1.1"),
    )
    assert status == 0
    assert done.words == (["c.pt", "phantom2d"], Path("in"))
    assert done.options["options"] == OutputOptions("nrrd", False, False, True, False)
    assert (done.options["device"], done.options["lowest"]) == ("cpu", "L6")
    assert (done.options["weighting"], done.options["scales"]) == ("certainty", [1.1])


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
    replace("segment.segment_files", Recorder(_run(written, refused, status)))
    assert run_words("predict", "--checkpoint", "c.pt", "-i", "in", "-o", "out") == status
    printed = capsys.readouterr()
    assert printed.out.split() == written
    assert printed.err.splitlines() == refused + ["a: no structure was found"] * len(written)


def test_predict_prints_json_and_nothing_else_on_request(
    replace: Replace, capsys: pytest.CaptureFixture[str]
) -> None:
    replace("segment.segment_files", Recorder(_run(["a_seg.nii.gz"], ["b is cut off"], 1)))
    assert run_words("predict", "-i", "in", "-o", "out", "--json") == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["cases"][0]["case"] == "a"
    assert printed.err == ""


def test_weights_are_listed_and_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shipped_weights.list_weights, "__defaults__", (tmp_path,))
    for command in ("list", "verify"):
        assert run_words("weights", command) == 0
        said = capsys.readouterr().out
        assert said.startswith("no weights are shipped with this installation")
        assert said.count("\n") == 1
    words = ("export", "weights", "--checkpoint", str(write_checkpoint(tmp_path / "m.pt")))
    output = str(tmp_path / "tiny.safetensors")
    assert run_words(*words, "--output", output, "--about", "a tiny one", "--index") == 0
    assert capsys.readouterr().out.split() == [output, str(tmp_path / "tiny.md")]
    card = (tmp_path / "tiny.md").read_text()
    assert "# tiny" in card
    assert "| optimiser steps | 3 |" in card
    assert "Not for diagnosis" in card
    assert run_words("weights", "list", "--json") == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["name"], told["default"], told["about"]) == ("tiny", True, "a tiny one")
    assert run_words("weights", "verify") == 0
    assert capsys.readouterr().out == "tiny: whole\n"
    content = (tmp_path / "tiny.safetensors").read_bytes()
    (tmp_path / "tiny.safetensors").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert run_words("weights", "verify") == 5
    assert run_words(*words, "--output", str(tmp_path / "tiny.pt")) == 5


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
    assert run_words("check", "data") == 3
    assert capsys.readouterr().out.splitlines() == [
        "[E-FMT-001] p1 p1.mha: cut off; copy it again",
        "[E-CASE-003] cases.csv: no column scheme; add it",
    ]
    assert run_words("check", "data", "--json") == 3
    first, second = json.loads(capsys.readouterr().out)
    assert (first["case_id"], second["remedy"]) == ("p1", "add it")


def test_check_of_good_data_succeeds(replace: Replace, capsys: pytest.CaptureFixture[str]) -> None:
    replace("check.check_data", lambda path: _problems())
    assert run_words("check", "data") == 0
    assert capsys.readouterr().out == "data: no problem found\n"
    assert run_words("check", "data", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []


def test_report_goes_beside_the_run_or_into_a_text(
    replace: Replace, capsys: pytest.CaptureFixture[str]
) -> None:
    built, filled = Recorder((Path("report.md"), Path("report.html"))), Recorder(None)
    replace("report.build_report", built)
    replace("report.fill_report", filled)
    assert run_words("report", "results/demo") == 0
    assert built.words == (Path("results/demo"), Path("results/demo/report"))
    assert run_words("report", "results/demo", "--fill", "REPORT.md") == 0
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
    done = Recorder(Path("out/cases.csv"))
    replace("write_phantoms.write_phantom_dataset", done)
    grid = ("--shape", "4", "5", "6", "--spacing", "4", "1", "1.5", "--workers", "3")
    assert run_words("phantom", "--n", "7", "--out", "out", *grid, *words) == 0
    assert done.words == (Path("out"),)
    assert done.options == {
        **{"patients": 7, "seed": 42, "contrasts": contrasts, "spider": "--spider" in words},
        **{"shape": (4, 5, 6), "spacing_mm": (4, 1, 1.5), "resume": True, "workers": 3},
    }


def test_em_labels_takes_numbers_of_clusters(replace: Replace) -> None:
    done = Recorder(Path("out/cases.csv"))
    replace("em_labels.write_em_labels", done)
    assert run_words("em-labels", "--data", "in", "--out", "out") == 0
    assert (done.options["inside"], done.options["outside"]) == (None, (3, 10))
    assert (
        run_words("em-labels", "--data", "in", "--out", "out", "--inside", "3", "--outside", "5")
        == 0
    )
    assert (done.options["inside"], done.options["outside"]) == (3, (5, 5))
    assert done.options["workers"] >= 1


def test_info_is_json_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_words("info", "--json") == 0
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
