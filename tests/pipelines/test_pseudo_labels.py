"""What a model is confident of trains the next one; the rest teaches nothing, and none tests."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.anatomy.structures import Structure
from spinesynth.cli import run
from spinesynth.errors import ConfigError, InputError
from spinesynth.io.case import Case
from spinesynth.io.checkpoint import load_checkpoint
from spinesynth.io.load_case import load_case
from spinesynth.io.manifest import read_manifest
from spinesynth.networks.partial_label_loss import UNKNOWN_CLASS
from spinesynth.pipelines import pseudo_labels as home
from spinesynth.pipelines.checkpoint_shelf import checkpoint_path
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.data_plan import plan_split
from spinesynth.pipelines.datasets import SampleKey
from spinesynth.pipelines.ensemble import Origin
from spinesynth.pipelines.evaluate import evaluate_cases
from spinesynth.pipelines.experiment import train_models
from spinesynth.pipelines.pseudo_labels import (
    PSEUDO_JSON,
    confident_structures,
    write_pseudo_labels,
)
from spinesynth.pipelines.report import build_report
from spinesynth.pipelines.training_data import make_dataset, make_training_data, with_real_image
from tests.fabricate import MANIFEST_ROWS, SHAPE, intensities, write_manifest, write_nifti
from tests.pipelines.tiny_checkpoint import write_checkpoint

#: Along K: half of the discs is sure (0.95), half is not (0.7); the rest is surely background.
SURE, UNSURE = slice(0, 12), slice(12, 24)


class Teacher:
    """A model that sees discs in a fixed place, with a fixed confidence."""

    groups = frozenset({"vertebra", "disc"})
    structures = torch.tensor([0, 6, 3], dtype=torch.uint8)  # background, vertebra, disc

    def probabilities(self, image: MetaTensor) -> Tensor:
        disc = torch.zeros(image.shape[1:])
        disc[..., SURE], disc[..., UNSURE] = 0.95, 0.7
        return torch.stack([1 - disc, torch.zeros_like(disc), disc])

    def __call__(self, image: MetaTensor) -> Tensor:
        raise AssertionError("only probabilities are asked for")


@pytest.fixture
def teacher(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Let every checkpoint be the teacher; what it has seen may be changed."""
    told: dict[str, Any] = {"seen_patients": ("p2",)}

    def load(paths: list[Path]) -> tuple[Teacher, Origin]:
        return Teacher(), Origin("t", "A", "semantic4", (1,), told["seen_patients"])

    monkeypatch.setattr(home, "load_members", load)
    return told


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return write_checkpoint(tmp_path / "teacher.pt")


def scans(folder: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        write_nifti(folder / f"{name}.nii.gz", intensities(seed=number))
    return folder


@pytest.fixture
def manifest(tmp_path: Path, teacher: dict[str, Any], checkpoint: Path) -> Path:
    """Pseudo-labels of two new patients and of one whose annotated scan is tested."""
    source = scans(tmp_path / "scans", "n1", "n2", "p1")
    written, refused = write_pseudo_labels([checkpoint], source, output=tmp_path / "pseudo")
    assert refused == []
    return written


def test_only_what_is_confident_keeps_its_class() -> None:
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.softmax(3 * torch.randn(3, 500, generator=generator), 0)
    structures = torch.tensor([0, 6, 3], dtype=torch.uint8)
    few, many = (confident_structures(probabilities, structures, least=p) for p in (0.9, 0.6))
    unknown = int(Structure.UNKNOWN)
    assert ((few == unknown) >= (many == unknown)).all()  # never more with a higher threshold
    assert (few[few != unknown] == many[few != unknown]).all()
    assert ((many == unknown) == (probabilities.max(0).values < 0.6)).all()


def test_cases_are_read_by_the_loader_with_the_rest_unknown(manifest: Path) -> None:
    case, *others = read_manifest(manifest)
    assert [c.patient_id for c in (case, *others)] == ["n1", "n2", "p1"]
    assert (case.scheme, case.source, case.annotated) == (
        *("pseudo", "pseudo_scans"), frozenset({"vertebra", "disc"}),
    )  # fmt: skip
    loaded = load_case(case)
    assert loaded.structure is not None
    codes = loaded.structure.as_tensor()[0]
    assert codes.shape == SHAPE
    assert set(codes[..., SURE].flatten().tolist()) == {int(Structure.DISC)}
    assert set(codes[..., UNSURE].flatten().tolist()) == {int(Structure.UNKNOWN)}
    assert set(codes[..., 24:].flatten().tolist()) == {int(Structure.BACKGROUND)}
    assert pd.read_csv(manifest)["unknown_share"].tolist() == [0.25] * 3  # 12 of 48 slices


def test_the_same_call_goes_on_and_another_is_refused(
    manifest: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, gone = (manifest.parent / f"{name}_pseudo.nii.gz" for name in ("n1", "n2"))
    table, bytes_gone = manifest.read_bytes(), gone.read_bytes()
    before = kept.stat().st_mtime_ns
    gone.unlink()
    options: dict[str, Any] = {"output": manifest.parent}
    write_pseudo_labels([checkpoint], tmp_path / "scans", **options)
    assert (kept.stat().st_mtime_ns, gone.read_bytes()) == (before, bytes_gone)
    assert manifest.read_bytes() == table
    with pytest.raises(ConfigError, match=r"E-RUN-002.*min_confidence is 0.9, not 0.8"):
        write_pseudo_labels([checkpoint], tmp_path / "scans", **options, min_confidence=0.8)


def test_label_maps_belong_to_an_image_not_to_a_name(
    manifest: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def names() -> list[str]:
        return [case.patient_id for case in read_manifest(manifest)]

    output = manifest.parent
    other = scans(tmp_path / "other", "n0", "n1")  # n1 as the second is what n2 is elsewhere
    before = {path.name: path.read_bytes() for path in output.iterdir()}
    with pytest.raises(ConfigError, match=r"E-CONF-043.*n1_pseudo of another image.*rename"):
        write_pseudo_labels([checkpoint], other, output=output)
    assert {path.name: path.read_bytes() for path in output.iterdir()} == before
    (other / "n1.nii.gz").rename(other / "n4.nii.gz")
    write_pseudo_labels([checkpoint], other, output=output)
    assert names() == ["n1", "n2", "p1", "n0", "n4"]  # what another folder gave stays
    monkeypatch.setattr(Teacher, "probabilities", sees_half)
    write_nifti(tmp_path / "scans" / "n2.nii.gz", intensities(seed=9))
    (output / "p1_pseudo.nii.gz").unlink()
    write_pseudo_labels([checkpoint], tmp_path / "scans", output=output)
    shares = pd.read_csv(manifest).set_index("patient_id")["unknown_share"]
    # of 48 slices 12 were unknown, and are 24 in what was labelled again
    assert shares.to_dict() == {"n1": 0.25, "n2": 0.5, "p1": 0.5, "n0": 0.25, "n4": 0.25}
    (other / "n0.nii.gz").unlink()
    write_pseudo_labels([checkpoint], tmp_path / "scans", output=output)
    assert names() == ["n1", "n2", "p1", "n4"]


def sees_half(_teacher: Teacher, image: MetaTensor) -> Tensor:
    """Be sure of discs in the first half of the slices, and of nothing in the second."""
    disc = torch.full(image.shape[1:], 0.6)
    disc[..., :24] = 0.95
    return torch.stack([1 - disc, torch.zeros_like(disc), disc])


@pytest.mark.usefixtures("teacher")
def test_an_interrupted_call_has_listed_what_it_labelled(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A label map that no row belongs to may be of any image, and is made anew."""
    source, output = scans(tmp_path / "scans", "n1", "n2"), tmp_path / "out"
    sees, calls = Teacher.probabilities, []

    def once(self: Teacher, image: MetaTensor) -> Tensor:
        calls.append(image)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return sees(self, image)

    monkeypatch.setattr(Teacher, "probabilities", once)
    with pytest.raises(KeyboardInterrupt):
        write_pseudo_labels([checkpoint], source, output=output)
    assert [case.patient_id for case in read_manifest(output / "cases.csv")] == ["n1"]
    (output / "n1_pseudo.nii.gz").rename(output / "n2_pseudo.nii.gz")
    write_pseudo_labels([checkpoint], source, output=output)
    assert len(calls) == 4  # n1 is gone, and n2 of nobody knows what


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"min_confidence": 0.4}, r"min_confidence must be in \[0.5, 1\), got 0.4"),
        ({"min_confidence": 1.0}, r"min_confidence must be in"),
        ({"annotated": "disc canal"}, "words of disc, vertebra, .* got canal"),
        ({"annotated": "bone"}, "annotated must hold words of"),
    ],
)
@pytest.mark.usefixtures("teacher")
def test_impossible_arguments_are_refused(
    options: dict[str, Any], said: str, checkpoint: Path, tmp_path: Path
) -> None:
    source = scans(tmp_path / "scans", "n1")
    with pytest.raises(ConfigError, match=f"E-CONF-043.*{said}"):
        write_pseudo_labels([checkpoint], source, output=tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("teacher")
def test_a_manifest_gives_patients_and_only_its_scans_without_labels(
    checkpoint: Path, tmp_path: Path
) -> None:
    data = write_manifest(
        tmp_path / "data", [*MANIFEST_ROWS[:2], MANIFEST_ROWS[2].replace("p2_t2_label.nii.gz", "")]
    )
    written, _ = write_pseudo_labels([checkpoint], data, output=tmp_path / "out", annotated="disc")
    (case,) = read_manifest(written)
    assert (case.case_id, case.patient_id, case.contrast) == ("p2_t2_pseudo", "p2", "T2")
    assert case.annotated == {"disc"}
    with pytest.raises(InputError, match=r"E-CASE-005.*nothing to label"):
        write_pseudo_labels([checkpoint], written, output=tmp_path / "again")


def test_scans_without_anything_confident_are_left_out(
    tmp_path: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A network that nobody trained is confident of nothing."""
    source = scans(tmp_path / "scans", "n1")
    words = ["pseudo-label", "--checkpoint", str(checkpoint), "-i", str(source)]
    assert run([*words, "-o", str(tmp_path / "out"), "--min-confidence", "0.99"], command="") == 3
    assert "confident of no structure" in capsys.readouterr().err


def config(**data: object) -> Any:  # noqa: ANN401 a configuration
    return parse_config(
        {
            "name": "student",
            "models": ["A", "B"],
            "target_scheme": "semantic4",
            "data": {"train_sources": ["made"], "test_patients": 1, "val_patients": 1, **data},
            "network": {"base_features": 2},
            "training": {
                "steps": 1, "validate_every": 1, "batch_size": 1, "patch_size": [32, 32],
                "val_samples": 1, "workers": 0,
            },
        }
    )  # fmt: skip


def teacher_saw(manifest: Path, *patients: str) -> Path:
    """Write down what the teacher has seen, and return where."""
    record = manifest.parent / PSEUDO_JSON
    content = json.loads(record.read_text())
    content["settings"]["seen_patients"] = list(patients)
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
    teacher_saw(manifest, "elsewhere")
    train_models(config(pseudo_labels=str(manifest)), data=annotated, folder=folder, command="test")
    record = json.loads((folder / "run.json").read_text())
    assert record["mode"] == "label-only+pseudo-labels"
    assert record["pseudo_labels"]["min_confidence"] == 0.9
    assert record["pseudo_labels"]["cases"] >= 2
    assert "seen_patients" in record["pseudo_labels"]
    for model in ("A", "B"):
        seen = load_checkpoint(checkpoint_path(folder, model, "best")).seen_patients
        assert {"n1", "n2"} <= set(seen)
        assert "elsewhere" in seen  # what the teacher learnt there is in its label maps
    for page in build_report(folder, folder / "report", command="test"):
        text = " ".join(page.read_text().split())
        assert "scans that a model segmented and nobody checked" in text
        assert "below a confidence of 0.9" in text
