"""The command line: one line and one status for every way to fail."""

from __future__ import annotations

import os
import signal
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from spinesynth import __version__
from spinesynth.errors import CheckpointError, ConfigError, InputError, OutputError, SpineSynthError
from tests.house.command_line import Recorder, Replace, raising, run_words


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
    replace("check.check_data", raising(error))
    assert run_words("check", "data") == status
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == f"spinesynth: {' '.join(str(error).split())}\n"


def test_operating_system_error_is_an_output_error(
    replace: Replace, capsys: pytest.CaptureFixture[str]
) -> None:
    replace("demo.run_demo", raising(PermissionError(13, "Permission denied", "out")))
    assert run_words("demo", "synth") == 4
    assert capsys.readouterr().err.startswith("spinesynth: [E-OS-001] [Errno 13] Permission denied")


@pytest.mark.parametrize("words", [("--debug", "check", "data"), ("check", "data", "--debug")])
def test_debug_shows_where_the_error_arose(words: tuple[str, ...], replace: Replace) -> None:
    replace("check.check_data", raising(InputError("cut off", code="E-FMT-001")))
    with pytest.raises(InputError, match="cut off"):
        run_words(*words)


def test_defect_of_the_program_is_not_hidden(replace: Replace) -> None:
    replace("check.check_data", raising(ZeroDivisionError("a defect")))
    with pytest.raises(ZeroDivisionError, match="a defect"):
        run_words("check", "data")


def test_interruption_has_its_own_status(replace: Replace) -> None:
    replace("check.check_data", raising(KeyboardInterrupt()))
    assert run_words("check", "data") == 130


def test_termination_has_its_own_status(replace: Replace) -> None:
    def terminated(path: Path) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    replace("check.check_data", terminated)
    with pytest.raises(SystemExit, match="143"):
        run_words("check", "data")


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
        (("statistics",), "Missing argument 'results'"),
        (("gap", "--data", "x"), "Missing option '--checkpoint'"),
        (("demo", "nonsense"), "'nonsense' is not one of 'synth'"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_one_line(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_words(*words) == 2
    line = capsys.readouterr().err
    assert said in line
    assert line.startswith("spinesynth: ")
    assert line.count("\n") == 1


def test_no_arguments_show_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_words() == 2
    printed = capsys.readouterr()
    assert "Usage: spinesynth" in printed.out + printed.err


def test_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_words("--version") == 0
    assert capsys.readouterr().out == f"spinesynth {__version__}\n"


def test_every_command_of_the_manual_exists(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_words("--help") == 0
    shown = capsys.readouterr().out
    for name in (
        *("demo", "phantom", "em-labels", "synth", "qmri-prepare", "train", "experiment"),
        *("study", "finetune", "sweep", "soup", "pseudo-label", "evaluate", "predict", "report"),
        *("contrast-chart", "check", "info", "robustness"),
        *("contrast-chart", "check", "info", "statistics", "gap"),
        *("contrast-chart", "check", "info", "compare", "export"),
        *("predict", "weights", "serve", "preannotate"),
    ):
        assert f" {name} " in shown


def test_file_name_that_is_not_utf8_is_printed_byte_for_byte(
    replace: Replace, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed, written = BytesIO(), [Path(os.fsdecode(b"out\xff/a.png"))]
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(printed, "utf-8", write_through=True))
    replace("gallery.draw_gallery", Recorder(written))
    assert run_words("gallery") == 0
    assert printed.getvalue() == b"out\xff/a.png\n"
