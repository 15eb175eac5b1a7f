"""The commands that compare runs and measure the gap."""

from __future__ import annotations

from pathlib import Path

from spinesynth.metrics import DEFAULT_MARGIN
from tests.house.command_line import Recorder, Replace, run_words


def test_statistics_of_one_run_go_into_its_folder(replace: Replace, tmp_path: Path) -> None:
    done = Recorder()
    replace("patient_statistics.run_statistics", done)
    assert run_words("statistics", str(tmp_path), "--margin", "0.03", "--model", "A") == 0
    assert done.words == ([tmp_path],)
    assert done.options["folder"] == tmp_path
    plan = done.options["plan"]
    assert (plan.model, plan.reference, plan.margin, plan.data) == ("A", None, 0.03, None)


def test_statistics_of_several_runs_have_a_folder_of_their_own(replace: Replace) -> None:
    done = Recorder()
    replace("patient_statistics.run_statistics", done)
    words = ("one", "two", "--model", "one/A", "--reference", "two/A")
    assert run_words("statistics", *words) == 0
    assert done.words == ([Path("one"), Path("two")],)
    assert done.options["folder"] == Path("results/statistics")
    assert done.options["plan"].margin == DEFAULT_MARGIN


def test_gap_is_named_after_its_checkpoint(replace: Replace, tmp_path: Path) -> None:
    done = Recorder()
    replace("reality_gap.run_gap", done)
    words = ("--checkpoint", "model_A_best.pt", "--data", "cases.csv", "--results", str(tmp_path))
    assert run_words("gap", *words) == 0
    assert done.options["folder"] == Path("results/model_A_best_gap")
    assert done.options["results"] == tmp_path
    assert (done.options["images"], done.options["include_seen"]) == (48, False)
