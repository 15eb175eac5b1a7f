"""Cross-validation: each patient tested once, sources spread evenly, finished folds kept."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from spinesynth.errors import ConfigError
from spinesynth.io.case import Case
from spinesynth.io.discover import discover_cases
from spinesynth.pipelines import cross_validation
from spinesynth.pipelines import study as study_home
from spinesynth.pipelines.config import DataConfig, ExperimentConfig
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.cross_validation import (
    configs_of_folds,
    fold_folder,
    join_folds,
    run_folds,
)
from spinesynth.pipelines.data_plan import plan_split
from spinesynth.pipelines.folds import assign_folds
from spinesynth.pipelines.report import build_report
from spinesynth.pipelines.results import (
    FAILURES_CSV,
    METRICS_CSV,
    ROBUSTNESS_CSV,
    RUN_JSON,
    SPLIT_CSV,
    training_csv,
)
from spinesynth.pipelines.split import split_cases
from spinesynth.pipelines.study import ARMS, Study, run_study
from tests.pipelines.fabricated import make_case
from tests.pipelines.fabricated_run import write_run
from tests.pipelines.many_patients import write_patients
from tests.pipelines.tiny_checkpoint import write_checkpoint
from tests.pipelines.tiny_training import tiny_values


def cases() -> list[Case]:
    """Seven patients of one source with two scans each, four of another, one of both."""
    home = [
        make_case(f"h{n}_{contrast}", patient_id=f"h{n}", source="home", contrast=contrast)
        for n in range(7)
        for contrast in ("T1", "T2")
    ]
    away = [make_case(f"a{n}", source="away") for n in range(4)]
    both = [make_case(f"both_{source}", patient_id="both", source=source)
            for source in ("home", "away")]  # fmt: skip
    return [*home, *away, *both]


def config(**data: Any) -> ExperimentConfig:  # noqa: ANN401 YAML
    return parse_config(
        tiny_values(
            name="cv",
            models=["A"],
            data={"train_sources": ["home"], "val_patients": 1, **data},
            evaluation={"resolution_factors": [1], "max_robustness_cases": 1},
        )
    )


@pytest.mark.parametrize("folds", [2, 3, 5])
def test_folds_differ_by_one_patient_at_most_in_each_source_and_in_all(folds: int) -> None:
    dealt = assign_folds(cases(), folds=folds, seed=4)
    assert set(dealt) == {case.patient_id for case in cases()}
    for letter in ("h", "a", ""):
        sizes = Counter(n for name, n in dealt.items() if name.startswith(letter))
        counts = [sizes[number] for number in range(1, folds + 1)]
        assert max(counts) - min(counts) <= 1
    assert dealt == assign_folds(cases()[::-1], folds=folds, seed=4)
    assert dealt != assign_folds(cases(), folds=folds, seed=5)


def test_patients_without_image_are_in_no_fold() -> None:
    bare = [dataclasses.replace(c, image=None) if c.patient_id == "h3" else c for c in cases()]
    assert "h3" not in assign_folds(bare, folds=3, seed=0)
    with pytest.raises(ConfigError, match=r"E-CONF-003.*at most the 12 patients.*got 13"):
        assign_folds(cases(), folds=13, seed=0)


def test_each_scan_is_tested_once_by_a_model_that_never_saw_its_patient() -> None:
    tested = list[str]()
    for number in (1, 2, 3):
        data = DataConfig(train_sources=("home",), val_patients=2, folds=3, fold=number)
        split = split_cases(cases(), data)
        seen = {case.patient_id for case in (*split.train, *split.validation)}
        assert not seen & {case.patient_id for case in split.test}
        assert len({case.patient_id for case in split.validation}) == 2
        tested += [case.case_id for case in split.test]
    assert sorted(tested) == sorted(case.case_id for case in cases())


def test_fold_beyond_the_last_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"fold must be at most folds \(3\), got 4"):
        config(folds=3, fold=4)
    with pytest.raises(ConfigError, match=r"fold must be at most folds \(1\), got 2"):
        config(fold=2)


def test_fold_that_leaves_nobody_to_train_says_so() -> None:
    data = DataConfig(train_sources=("home",), val_patients=4, folds=2, fold=1)
    with pytest.raises(ConfigError, match=r"those of fold 1 \+ data.val_patients = 8 leave nobody"):
        split_cases(cases(), data)


def test_no_fold_is_trained_if_one_would_be_tested_on_what_its_checkpoint_has_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_patients(tmp_path / "data", {"home": 4})
    second = configs_of_folds(config(), 2)[1]
    tested = plan_split(second, discover_cases(data)).test[0].patient_id
    start = write_checkpoint(tmp_path / "start.pt", seen_patients=(tested,))
    training = second.training.model_copy(update={"start_from": str(start)})
    whole = config().model_copy(update={"training": training})
    trained = list[str]()
    monkeypatch.setattr(cross_validation, "run_experiment", lambda c, **_: trained.append(c.name))
    with pytest.raises(ConfigError, match=rf"E-CONF-032.*would test it: {tested}"):
        run_folds(configs_of_folds(whole, 2), data=data, folder=tmp_path / "out", command="test")
    assert trained == []


def test_no_arm_is_trained_if_a_later_one_would_be_tested_on_what_its_checkpoint_has_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, first = write_patients(tmp_path / "data", {"home": 4}), config(test_patients=1)
    seen = tuple(f"home{n}" for n in range(4))
    start = write_checkpoint(tmp_path / "start.pt", seen_patients=seen)
    training = first.training.model_copy(update={"start_from": str(start)})
    arms = {"A": first, "tuned": first.model_copy(update={"training": training})}
    trained = list[str]()
    monkeypatch.setattr(study_home, "run_experiment", lambda c, **_: trained.append(c.name))
    study = Study(name="s", description="", reference="A", arms=arms)
    with pytest.raises(ConfigError, match=r"E-CONF-032.*would test it: home"):
        run_study(study, data=data, folder=tmp_path / "out", command="test")
    assert trained == []


def _write_fold(folder: Path, number: int, **record: object) -> None:
    """Write a run with scores, as if a fold had ended."""
    place = write_run(fold_folder(folder, number))
    row = f"c{number},p{number},home,T2,test\n"
    (place / SPLIT_CSV).write_text(f"case_id,patient_id,source,contrast,split\n{row}")
    for model in "AB":
        (place / training_csv(model)).unlink()
    for name in (METRICS_CSV, ROBUSTNESS_CSV):  # folds test other patients
        table = pd.read_csv(place / name)
        ids = {key: table[key] + f"_{number}" for key in ("case_id", "patient_id")}
        table.assign(**ids).to_csv(place / name, index=False)
    (place / RUN_JSON).write_text(json.dumps({"started_from": None, **record}))


@pytest.mark.slow
def test_joined_record_and_report_hold_the_folds_and_nothing_of_a_run_before(
    tmp_path: Path,
) -> None:
    folder = write_run(tmp_path / "out")  # of the one split
    (folder / "overlays").mkdir()
    (folder / "overlays" / "A.png").write_bytes(b"of a single run")
    (folder / "notes.txt").write_text("of the user")
    build_report(folder, folder / "report", command="single")
    modes = ("label-only", "label-only+pseudo-labels")
    for number, mode in enumerate(modes, start=1):
        pseudo = {"cases": number + 6, "min_confidence": 0.7}
        _write_fold(folder, number, mode=mode, pseudo_labels=pseudo)
    join_folds(configs_of_folds(config(), 2), folder, command="folds")
    for old in (training_csv("A"), Path("overlays/A.png"), Path("report/report.md")):
        assert not (folder / old).exists(), old
    assert not list((folder / "curves").glob("*.png"))
    assert (folder / "notes.txt").exists()
    record = json.loads((folder / RUN_JSON).read_text())
    assert record["mode"] == "label-only+pseudo-labels"
    assert record["pseudo_labels"] == {"cases": [7, 8], "min_confidence": 0.7}
    page, _ = build_report(folder, folder / "report", command="folds")
    assert "Pseudo-labels: 7 to 8 scans" in page.read_text()


@pytest.mark.slow
def test_folds_are_run_joined_and_gone_on_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_patients(tmp_path / "data", {"home": 4, "away": 1})
    folder, configs = tmp_path / "out", configs_of_folds(config(), 2)
    text = run_folds(configs, data=data, folder=folder, command="test")
    assert str(folder / "report") in text
    metrics = pd.read_csv(folder / METRICS_CSV)
    assert set(metrics["fold"]) == {1, 2}
    assert metrics.groupby("case_id")["fold"].nunique().max() == 1
    assert set(metrics["case_id"]) == {"home0", "home1", "home2", "home3", "away0"}
    assert list(pd.read_csv(folder / FAILURES_CSV))[-1] == "fold"
    capsys.readouterr()
    (fold_folder(folder, 2) / RUN_JSON).unlink()  # as if it had been stopped in the test
    run_folds(configs, data=data, folder=folder, command="test", resume=True)
    said = capsys.readouterr().err
    assert "fold 1/2: finished before" in said
    assert "fold 2/2: finished before" not in said
    pd.testing.assert_frame_equal(pd.read_csv(folder / METRICS_CSV), metrics)
    split = fold_folder(folder, 1) / SPLIT_CSV  # as if the data had been others then
    split.write_text(split.read_text().replace(",train,", ",test,"))
    with pytest.raises(ConfigError, match=r"E-RUN-005.*was tested in two folds"):
        run_folds(configs, data=data, folder=folder, command="test")


@pytest.mark.slow
def test_arms_of_a_study_share_folds_and_start_within_them(tmp_path: Path) -> None:
    data = write_patients(tmp_path / "data", {"home": 4})
    first = config()
    training = first.training.model_copy(update={"start_from": "arm:A"})
    tuned = first.model_copy(update={"models": ("B",), "training": training})
    study = Study(name="s", description="", reference="A", arms={"A": first, "tuned": tuned})
    folder = tmp_path / "out"
    run_study(study, data=data, folder=folder, command="test", folds=2)
    table = pd.read_csv(folder / METRICS_CSV)
    assert table.groupby("model")["fold"].nunique().to_dict() == {"A": 2, "tuned": 2}
    pairs = table.groupby(["case_id", "fold"])["model"].nunique()
    assert set(pairs) == {2}
    for number in (1, 2):
        record = (fold_folder(folder / ARMS / "tuned", number) / RUN_JSON).read_text()
        assert str(fold_folder(folder / ARMS / "A", number)) in record
