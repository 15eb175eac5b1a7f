"""One command from runs to statistics: the same bytes every time, and refusals that say why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spinesynth.cli import run
from spinesynth.errors import ConfigError, InputError
from spinesynth.io.tables import write_csv
from spinesynth.pipelines.patient_statistics import (
    StatisticsPlan,
    collect_scores,
    run_statistics,
)
from spinesynth.pipelines.results import (
    BLAND_ALTMAN_CSV,
    METRICS_CSV,
    PAIRED_TESTS_CSV,
    REALITY_GAP_CSV,
    STRATA_CSV,
    TABLES,
)
from spinesynth.pipelines.statistics_figures import build_agreement, build_boxes
from tests.pipelines.fabricated_run import make_tables


def write_scored(folder: Path, *, models: tuple[str, ...] = ("A", "B")) -> Path:
    """Write a run's scores, volumes among them, and return its folder."""
    scores, _ = make_tables()
    # few groups, as each is a panel of a figure
    few = scores["structure"].isin(["disc", "body"]) & (scores["source"] != "two_contrasts")
    scores = scores[few & scores["model"].isin(models)]
    volumes = scores[scores["metric"] == "volume_error"]
    shares = volumes.assign(metric="relative_volume_error", value=volumes["value"] / 20, unit="1")
    (folder / TABLES).mkdir(parents=True)
    write_csv(folder / METRICS_CSV, pd.concat([scores, shares]))
    return folder


def test_one_command_writes_every_table_and_figure_the_same_twice(tmp_path: Path) -> None:
    scored = write_scored(tmp_path / "run")
    for name in ("first", "second"):
        words = ["statistics", str(scored), "--save-dir", str(tmp_path / name), "--margin", "0.05"]
        assert run(words, command="test") == 0
    first, second = (
        {path.relative_to(tmp_path / name): path.read_bytes()
         for path in (tmp_path / name).rglob("*") if path.is_file()}
        for name in ("first", "second")
    )  # fmt: skip
    curves = {Path("curves") / f"{name}.png" for name in ("box_dice", "box_hd95", "bland_altman")}
    tables = {PAIRED_TESTS_CSV, REALITY_GAP_CSV, BLAND_ALTMAN_CSV, STRATA_CSV}
    assert set(first) == tables | curves
    assert first == second
    gap = pd.read_csv(tmp_path / "first" / REALITY_GAP_CSV)
    assert set(gap["margin"]) == {0.05}
    assert set(gap["scope"]) == {"source and contrast", "contrast", "overall"}


def test_gap_is_told_and_few_patients_say_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scored = write_scored(tmp_path / "run")
    assert run(["statistics", str(scored)], command="test") == 0
    told = capsys.readouterr().out
    assert "Reality gap in Dice, A - B" in told
    (body,) = [line for line in told.splitlines() if line.strip().startswith("body")]
    assert "1 patients: inconclusive (fewer than 6 patients: no verdict)" in body
    assert "No column for: field strength, slice thickness, age, sex" in told
    assert (scored / PAIRED_TESTS_CSV).is_file()


def test_runs_with_models_of_one_name_are_told_apart(tmp_path: Path) -> None:
    folders = [write_scored(tmp_path / name, models=("A",)) for name in ("one", "two")]
    assert set(collect_scores(folders)["model"]) == {"one/A", "two/A"}
    plan = StatisticsPlan(model="one/A", reference="two/A")
    told = run_statistics(folders, folder=tmp_path / "out", plan=plan)
    assert "one/A - two/A" in told
    gap = pd.read_csv(tmp_path / "out" / REALITY_GAP_CSV)
    assert np.allclose(gap["gap"], 0)  # both runs hold the same scores


def test_runs_of_different_models_keep_their_names(tmp_path: Path) -> None:
    folders = [write_scored(tmp_path / name, models=(name,)) for name in "AB"]
    assert set(collect_scores(folders)["model"]) == {"A", "B"}


def test_one_model_alone_has_strata_but_no_gap(tmp_path: Path) -> None:
    scored = write_scored(tmp_path / "run", models=("A",))
    told = run_statistics([scored], folder=tmp_path / "out", plan=StatisticsPlan())
    assert "name two models with --model and --reference" in told
    assert not (tmp_path / "out" / REALITY_GAP_CSV).exists()
    assert not (tmp_path / "out" / PAIRED_TESTS_CSV).exists()
    assert (tmp_path / "out" / STRATA_CSV).is_file()


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (StatisticsPlan(model="C"), "model and reference must be two of A, B, got C and B"),
        (StatisticsPlan(reference="A"), "must be two of A, B, got A and A"),
        (StatisticsPlan(margin=0.0), r"margin must be positive, got 0\.0"),
    ],
)
def test_impossible_questions_are_refused(tmp_path: Path, plan: StatisticsPlan, said: str) -> None:
    scored = write_scored(tmp_path / "run")
    with pytest.raises(ConfigError, match=f"E-STAT-001.*{said}"):
        run_statistics([scored], folder=tmp_path / "out", plan=plan)
    assert not (tmp_path / "out").exists()


def test_run_without_scores_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"E-CASE-005.*holds no scores"):
        collect_scores([tmp_path])


def test_scan_that_is_scored_twice_is_refused(tmp_path: Path) -> None:
    scored = write_scored(tmp_path / "run")
    text = (scored / METRICS_CSV).read_text()
    again = text.splitlines()[1].replace("invented", "another", 1)  # by another run
    (scored / METRICS_CSV).write_text(f"{text}{again}\n")
    with pytest.raises(InputError, match=r"E-CASE-004.*scored more than once: A: spider_t2space"):
        collect_scores([scored])


def test_folders_of_one_name_are_refused(tmp_path: Path) -> None:
    folders = [write_scored(tmp_path / parent / "run") for parent in ("x", "y")]
    with pytest.raises(InputError, match=r"E-CASE-004.*two folders are called run"):
        collect_scores(folders)


def test_boxes_hold_every_patient_once() -> None:
    scores, _ = make_tables()
    figure = build_boxes(scores[scores["structure"] == "disc"], metric="dice")
    assert figure is not None
    (axes,) = figure.axes
    shown = [label.get_text() for label in axes.get_xticklabels()]
    assert shown == ["T1", "T2", "T2_SPACE", "all"]
    points = [line for line in axes.lines if line.get_linestyle() == "None"]
    # 3 T1, 3 T2, 7 T2_SPACE patients, and all 10 once, as T1 and T2 are of the same; two models
    assert sorted(len(np.asarray(line.get_xdata())) for line in points) == [
        3,
        3,
        3,
        3,
        7,
        7,
        10,
        10,
    ]


def test_limits_are_drawn_where_there_are_enough_patients(tmp_path: Path) -> None:
    scores = collect_scores([write_scored(tmp_path / "run")])
    figure = build_agreement(scores)
    assert figure is not None
    titles = [axes.get_title() for axes in figure.axes]
    assert "model A: disc · spider_t2space · T2_SPACE" in titles
    assert not any("bodies" in title for title in titles)  # one patient
    (axes,) = [
        a for a in figure.axes if a.get_title() == "model A: disc · spider_t2space · T2_SPACE"
    ]
    assert len(axes.lines) == 5  # zero, patients, bias and two limits
    assert build_agreement(scores[scores["metric"] == "dice"]) is None
