"""The suite from files: networks side by side, saved predictions, one report."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import torch

from spinesynth.errors import ConfigError, InputError
from spinesynth.io.discover import discover_cases
from spinesynth.io.load_case import load_case
from spinesynth.io.volume import read_image
from spinesynth.io.write import write_volume
from spinesynth.pipelines.conditions import degrade_case
from spinesynth.pipelines.exported_images import refuse_shared_names
from spinesynth.pipelines.results import (
    CONDITIONS_AREA_CSV,
    CONDITIONS_CSV,
    CONDITIONS_FAILURES_CSV,
    CONDITIONS_JSON,
    SCORES,
    TABLES,
)
from spinesynth.pipelines.suite_export import export_suite
from spinesynth.pipelines.suite_models import SavedPredictions
from spinesynth.pipelines.suite_run import SuiteOptions, offered_cases, run_suite
from tests.fabricate import MANIFEST_ROWS, write_manifest
from tests.pipelines.fabricated import make_case
from tests.pipelines.tiny_checkpoint import write_checkpoint

OPTIONS = SuiteOptions(conditions=("rotation", "field_of_view"), severities=(5,))


def _models(tmp_path: Path, *seen: str) -> dict[str, list[Path]]:
    """Return two models by name; the second has seen some patients."""
    first = write_checkpoint(tmp_path / "a.pt", seen_patients=("p9",))
    second = write_checkpoint(tmp_path / "b.pt", seen_patients=("p8", *seen))
    return {"A": [first], "two": [first, second]}


def _exported(tmp_path: Path, *rows: str) -> Path:
    """Return a folder whose table tells of some images."""
    folder = tmp_path / "exported"
    folder.mkdir(exist_ok=True)
    lines = ["file,case_id,condition,severity,seed,digest", *rows]
    (folder / "images.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_models_stand_side_by_side_in_tables_and_report(tmp_path: Path) -> None:
    data = write_manifest(tmp_path, MANIFEST_ROWS[:3])
    folder = tmp_path / "out"
    models = _models(tmp_path, "p2")
    text = run_suite(models, data=data, folder=folder, command="test", options=OPTIONS)
    table = pd.read_csv(folder / CONDITIONS_CSV)
    assert set(table["model"]) == {"A", "two"}
    assert set(table["patient_id"]) == {"p1"}  # one model has seen p2: neither is scored on it
    assert set(table["condition"]) == {"original", "rotation", "field_of_view"}
    assert "A Dice" in text
    report = (folder / "report" / "report.md").read_text(encoding="utf-8")
    assert "| rotation | mean | two |" in report
    assert (folder / "curves" / "severities.png").exists()
    record = json.loads((folder / CONDITIONS_JSON).read_text())
    assert (record["seen_patients_left_out"], record["seed"]) == (1, 0)
    assert set(record["modes"]) == {"A", "two"}
    assert "model A phantom; model two phantom." in report
    before = {path.name: path.read_bytes() for path in (folder / TABLES).iterdir()}
    kept = {path.name: path.stat().st_mtime_ns for path in (folder / SCORES).iterdir()}
    run_suite(models, data=data, folder=folder, command="test", options=OPTIONS)
    assert {path.name: path.read_bytes() for path in (folder / TABLES).iterdir()} == before
    assert {path.name: path.stat().st_mtime_ns for path in (folder / SCORES).iterdir()} == kept


@pytest.mark.usefixtures("no_report")
def test_what_a_tool_made_of_exported_images_is_scored(tmp_path: Path) -> None:
    data = write_manifest(tmp_path, MANIFEST_ROWS[:1])
    cases = discover_cases(data)
    how = {"conditions": OPTIONS.conditions, "severities": OPTIONS.severities}
    images = pd.read_csv(export_suite(cases, tmp_path / "export", **how))  # type: ignore[arg-type]  # names and numbers
    assert images["condition"].tolist() == ["original", "field_of_view", "rotation"]
    loaded = load_case(cases[0])
    made = tmp_path / "made"
    made.mkdir()
    for row in images.to_dict("records"):
        image = read_image(tmp_path / "export" / row["file"])
        name = "noise" if row["condition"] == "original" else row["condition"]
        reference = degrade_case(loaded, name, int(row["severity"])).structure
        assert reference is not None
        assert image.shape == reference.shape
        if row["condition"] != "field_of_view":  # of which the tool made nothing
            stem = Path(row["file"]).name.removesuffix(".nii.gz")
            write_volume(made / f"{stem}_seg.nii.gz", reference.as_tensor(), like=image)
    folder = tmp_path / "out"
    run_suite(
        {},
        data=data,
        folder=folder,
        command="test",
        predictions={"tool": made},
        exported=tmp_path / "export",
        options=OPTIONS,
    )
    table = pd.read_csv(folder / CONDITIONS_CSV)
    dice = table[table["metric"] == "dice"]
    assert set(dice["condition"]) == {"original", "rotation"}
    # the tool's maps are the references themselves, turned as the suite turns them again
    assert torch.tensor(dice["value"].to_numpy()).eq(1).all()
    failures = pd.read_csv(folder / CONDITIONS_FAILURES_CSV)
    assert failures["code"].tolist() == ["E-EVAL-004"]
    assert "p1_t1__field_of_view__5.nii.gz" in failures["message"].iloc[0]
    areas = pd.read_csv(folder / CONDITIONS_AREA_CSV)
    assert areas["area_score"].tolist() == [1.0] * len(areas)


@pytest.mark.usefixtures("no_report")
def test_seen_patients_show_in_the_name_of_their_model_alone(tmp_path: Path) -> None:
    data = write_manifest(tmp_path, MANIFEST_ROWS[2:3])
    options = SuiteOptions(conditions=("rotation",), severities=(1,), include_seen=True)
    folder = tmp_path / "out"
    run_suite(_models(tmp_path, "p2"), data=data, folder=folder, command="test", options=options)
    names = pd.read_csv(folder / CONDITIONS_CSV)["model"].unique()
    record = json.loads((folder / CONDITIONS_JSON).read_text())
    assert set(record["models"]) == set(record["modes"]) == set(names)
    assert (record["predictions"], record["weighting"], record["scales"]) == ([], "mean", [1.0])
    assert names.tolist() == ["A", "two (incl. seen patients)"]


def test_no_model_and_models_of_one_name_are_refused(tmp_path: Path) -> None:
    data = write_manifest(tmp_path, MANIFEST_ROWS[:1])
    with pytest.raises(ConfigError, match=r"E-CONF-071.*must be given"):
        run_suite({}, data=data, folder=tmp_path / "out", command="test")
    (tmp_path / "made").mkdir()
    checkpoint = write_checkpoint(tmp_path / "a.pt", seen_patients=("p9",))
    with pytest.raises(ConfigError, match="a name of its own, got A more than once"):
        run_suite(
            {"": [checkpoint]}, data=data, folder=tmp_path / "out", command="test",
            predictions={"A": tmp_path / "made"}, exported=_exported(tmp_path),
        )  # fmt: skip
    with pytest.raises(InputError, match="no such folder of predictions"):
        run_suite(
            {}, data=data, folder=tmp_path / "out", command="test",
            predictions={"A": tmp_path / "nowhere"}, exported=_exported(tmp_path),
        )  # fmt: skip
    assert not (tmp_path / "out").exists()


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Return data of two cases, what was exported of it, and predictions: the references."""
    data = write_manifest(tmp_path, MANIFEST_ROWS[:2])
    cases, folder = discover_cases(data), tmp_path / "made"
    export_suite(cases, tmp_path / "export", conditions=["rotation"], severities=[1])
    folder.mkdir()
    for case in cases:
        reference = degrade_case(load_case(case), "rotation", 1).structure
        assert reference is not None
        for name in ("original__0", "rotation__1"):
            path = folder / f"{case.case_id}__{name}.nii.gz"
            write_volume(path, reference.as_tensor(), like=reference)
    return data, tmp_path / "export", folder


def _score_made(made: tuple[Path, Path, Path], out: Path, **how: int) -> None:
    data, exported, folder = made
    options = SuiteOptions(conditions=("rotation",), severities=(1,), **how)  # type: ignore[arg-type]  # seed, max_cases
    run_suite(
        {}, data=data, folder=out, command="test", predictions={"tool": folder},
        exported=exported, options=options,
    )  # fmt: skip


@pytest.mark.usefixtures("no_report")
def test_predictions_of_another_seed_are_refused(
    made: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"E-CONF-072.*drawn from --seed 0, got --seed 1"):
        _score_made(made, tmp_path / "out", seed=1)


@pytest.mark.usefixtures("no_report")
def test_an_image_that_is_not_the_exported_one_is_a_failure(
    made: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    table = made[1] / "images.csv"
    frame = pd.read_csv(table)
    frame.loc[frame["condition"] == "rotation", "digest"] = "0" * 64
    frame.to_csv(table, index=False)
    _score_made(made, tmp_path / "out")
    failures = pd.read_csv(tmp_path / "out" / CONDITIONS_FAILURES_CSV)
    assert failures["code"].tolist() == ["E-EVAL-006"] * 2
    assert set(failures["condition"]) == {"rotation"}


def test_export_and_scoring_take_the_same_first_cases(tmp_path: Path) -> None:
    data = write_manifest(tmp_path, MANIFEST_ROWS[:3])
    first = [case.case_id for case in offered_cases(data, SuiteOptions(max_cases=2))]
    assert first == [case.case_id for case in discover_cases(data)][:2]
    # of patient p1, whom a model has seen: nobody else moves up
    seen = write_checkpoint(tmp_path / "a.pt", seen_patients=("p1",))
    with pytest.raises(InputError, match="every patient of the data"):
        run_suite(
            {"A": [seen]}, data=data, folder=tmp_path / "out", command="test",
            options=SuiteOptions(max_cases=2),
        )  # fmt: skip


def test_two_files_of_one_image_are_refused(tmp_path: Path) -> None:
    for name in ("X.nii.gz", "X_seg.nii.gz", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError, match=r"E-CASE-004.*second prediction of X beside X\.nii\.gz"):
        SavedPredictions("tool", tmp_path, scheme="spine6")


def test_cases_whose_files_would_be_called_alike_are_refused() -> None:
    refuse_shared_names([make_case("a b"), make_case("a-b")])
    with pytest.raises(InputError, match="cases a b and a_b would share names"):
        refuse_shared_names([make_case("a b"), make_case("a_b")])
