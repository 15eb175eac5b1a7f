"""Studies: arms that differ in what is asked, tested alike and compared by patient."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

from spinesynth.errors import ConfigError
from spinesynth.io.checkpoint import load_checkpoint, save_checkpoint
from spinesynth.io.discover import discover_cases
from spinesynth.pipelines.checkpoint_shelf import checkpoint_path
from spinesynth.pipelines.data_plan import plan_split
from spinesynth.pipelines.finished_run import is_finished
from spinesynth.pipelines.results import METRICS_CSV, RUN_JSON, SPLIT_CSV
from spinesynth.pipelines.split_digest import digest_run_data
from spinesynth.pipelines.study import (
    ARMS,
    COMPARISON_CSV,
    SUMMARY_CSV,
    Study,
    compare_with_reference,
    format_study,
    read_study,
    run_study,
)
from tests.fabricate import parts_codes, write_manifest, write_nifti
from tests.pipelines.many_patients import write_patients

OTHER_ROW = (
    "p9_t1,p9,made,T1,body disc canal posterior,parts,p1_t1_image.nii.gz,p1_t1_label.nii.gz,"
)
STUDIES = Path(__file__).parents[2] / "configs" / "studies"
BASE = {
    "name": "base",
    "models": ["A"],
    "data": {"test_patients": 1, "val_patients": 1},
    "network": {"base_features": 2},
    "training": {
        "steps": 1, "validate_every": 1, "batch_size": 1, "patch_size": [32, 32],
        "val_samples": 1, "workers": 0,
    },
    "evaluation": {"resolution_factors": [1.0], "max_robustness_cases": 1},
}  # fmt: skip


FROM_ONE = {"training.start_from": "arm:one"}


def _write(folder: Path, **study: object) -> Path:
    (folder / "base.yaml").write_text(yaml.safe_dump(BASE))
    content = {"name": "s", "base": "base.yaml", "arms": {"one": {}, "two": {}}, **study}
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def _scores(**arms: list[float]) -> pd.DataFrame:
    """Return a long table: the Dice of one structure of each patient, by arm."""
    return pd.DataFrame(
        [
            {
                "run": "s", "model": arm, "case_id": f"c{n}", "patient_id": f"p{n}", "source": "x",
                "contrast": "T2", "condition": "standard", "severity": 0.0, "structure": "disc",
                "metric": "dice", "value": value, "unit": "1",
            }
            for arm, values in arms.items()
            for n, value in enumerate(values)
        ]
    )  # fmt: skip


def test_arms_are_the_base_with_their_settings_replaced(tmp_path: Path) -> None:
    path = _write(
        tmp_path,
        common={"training.steps": 5},
        arms={"plain": {}, "dark": {"synthesis.overrides": {"RandBiasGain": {"prob": 0.1}}}},
    )
    study = read_study(path)
    plain, dark = study.arms["plain"], study.arms["dark"]
    assert (study.reference, plain.name, dark.name) == ("plain", "plain", "dark")
    assert plain.training.steps == dark.training.steps == 5
    assert plain.training.patch_size == (32, 32)
    assert dark.synthesis.overrides == {"RandBiasGain": {"prob": 0.1}}
    assert plain.model_copy(update={"name": "dark", "synthesis": dark.synthesis}) == dark


@pytest.mark.parametrize("path", sorted(STUDIES.glob("*.yaml")), ids=lambda path: path.stem)
def test_studies_of_the_project_can_be_read(path: Path) -> None:
    study = read_study(path)
    assert study.name == path.stem
    others = [config for name, config in study.arms.items() if name != study.reference]
    assert all(
        config.model_copy(update={"name": study.reference}) != study.arms[study.reference]
        for config in others
    )


@pytest.mark.parametrize(
    ("study", "message"),
    [
        ({"arms": {"one": {}}}, "E-CONF-011.*arms: .*at least 2 items"),
        ({"reference": "three"}, r"names the reference 'three', which is none of \['one', 'two'\]"),
        ({"arm": {}}, "arm: Extra inputs are not permitted"),
        ({"arms": {"one": 3, "two": {}}}, r"arms.one: .*dictionary.*got 3"),
        ({"name": "../away"}, r"name: .*pattern.*got '../away'"),
        ({"description": [3]}, r"description: .*string"),
        ({"arms": {"one": {}, "two": {"data.test_patients": 2}}}, "another data.test_patients"),
        ({"arms": {"one": {}, "two": {"evaluation.overlap": 0.5}}}, "another evaluation.overlap"),
        ({"base": "gone.yaml"}, "no configuration file at .*gone.yaml"),
        ({"common": {"seed.x": 1}}, "arm one: seed of seed.x is no section"),
        ({"common": {"training.step": 1}}, "arm one cannot be used: training.step: .*steps"),
        ({"common": {"models": ["A", "B"]}}, r"arm one: models must be \[A\] or \[B\]"),
        (
            {"arms": {"one": {"training.start_from": "arm:two"}, "two": {}}},
            r"lets arm one start from 'two', which must be an arm further up: \[\]",
        ),
        (
            {"arms": {"one": {}, "two": {**FROM_ONE, "network.base_features": 4}}},
            "gives arm two network.base_features 4, but 2 to one, which it starts from",
        ),
        (
            {"arms": {"one": {}, "two": {**FROM_ONE, "target_scheme": "semantic4"}}},
            "gives arm two target_scheme semantic4, but spine6 to one, which it starts from",
        ),
    ],
)
def test_a_study_that_cannot_be_run_is_refused(
    tmp_path: Path, study: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        read_study(_write(tmp_path, **study))


def test_arms_may_differ_in_pseudo_labels_and_in_where_cases_are_kept(tmp_path: Path) -> None:
    own = {"data.pseudo_labels": "p/cases.csv", "data.cache": "disk", "data.cache_dir": "c"}
    arms = read_study(_write(tmp_path, arms={"one": {}, "two": own})).arms
    assert (arms["one"].data.pseudo_labels, arms["two"].data.pseudo_labels) == (None, "p/cases.csv")


def test_record_that_lacks_a_newer_setting_is_of_the_same_experiment(tmp_path: Path) -> None:
    config = read_study(STUDIES / "phantom_traits.yaml").arms["everything"]
    said = config.model_dump(mode="json")
    for setting, finished in ((None, True), ("foreground_share", True), ("steps", False)):
        older = {key: value for key, value in said["training"].items() if key != setting}
        text = json.dumps({"config": said | {"training": older}})
        (tmp_path / RUN_JSON).write_text(text, encoding="utf-8")
        assert is_finished(tmp_path, config) is finished
    for text in ("{}", "[", '{"config": {"steps": 3}}'):
        (tmp_path / RUN_JSON).write_text(text, encoding="utf-8")
        assert not is_finished(tmp_path, config)


def test_a_run_is_finished_only_on_the_data_it_was_made_of(tmp_path: Path) -> None:
    manifest = write_patients(tmp_path / "data", {"made": 4})
    sources = {"data.train_sources": ["made"]}
    config = read_study(_write(tmp_path, common=sources)).arms["one"]
    split = plan_split(config, discover_cases(manifest))
    record = {"config": config.model_dump(mode="json")}

    def finished(**told: object) -> bool:
        (tmp_path / RUN_JSON).write_text(json.dumps(record | told), encoding="utf-8")
        return is_finished(tmp_path, config, split)

    made_of = digest_run_data(config, split)
    assert finished(data_sha256=made_of)
    assert finished()  # an older record
    assert not finished(pseudo_labels={"cases": 3, "min_confidence": 0.9})
    label, image = split.train[0].label, split.train[0].image
    assert label is not None
    assert image is not None
    image.write_bytes(b"model A reads no image to train")
    assert finished(data_sha256=made_of)
    write_nifti(label, parts_codes()[..., ::-1])
    assert not finished(data_sha256=made_of)
    assert finished()


def test_differences_are_paired_by_patient_and_signed() -> None:
    table = _scores(a=[0.5, 0.7, 0.6], z=[0.7, 0.8, 0.9], reference=[0.6, 0.6, 0.9])
    rows = compare_with_reference(table, "reference").set_index("model")
    assert list(rows["other"]) == ["reference", "reference"]
    assert rows["difference"].to_dict() == pytest.approx({"a": -0.1, "z": 0.1})
    assert set(rows["n_patients"]) == {3}


def test_table_shows_the_arms_in_the_order_of_the_file() -> None:
    arms = dict.fromkeys(("z", "a"), read_study(STUDIES / "phantom_traits.yaml").arms["everything"])
    study = Study(name="s", description="What?", reference="z", arms=arms)
    modes = {"a": "real-images", "z": "phantom"}
    text = format_study(study, _scores(a=[0.5, 0.7], z=[0.25, 0.75]), modes)
    assert "| source | contrast | structure | patients | z | a |" in text
    assert "| x | T2 | disc | 2 | 0.500 | 0.600 |" in text
    assert "| *training used* | | | | phantom | real-images |" in text


@pytest.mark.slow
def test_a_study_goes_on_where_it_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two arms trained and tested; the second call trains only the arm that was changed."""
    manifest = write_manifest(tmp_path / "data")
    sources = {"data.train_sources": sorted(set(pd.read_csv(manifest)["source"]))[:1]}
    folder = tmp_path / "out"
    path = _write(tmp_path, common=sources)
    text = run_study(read_study(path), data=manifest, folder=folder, command="test")
    records = {arm: folder / ARMS / arm / RUN_JSON for arm in ("one", "two")}
    before = {arm: record.read_bytes() for arm, record in records.items()}
    changed = _write(tmp_path, common=sources, arms={"one": {}, "two": {"seed": 7}})
    run_study(read_study(changed), data=manifest, folder=folder, command="test")
    assert records["one"].read_bytes() == before["one"]
    assert json.loads(records["two"].read_text())["seed"] == 7
    assert "arm 1/2, one: finished before" in capsys.readouterr().err
    assert "| one | two |" in text
    assert set(pd.read_csv(folder / METRICS_CSV)["model"]) == {"one", "two"}
    assert set(pd.read_csv(folder / SUMMARY_CSV)["model"]) == {"one", "two"}
    assert set(pd.read_csv(folder / COMPARISON_CSV)["other"]) == {"one"}
    split = folder / ARMS / "one" / SPLIT_CSV  # as if the data had had another scan then
    split.write_text(split.read_text() + "gone,gone,made,T1,test,,\n")
    with pytest.raises(ConfigError, match=r"E-RUN-005.*arm two was tested on other scans than one"):
        run_study(read_study(changed), data=manifest, folder=folder, command="test")
    labels = {"data.training_labels": str(write_manifest(tmp_path / "others", [OTHER_ROW]))}
    impossible = _write(tmp_path, common=sources, arms={"three": {}, "two": labels})
    with pytest.raises(ConfigError, match=r"E-CONF-003.*holds no label map of"):
        run_study(read_study(impossible), data=manifest, folder=folder, command="test")
    assert not (folder / ARMS / "three").exists()  # refused before the first is trained


@pytest.mark.slow
def test_an_arm_starts_from_another_and_again_when_that_has_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A, then B from A's checkpoint on one patient; the tests are the same."""
    manifest = write_patients(tmp_path / "data", {"made": 4})
    arms = {
        "A": {},
        "tuned": {"models": ["B"], "training.start_from": "arm:A", "data.max_train_patients": 1},
    }
    study = read_study(_write(tmp_path, common={"data.train_sources": ["made"]}, arms=arms))
    folder = tmp_path / "out"
    run_study(study, data=manifest, folder=folder, command="test")
    start = checkpoint_path(folder / ARMS / "A", "A", "best")
    record = json.loads((folder / ARMS / "tuned" / RUN_JSON).read_text())
    assert record["started_from"]["sha256"] == hashlib.sha256(start.read_bytes()).hexdigest()
    saved = load_checkpoint(checkpoint_path(folder / ARMS / "tuned", "B", "best"))
    assert saved.mode == "label-only+real-images"
    capsys.readouterr()
    run_study(study, data=manifest, folder=folder, command="test")
    assert capsys.readouterr().err.count("finished before") == 2
    save_checkpoint(start, dataclasses.replace(load_checkpoint(start), step=77))
    run_study(study, data=manifest, folder=folder, command="test")
    said = capsys.readouterr().err
    assert "A: finished before" in said
    assert "tuned: finished before" not in said
    again = json.loads((folder / ARMS / "tuned" / RUN_JSON).read_text())
    assert again["started_from"]["step"] == 77
