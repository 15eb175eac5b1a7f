"""Exported data sets are laid out as nnU-Net reads them, and teach nothing that nobody knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch

from spinesynth.anatomy.structures import Structure
from spinesynth.errors import ConfigError, InputError
from spinesynth.pipelines import nnunet_export
from spinesynth.pipelines.datasets import TargetCoder
from spinesynth.pipelines.nnunet_export import export_labels, export_nnunet, known_classes
from spinesynth.pipelines.run_lock import hold_folder
from tests.fabricate import (
    intensities,
    parts_codes,
    spider_codes,
    turned,
    write_manifest,
    write_nifti,
    write_spider,
)
from tests.pipelines.many_patients import write_patients

nib: Any = nibabel  # it annotates few of its functions
FOLDER = Path("Dataset501_LumbarSpine")


def described(root: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((root / FOLDER / "dataset.json").read_text())
    return content


def folds_of(root: Path) -> list[dict[str, list[str]]]:
    folds: list[dict[str, list[str]]] = json.loads(
        (root / FOLDER / "splits_final.json").read_text()
    )
    return folds


def test_images_and_labels_lie_on_the_grid_of_the_source(tmp_path: Path) -> None:
    export_nnunet(write_spider(tmp_path / "spider"), tmp_path / "raw")
    place = tmp_path / "raw" / FOLDER
    image = nib.load(place / "imagesTr" / "2_t2_0000.nii.gz")
    label = nib.load(place / "labelsTr" / "2_t2.nii.gz")
    voxels, affine = turned(intensities(), "PIR")  # as the fabricated scan is stored
    assert np.array_equal(np.asarray(image.dataobj), voxels)
    assert image.get_data_dtype() == np.int16
    # NIfTI stores 32 bits, of coordinates within 100 mm
    assert np.allclose(image.affine, affine, atol=1e-5)
    assert np.array_equal(image.affine, label.affine)
    codes, _ = turned(spider_codes(), "PIR")
    expected = np.select([codes == 0, codes == 100, codes > 200], [0, 3, 2], default=1)
    assert np.array_equal(np.asarray(label.dataobj), expected)
    assert np.asarray(label.dataobj).dtype == np.uint8


@pytest.mark.parametrize("odd", [0.5, 40000.0])
def test_intensities_are_those_of_the_source(tmp_path: Path, odd: float) -> None:
    data = write_patients(tmp_path, {"one": 2})
    voxels = intensities().astype(np.float32)
    voxels[1, 2, 3] = odd  # no whole number, or too large for two bytes
    write_nifti(tmp_path / "one0_image.nii.gz", voxels)
    export_nnunet(data, tmp_path / "raw")
    image = nib.load(tmp_path / "raw" / FOLDER / "imagesTr" / "one0_0000.nii.gz")
    assert np.array_equal(np.asarray(image.dataobj), voxels)


def test_description_is_what_nnunet_asks_for(tmp_path: Path) -> None:
    export_nnunet(write_spider(tmp_path / "spider"), tmp_path / "raw")
    content = described(tmp_path / "raw")
    assert content["labels"] == {"background": 0, "vertebra": 1, "disc": 2, "canal": 3}
    assert content["channel_names"] == {"0": "MRI"}  # three contrasts
    assert (content["numTraining"], content["file_ending"]) == (4, ".nii.gz")
    assert content["spinesynth"]["patients"] == [["spider", "1"], ["spider", "2"]]
    names = {path.name for path in (tmp_path / "raw" / FOLDER / "imagesTr").iterdir()}
    assert names == {f"{n}_0000.nii.gz" for n in ("1_t1", "1_t2", "2_t2", "2_t2_SPACE")}


def test_single_slice_is_a_volume_of_one(tmp_path: Path) -> None:
    data = write_patients(tmp_path, {"one": 2})
    write_nifti(tmp_path / "one0_image.nii.gz", intensities()[2:3])
    write_nifti(tmp_path / "one0_label.nii.gz", parts_codes()[2:3])
    export_nnunet(data, tmp_path / "raw")
    place = tmp_path / "raw" / FOLDER
    for path in (place / "imagesTr" / "one0_0000.nii.gz", place / "labelsTr" / "one0.nii.gz"):
        assert nib.load(path).shape == (1, 40, 48)


def test_every_patient_validates_once_and_is_never_in_both(tmp_path: Path) -> None:
    data = write_patients(tmp_path, {"one": 4, "two": 3})
    text = data.read_text()
    data.write_text(text.replace("one1,one1,", "one1,one0,"))  # two scans of one patient
    export_nnunet(data, tmp_path / "raw")
    patient = {f"{s}{n}": f"{s}{n}" for s, count in (("one", 4), ("two", 3)) for n in range(count)}
    patient["one1"] = "one0"
    folds = folds_of(tmp_path / "raw")
    assert len(folds) == 5
    validated = [name for fold in folds for name in fold["val"]]
    assert sorted(validated) == sorted(patient)
    for fold in folds:
        assert sorted(fold["train"] + fold["val"]) == sorted(patient)
        assert not {patient[n] for n in fold["train"]} & {patient[n] for n in fold["val"]}


def test_split_of_a_run_keeps_its_test_patients_out(tmp_path: Path) -> None:
    data = write_patients(tmp_path, {"one": 4})
    split = tmp_path / "split.csv"
    split.write_text("case_id,split\none0,train\none1,validation\none2,test\n")
    said = export_nnunet(data, tmp_path / "raw", split=split)
    place = tmp_path / "raw" / FOLDER
    assert folds_of(tmp_path / "raw") == [{"train": ["one0"], "val": ["one1"]}]
    assert [path.name for path in (place / "imagesTs").iterdir()] == ["one2_0000.nii.gz"]
    assert sorted(path.name for path in (place / "labelsTr").iterdir()) == [
        "one0.nii.gz",
        "one1.nii.gz",
    ]
    assert "not in the split: one3" in said


def test_two_exports_give_the_same_bytes(tmp_path: Path) -> None:
    data = write_patients(tmp_path, {"one": 3})
    for name in ("a", "b"):
        export_nnunet(data, tmp_path / name)
    files = [path for path in (tmp_path / "a" / FOLDER).rglob("*") if path.is_file()]
    assert len(files) == 3 + 3 + 2
    for path in files:
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


@pytest.mark.parametrize(
    ("annotated", "target", "known"),
    [
        ("vertebra disc canal", "semantic4", {0, 1, 2, 3}),
        ("body posterior disc canal", "semantic4", {0, 1, 2, 3}),
        ("body disc", "semantic4", {2}),  # a body is less than a vertebra, canals are nowhere
        ("vertebra disc canal", "spine6", {3, 4}),
        # the parts of vertebrae are not told apart, but what is none of the classes is
        ("vertebra disc canal sacrum", "spine6", {0, 3, 4, 5}),
        ("disc", "binary_vertebra", set()),
    ],
)
def test_classes_that_a_source_tells_from_all_others(
    annotated: str, target: str, known: set[int]
) -> None:
    assert known_classes(frozenset(annotated.split()), target) == known


def test_voxels_that_nobody_looked_at_are_ignored(tmp_path: Path) -> None:
    structure = torch.tensor(
        [Structure.BACKGROUND, Structure.VERTEBRA, Structure.DISC, Structure.CORD, Structure.SACRUM]
    )
    coder = TargetCoder("spine6")
    whole = export_labels(structure, frozenset({"vertebra", "disc", "canal", "sacrum"}), coder)
    assert whole.tolist() == [0, 6, 3, 4, 5]
    discs = export_labels(structure, frozenset({"disc"}), coder)
    assert discs.tolist() == [6, 6, 3, 6, 6]


def part(root: Path) -> Path:
    """Write two patients with all structures, one with discs alone, one with nothing of use."""
    data = write_patients(root, {"one": 4})
    lines = data.read_text().splitlines()
    lines[3] = lines[3].replace("body disc canal posterior", "disc")
    lines[4] = lines[4].replace("body disc canal posterior", "body")
    data.write_text("\n".join(lines) + "\n")
    return data


def test_partly_annotated_case_has_the_ignore_label(tmp_path: Path) -> None:
    said = export_nnunet(part(tmp_path), tmp_path / "raw")
    assert described(tmp_path / "raw")["labels"]["ignore"] == 4
    labels = tmp_path / "raw" / FOLDER / "labelsTr"
    assert set(np.unique(nib.load(labels / "one2.nii.gz").dataobj)) == {2, 4}
    assert set(np.unique(nib.load(labels / "one0.nii.gz").dataobj)) == {0, 1, 2, 3}
    assert "Left out: 1 cases (annotates no class of semantic4: one3)" in said


def test_partly_annotated_case_is_left_out_if_asked(tmp_path: Path) -> None:
    said = export_nnunet(part(tmp_path), tmp_path / "raw", partial="leave-out")
    content = described(tmp_path / "raw")
    assert (content["numTraining"], "ignore" in content["labels"]) == (2, False)
    assert "annotates only a part of semantic4: one2" in said


def test_target_whose_background_nobody_teaches_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"E-CONF-081.*background.*semantic4"):
        export_nnunet(write_spider(tmp_path / "spider"), tmp_path / "raw", target_scheme="spine6")
    assert not (tmp_path / "raw").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "Lumbar Spine"}, "E-CONF-081.*'Lumbar Spine' and 501"),
        ({"number": 1000}, "E-CONF-081.*1 to 999.*1000"),
        ({"target_scheme": "spider"}, "E-CONF-005.*semantic4.*'spider'"),
    ],
)
def test_impossible_options_are_refused(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        export_nnunet(write_manifest(tmp_path), tmp_path / "raw", **options)


def test_folder_in_use_is_refused(tmp_path: Path) -> None:
    data = write_patients(tmp_path, {"one": 2})
    export_nnunet(data, tmp_path / "raw")
    with pytest.raises(ConfigError, match=r"E-RUN-002.*already holds a data set"):
        export_nnunet(data, tmp_path / "raw")


def test_patient_that_would_train_and_test_is_refused(tmp_path: Path) -> None:
    data = write_patients(tmp_path, {"one": 3})
    split = tmp_path / "split.csv"
    split.write_text("case_id,split\none0,train\none1,validation\none2,test\n")
    data.write_text(data.read_text().replace("one2,one2,", "one2,one0,"))
    with pytest.raises(InputError, match=r"E-SPLIT-002.*patient one0 would train and test"):
        export_nnunet(data, tmp_path / "raw", split=split)
    assert not (tmp_path / "raw").exists()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            "one0,Train\none1,val\none2,tset\nfour,test\none1,validation\none3,train\n",
            "one0: 'Train', one1: 'val', one2: 'tset'.*twice: one1; .*do not hold: four",
        ),
        ("one0,train\none1,\none2,test\n", "got one1: .*; no case of validation"),
        ("one0,train\none2,test\n", "no case of validation"),
        ("one0,train\none1,validation\n", "no case of test"),
    ],
)
def test_split_that_says_anything_else_is_refused(tmp_path: Path, table: str, said: str) -> None:
    data = write_patients(tmp_path, {"one": 4})
    split = tmp_path / "split.csv"
    split.write_text(f"case_id,split\n{table}")
    with pytest.raises(InputError, match=f"E-SPLIT-003.*{said}"):
        export_nnunet(data, tmp_path / "raw", split=split)
    assert not (tmp_path / "raw").exists()


def test_joined_table_of_folds_is_refused(tmp_path: Path) -> None:
    data = write_patients(tmp_path, {"one": 3})
    split = tmp_path / "split.csv"
    split.write_text("case_id,split,fold\none0,train,1\none1,validation,1\none2,test,1\n")
    with pytest.raises(InputError, match=r"E-SPLIT-003.*folds/N/tables/split.csv"):
        export_nnunet(data, tmp_path / "raw", split=split)


def test_part_of_which_no_case_can_be_used_is_refused(tmp_path: Path) -> None:
    data = part(tmp_path)
    split = tmp_path / "split.csv"
    split.write_text("case_id,split\none0,train\none3,validation\none2,test\n")
    said = r"E-SPLIT-003.*no case of validation can be used.*annotates no class.*one3"
    with pytest.raises(InputError, match=said):
        export_nnunet(data, tmp_path / "raw", split=split)


def test_export_that_failed_midway_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_patients(tmp_path, {"one": 2})
    with monkeypatch.context() as broken:

        def fail(*_: object) -> None:
            raise OSError("disk full")

        broken.setattr(nnunet_export, "write_json", fail)
        with pytest.raises(OSError, match="disk full"):
            export_nnunet(data, tmp_path / "raw")
    assert not (tmp_path / "raw" / FOLDER).exists()
    killed = tmp_path / "raw" / f".{FOLDER}.unfinished" / "imagesTr"
    killed.mkdir(parents=True)
    (killed / "stale_0000.nii.gz").touch()
    export_nnunet(data, tmp_path / "raw")
    assert len(list((tmp_path / "raw" / FOLDER / "imagesTr").iterdir())) == 2
    assert not killed.exists()


def test_second_data_set_of_one_number_is_refused(tmp_path: Path) -> None:
    data = write_patients(tmp_path, {"one": 2})
    export_nnunet(data, tmp_path / "raw")
    with pytest.raises(ConfigError, match=r"E-RUN-002.*Dataset501_LumbarSpine.*numbers"):
        export_nnunet(data, tmp_path / "raw", name="Other")
    export_nnunet(data, tmp_path / "raw", name="Other", number=502)


@pytest.mark.parametrize("place", ["raw", f"raw/{FOLDER}"])
def test_file_in_place_of_the_folder_is_refused(tmp_path: Path, place: str) -> None:
    data = write_patients(tmp_path, {"one": 2})
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).touch()
    with pytest.raises(ConfigError, match=r"E-RUN-002.*is a file"):
        export_nnunet(data, tmp_path / "raw")


def test_folder_that_another_export_writes_into_is_refused(tmp_path: Path) -> None:
    data = write_patients(tmp_path, {"one": 2})
    with (
        hold_folder(tmp_path / "raw"),
        pytest.raises(ConfigError, match=r"E-RUN-001.*is in use"),
    ):
        export_nnunet(data, tmp_path / "raw")
