"""Options of ``spinesynth predict`` that say how a scan is read and what is mended."""

from __future__ import annotations

import pytest

from spinesynth.io.input_rules import InputRules
from spinesynth.pipelines.segment import SegmentationRun
from spinesynth.postprocess import Cleaning
from tests.house.command_line import Recorder, Replace, run_words


@pytest.fixture
def done(replace: Replace) -> Recorder:
    """Return what stands for the segmentation, and records what it is given."""
    recorder = Recorder(SegmentationRun((), (), {"cases": []}, 0))
    replace("segment.segment_files", recorder)
    return recorder


def test_steps_of_the_cleaning_are_skipped_by_name(done: Recorder) -> None:
    assert run_words("predict", "-i", "in", "-o", "out") == 0
    assert done.options["cleaning"] == Cleaning()
    words = ("--skip-cleaning", "fill-holes", "--skip-cleaning", "small_objects")
    assert run_words("predict", "-i", "in", "-o", "out", *words) == 0
    assert done.options["cleaning"] == Cleaning(fill_holes=False, small_objects=False)
    assert run_words("predict", "-i", "in", "-o", "out", "--skip-cleaning", "all") == 0
    assert done.options["cleaning"] == Cleaning.none()


def test_step_that_is_none_is_one_line(done: Recorder, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_words("predict", "-i", "in", "-o", "out", "--skip-cleaning", "holes") == 2
    said = capsys.readouterr().err
    assert said.startswith("spinesynth: [E-CONF-096] a step of the cleaning must be one of small_")
    assert said.endswith("all, got holes; correct --skip-cleaning\n")
    assert not done.options


def test_rules_for_unusual_scans_are_handed_on(done: Recorder) -> None:
    assert run_words("predict", "-i", "in", "-o", "out") == 0
    assert done.options["rules"] == InputRules()
    words = ("--2d", "--volume", "3", "--magnitude", "--fill-nonfinite", "median", "--deshear")
    more = ("--strict", "--series", "1.2.3", "--allow-nonuniform")
    assert run_words("predict", "-i", "in", "-o", "out", *words, *more) == 0
    assert done.options["rules"] == InputRules(True, 3, True, "median", True, True, "1.2.3", True)


@pytest.mark.parametrize("words", [("--volume", "-1"), ("--fill-nonfinite", "mean")])
def test_impossible_rules_are_refused_by_the_command(
    words: tuple[str, ...], done: Recorder
) -> None:
    assert run_words("predict", "-i", "in", "-o", "out", *words) == 2
    assert not done.options
