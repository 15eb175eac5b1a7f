"""Label maps that a model made train the next one, and test none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from spinesynth.errors import ConfigError, InputError
from spinesynth.io.case import Case
from spinesynth.io.checkpoint import load_checkpoint
from spinesynth.io.manifest import read_manifest
from spinesynth.networks.partial_label_loss import UNKNOWN_CLASS
from spinesynth.pipelines.checkpoint_shelf import checkpoint_path
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.data_plan import plan_split
from spinesynth.pipelines.datasets import SampleKey
from spinesynth.pipelines.evaluate import evaluate_cases
from spinesynth.pipelines.experiment import train_models
from spinesynth.pipelines.leak_guard import contents_of, parse_contents
from spinesynth.pipelines.pseudo_labels import (
    PSEUDO_JSON,
    write_pseudo_labels,
)
from spinesynth.pipelines.report import build_report
from spinesynth.pipelines.training_data import make_dataset, make_training_data, with_real_image
from tests.fabricate import MANIFEST_ROWS, write_manifest
from tests.pipelines.pseudo.teacher import Teacher, scans
from tests.pipelines.tiny_training import tiny_values


def config(**data: object) -> Any:  # noqa: ANN401 a configuration
    return parse_config(
        tiny_values(
            name="student",
            models=["A", "B"],
            target_scheme="semantic4",
            data={"train_sources": ["made"], "test_patients": 1, "val_patients": 1, **data},
        )
    )


def teacher_saw(manifest: Path, *patients: str, contents: Sequence[str] = ()) -> Path:
    """Write down what the teacher has seen, and return where."""
    record = manifest.parent / PSEUDO_JSON
    content = json.loads(record.read_text())
    content["settings"]["seen_patients"] = list(patients)
    content["settings"]["seen_content"] = list(contents)
    record.write_text(json.dumps(content))
    return record


@pytest.fixture
def annotated(tmp_path: Path) -> Path:
    third = MANIFEST_ROWS[0].replace("p1_t1,p1", "p3_t1,p3", 1)
    return write_manifest(tmp_path / "annotated", [*MANIFEST_ROWS[1:3], third])


def test_pseudo_labels_train_but_not_those_of_held_out_patients(
    manifest: Path, annotated: Path
) -> None:
    cases = read_manifest(annotated)
    plain = plan_split(config(), cases)
    assert {c.patient_id for c in plain.test} == {"p1"}
    split = plan_split(config(pseudo_labels=str(manifest)), cases)
    added = {c.patient_id for c in split.train} - {c.patient_id for c in plain.train}
    assert added == {"n1", "n2"}
    assert (split.validation, split.test, split.scans) == (
        plain.validation,
        plain.test,
        plain.scans,
    )
    record = teacher_saw(manifest, "p1")
    with pytest.raises(ConfigError, match=r"E-CONF-043.*has seen 1 test patients"):
        plan_split(config(pseudo_labels=str(manifest)), cases)
    record.unlink()
    with pytest.raises(ConfigError, match=r"E-CONF-043.*no pseudo_labels.json can be read"):
        plan_split(config(pseudo_labels=str(manifest)), cases)
    with pytest.raises(ConfigError, match=r"E-CONF-043.*the data list some"):
        plan_split(config(), read_manifest(manifest))
    with pytest.raises(ConfigError, match=r"E-CONF-043.*lists p1_t2, which is none"):
        plan_split(config(pseudo_labels=str(annotated)), cases)


def test_a_bound_on_patients_is_refused_since_it_would_not_bound_them(
    manifest: Path, annotated: Path
) -> None:
    with pytest.raises(ConfigError, match=r"E-CONF-043.*max_train_patients is 1.*one of the two"):
        plan_split(
            config(pseudo_labels=str(manifest), max_train_patients=1), read_manifest(annotated)
        )


@pytest.mark.usefixtures("teacher")
def test_pseudo_labels_that_cannot_teach_the_target_are_refused(
    checkpoint: Path, annotated: Path, tmp_path: Path
) -> None:
    source = scans(tmp_path / "scans", "n1")
    made, _ = write_pseudo_labels([checkpoint], source, output=tmp_path / "out", annotated="disc")
    asked = config(pseudo_labels=str(made)).model_copy(update={"target_scheme": "binary_vertebra"})
    with pytest.raises(ConfigError, match=r"E-CONF-003.*binary_vertebra.*pseudo_scans \(disc\)"):
        plan_split(asked, read_manifest(annotated))


def test_real_share_may_be_of_images_that_a_model_segmented(
    manifest: Path, annotated: Path
) -> None:
    cases = [replace(case, image=None) for case in read_manifest(annotated)]
    values = config().model_dump(mode="json")
    values |= {"models": ["A"], "training": {**values["training"], "real_share": 0.5}}
    with pytest.raises(ConfigError, match=r"E-CONF-003.*no training patient has one"):
        plan_split(parse_config(values), cases)
    values["data"]["pseudo_labels"] = str(manifest)
    split = plan_split(parse_config(values), cases)
    assert {case.scheme for case in with_real_image(split.train)} == {"pseudo"}


def test_samples_beside_real_images_are_those_of_memory_with_the_disk_cache(
    manifest: Path, annotated: Path, tmp_path: Path
) -> None:
    values = config(pseudo_labels=str(manifest)).model_dump(mode="json")
    values["training"]["real_share"] = 0.5
    split = plan_split(parse_config(values), read_manifest(annotated))
    in_memory = make_training_data(split.train, parse_config(values), model="A")
    values["data"] |= {"cache": "disk", "cache_dir": str(tmp_path / "cache")}
    on_disk = make_training_data(split.train, parse_config(values), model="A")
    keys = [SampleKey(0, case, n) for case in range(len(in_memory)) for n in range(6)]
    found = []
    for key in keys:
        one, other = in_memory[key], on_disk[key]
        assert one.keys() == other.keys()
        for name, value in one.items():
            if isinstance(value, Tensor):
                torch.testing.assert_close(other[name], value, rtol=0, atol=0, equal_nan=True)
        found.append(UNKNOWN_CLASS in one["target"])
    assert any(found)  # images of pseudo-labels, whose unknown is masked, are among them
    assert not all(found)  # and painted samples
    assert list((tmp_path / "cache").rglob("*"))


@pytest.mark.usefixtures("teacher")
def test_an_image_that_is_held_out_never_trains_whatever_its_file_is_called(
    checkpoint: Path, annotated: Path, tmp_path: Path
) -> None:
    """Of a folder each file is a patient of its own: p1_t2_image, not p1 who is tested."""
    for name in ("p1_t2_label.nii.gz", "p2_t2_label.nii.gz", "p1_t1_label.nii.gz"):
        (annotated.parent / name).rename(tmp_path / name)
    link = tmp_path / "scans" / "other_name.nii.gz"
    link.parent.mkdir()
    link.symlink_to(annotated.parent / "p1_t2_image.nii.gz")
    scans(link.parent, "n1")
    for source, output in ((annotated.parent, "one"), (link.parent, "two")):
        write_pseudo_labels([checkpoint], source, output=tmp_path / output)
    for name in ("p1_t2_label.nii.gz", "p2_t2_label.nii.gz", "p1_t1_label.nii.gz"):
        (tmp_path / name).rename(annotated.parent / name)
    for output in ("one", "two"):
        place = str(tmp_path / output / "cases.csv")
        split = plan_split(config(pseudo_labels=place), read_manifest(annotated))
        held_out = {c.image.resolve() for c in (*split.validation, *split.test) if c.image}
        assert held_out
        assert not held_out & {c.image.resolve() for c in split.train if c.image}
        assert any(c.scheme == "pseudo" for c in split.train)


@pytest.mark.usefixtures("teacher")
def test_a_copy_of_a_held_out_image_never_trains(
    checkpoint: Path, annotated: Path, tmp_path: Path
) -> None:
    held_out = plan_split(config(), read_manifest(annotated)).test[0].image
    assert held_out is not None
    source = scans(tmp_path / "scans", "n1")
    shutil.copy(held_out, source / "copy.nii.gz")
    written, _ = write_pseudo_labels([checkpoint], source, output=tmp_path / "pseudo")
    split = plan_split(config(pseudo_labels=str(written)), read_manifest(annotated))
    made = {case.case_id for case in split.train if case.scheme == "pseudo"}
    assert made == {"n1_pseudo"}


def test_a_teacher_that_saw_an_image_of_the_test_is_refused(
    manifest: Path, annotated: Path
) -> None:
    cases = read_manifest(annotated)
    tested = contents_of(plan_split(config(), cases).test, images=True)
    lines = [content._replace(case_id="x").as_text() for content in tested]
    teacher_saw(manifest, "elsewhere", contents=lines)
    said = "E-SPLIT-002.*is that of x in the training of the pseudo-labels' model"
    with pytest.raises(InputError, match=said):
        plan_split(config(pseudo_labels=str(manifest)), cases)


def test_b_ignores_the_unknown_and_a_paints_it_as_background(manifest: Path) -> None:
    cases = read_manifest(manifest)[:1]
    of = {name: make_dataset(cases, config(), model=name) for name in ("A", "B")}
    found = {
        name: {int(c) for n in range(4) for c in data[SampleKey(0, 0, n)]["target"].unique()}
        for name, data in of.items()
    }
    assert UNKNOWN_CLASS in found["B"]
    assert UNKNOWN_CLASS not in found["A"]


def test_pseudo_labels_are_no_reference(manifest: Path) -> None:
    cases: list[Case] = read_manifest(manifest)
    scored = evaluate_cases(Teacher(), cases, run="r", model="m")
    assert scored.table.empty
    assert set(scored.failures["code"]) == {"E-EVAL-003"}


def test_run_checkpoint_and_report_say_that_pseudo_labels_trained(
    manifest: Path, annotated: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    teacher_saw(manifest, "elsewhere", contents=["ab12 image elsewhere"])
    train_models(config(pseudo_labels=str(manifest)), data=annotated, folder=folder, command="test")
    record = json.loads((folder / "run.json").read_text())
    assert record["mode"] == "label-only+pseudo-labels"
    assert record["pseudo_labels"]["min_confidence"] == 0.9
    assert record["pseudo_labels"]["cases"] >= 2
    assert "seen_patients" in record["pseudo_labels"]
    assert "seen_content" not in record["pseudo_labels"]  # long; checkpoints hold it
    for model in ("A", "B"):
        saved = load_checkpoint(checkpoint_path(folder, model, "best"))
        seen = saved.seen_patients
        assert "ab12 image elsewhere" in saved.seen_content
        contents = {(one.kind, one.case_id) for one in parse_contents(saved.seen_content)}
        # A painted the label maps, which the teacher drew from the images
        assert {("image", "n1_pseudo"), ("mask", "n1_pseudo")} <= contents
        assert {"n1", "n2"} <= set(seen)
        assert "elsewhere" in seen  # what the teacher learnt there is in its label maps
    for page in build_report(folder, folder / "report", command="test"):
        text = " ".join(page.read_text().split())
        assert "scans that a model segmented and nobody checked" in text
        assert "below a confidence of 0.9" in text
