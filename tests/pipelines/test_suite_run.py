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
from spinesynth.pipelines import suite_run
from spinesynth.pipelines.conditions import degrade_case
from spinesynth.pipelines.results import (
    CONDITIONS_AREA_CSV,
    CONDITIONS_CSV,
    CONDITIONS_FAILURES_CSV,
    CONDITIONS_JSON,
    SCORES,
    TABLES,
)
from spinesynth.pipelines.suite_export import export_suite
from spinesynth.pipelines.suite_run import SuiteOptions, run_suite
from tests.fabricate import MANIFEST_ROWS, write_manifest
from tests.pipelines.tiny_checkpoint import write_checkpoint

OPTIONS = SuiteOptions(conditions=("rotation", "field_of_view"), severities=(5,))


@pytest.fixture
def no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave figures and pages out: they take longer than all the rest."""

    def say_nothing(_: Path, *, command: str) -> str:
        return command

    monkeypatch.setattr(suite_run, "conclude", say_nothing)


def _models(tmp_path: Path, *seen: str) -> dict[str, list[Path]]:
    """Return two models by name; the second has seen some patients."""
    first = write_checkpoint(tmp_path / "a.pt", seen_patients=("p9",))
    second = write_checkpoint(tmp_path / "b.pt", seen_patients=("p8", *seen))
    return {"A": [first], "two": [first, second]}


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
        {}, data=data, folder=folder, command="test", predictions={"tool": made}, options=OPTIONS
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
            predictions={"A": tmp_path / "made"},
        )  # fmt: skip
    with pytest.raises(InputError, match="no such folder of predictions"):
        run_suite(
            {}, data=data, folder=tmp_path / "out", command="test",
            predictions={"A": tmp_path / "nowhere"},
        )  # fmt: skip
    assert not (tmp_path / "out").exists()
