"""The command of the robustness suite names models, conditions and severities."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house.command_line import Recorder, Replace, run_words


def test_robustness_takes_models_side_by_side(replace: Replace, tmp_path: Path) -> None:
    done = Recorder()
    replace("suite_run.run_suite", done)
    status = run_words(
        *("robustness", "--model", "A=a.pt", "--model", "AB=a.pt,b.pt", "--data", "data"),
        *("--checkpoint", "c.pt", "--condition", "noise", "--severities", "5,1"),
        *(
            "--predictions",
            "tool=folder",
            "--exported",
            "x",
            "--scheme",
            "semantic4",
            "--save-dir",
            str(tmp_path),
        ),
    )
    assert status == 0
    (models,) = done.words
    assert models == {
        "A": [Path("a.pt")], "AB": [Path("a.pt"), Path("b.pt")], "": [Path("c.pt")],
    }  # fmt: skip
    assert done.options["predictions"] == {"tool": Path("folder")}
    assert (done.options["scheme"], done.options["folder"]) == ("semantic4", tmp_path)
    assert done.options["exported"] == Path("x")
    options = done.options["options"]
    assert (options.conditions, options.severities) == (("noise",), (1, 5))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--model", "a.pt"), "must be NAME=FILE"),
        (("--model", "A=a.pt", "--model", "A=b.pt"), "each name once"),
        (("--predictions", "A="), "must be NAME=FOLDER"),
        (("--export", "x", "--model", "A=a.pt"), "only writes images"),
        (("--export", "x", "--predictions", "A=b"), "only writes images"),
        (("--severities", "0"), "severities must be one or more of"),
    ],
    ids=" ".join,
)
def test_robustness_refuses_what_names_no_model(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_words("robustness", "--data", "data", *words) == 2
    assert said in capsys.readouterr().err
