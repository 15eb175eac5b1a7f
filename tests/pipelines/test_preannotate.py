"""Annotators get label maps, the most doubtful first, and what they correct can be trained on."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.errors import ConfigError, InputError
from spinesynth.io.discover import discover_cases
from spinesynth.io.load_case import load_case
from spinesynth.io.table_check import check_table
from spinesynth.io.tables import read_ids_csv
from spinesynth.pipelines.preannotate import Preannotation, prepare_annotation
from spinesynth.pipelines.quality_model import QualityModel, StructureQuality
from spinesynth.pipelines.segmenter import SpineSegmenter
from tests.fabricate import SHAPE, intensities, nib, write_nifti
from tests.pipelines.place_predictor import ORIGIN, PlacePredictor

SURE, HALF, NOTHING = 1000, 2000, 3000


SURE_IS_WORSE = QualityModel(
    weights_digest="0" * 64, phantoms=1, seed=0, limits={},
    structures={
        "disc": StructureQuality(
            features=("certainty_inside",), low=(0.0,), high=(1.0,), mean=(0.0,), scale=(1.0,),
            coefficients=(-0.5,), intercept=1.0, cases=1, spearman=None, mean_absolute_error=0.0,
        )
    },
)  # fmt: skip


class BrightnessPredictor(PlacePredictor):
    """Sees one disc in every image, and is as sure of it as the image is dark."""

    def slabs(self, image: MetaTensor) -> Iterator[Tensor]:
        brightest = int(image.max())
        likely = {SURE: 1.0, HALF: 0.6, NOTHING: 0.0}[brightest]
        slab = torch.zeros(6, *image.shape[1:])
        slab[0] = 1.0
        slab[:, 2:4, 10:20, 10:20] = torch.tensor([1 - likely, 0, 0, likely, 0, 0])[
            :, None, None, None
        ]
        yield slab


def _segmenter() -> SpineSegmenter:
    return SpineSegmenter.of(BrightnessPredictor(), ORIGIN)


def _scan(path: Path, brightest: int) -> Path:
    volume = np.minimum(intensities(), brightest)
    volume[0, 20, 20] = brightest
    return write_nifti(path, volume)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Preannotation:
    folder = tmp_path_factory.mktemp("made")
    for name, brightest in (("b", SURE), ("a", HALF), ("c d", NOTHING)):
        _scan(folder / "scans" / f"{name}.nii.gz", brightest)
    return prepare_annotation(_segmenter(), folder / "scans", folder / "out")


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    return _scan(tmp_path / "scans" / "a.nii.gz", HALF).parent


def test_worklist_begins_with_what_is_doubted_most(made: Preannotation) -> None:
    assert made.worklist is not None
    table = check_table(made.worklist, read_ids_csv(made.worklist), "worklist")
    assert table["case_id"].tolist() == ["c_d", "a", "b"]
    assert table["rank"].tolist() == [1, 2, 3]
    assert table["flags"].fillna("").tolist() == ["empty", "", ""]
    # two classes at 0.6 and 0.4 of six: their entropy over log 6
    half = -(0.6 * math.log(0.6) + 0.4 * math.log(0.4)) / math.log(6)
    # six digits in the table, and float32 before
    assert table["doubt"].tolist() == pytest.approx([1.0, half, 0.0], abs=1e-5)
    folder = made.worklist.parent
    for column in ("image", "label", "preview"):
        assert all((folder / name).is_file() for name in table[column])


def test_least_predicted_dice_ranks_where_a_quality_model_is_there(
    scans: Path, tmp_path: Path
) -> None:
    _scan(scans / "b.nii.gz", SURE)
    segmenter = _segmenter()
    segmenter.quality = SURE_IS_WORSE
    ranked = prepare_annotation(segmenter, scans, tmp_path / "out")
    assert ranked.worklist is not None
    table = check_table(ranked.worklist, read_ids_csv(ranked.worklist), "worklist")
    assert table["case_id"].tolist() == ["b", "a"]
    # predicted Dice 1 - probability / 2 of 1.0 and 0.6; six digits in the table
    assert table["doubt"].tolist() == pytest.approx([0.5, 0.3], abs=1e-5)


def test_viewers_find_names_and_colours(made: Preannotation) -> None:
    assert made.worklist is not None
    folder = made.worklist.parent
    assert (folder / "spine6.ctbl").is_file()
    assert "disc" in (folder / "spine6_itksnap.txt").read_text().lower()


def test_corrected_masks_are_a_data_set(made: Preannotation) -> None:
    assert made.manifest is not None
    label = made.manifest.parent / "a_seg.nii.gz"
    stored = nib.load(label)
    corrected = np.asarray(stored.dataobj).copy()
    corrected[0, 0, 0] = 5
    nib.Nifti1Image(corrected, stored.affine, stored.header).to_filename(label)
    cases = {case.case_id: case for case in discover_cases(made.manifest)}
    assert set(cases) == {"a", "b", "c_d"}
    case = cases["a"]
    assert (case.patient_id, case.scheme, case.source) == ("a", "spine6", "preannotated")
    assert case.annotated == {"body", "posterior", "disc", "canal", "sacrum"}
    loaded = load_case(case)
    assert loaded.image is not None
    assert tuple(loaded.image.shape) == (1, *SHAPE)


def test_manifest_keeps_patient_and_contrast(scans: Path, tmp_path: Path) -> None:
    rows = [("x1", "anna", "T1", "disc", "spine6", "a.nii.gz", "")]
    columns = ["case_id", "patient_id", "contrast", "annotated", "scheme", "image", "label"]
    pd.DataFrame(rows, columns=columns).to_csv(scans / "cases.csv", index=False)
    made = prepare_annotation(_segmenter(), scans / "cases.csv", tmp_path / "out")
    assert made.manifest is not None
    (case,) = discover_cases(made.manifest)
    assert (case.case_id, case.patient_id, case.contrast) == ("x1", "anna", "T1")
    assert case.image is not None
    assert case.image.resolve() == (scans / "a.nii.gz").resolve()


def test_bad_scan_does_not_stop_the_others(scans: Path, tmp_path: Path) -> None:
    (scans / "bad.nii.gz").write_bytes(b"no image")
    made = prepare_annotation(_segmenter(), scans, tmp_path / "out")
    assert (made.done, made.exit_code) == (1, 1)
    assert len(made.refused) == 1
    assert "bad.nii.gz" in made.refused[0]
    assert not list((tmp_path / "out").glob("bad*"))


def test_nothing_but_bad_scans_leaves_no_worklist(tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    (scans / "bad.nii.gz").write_bytes(b"no image")
    made = prepare_annotation(_segmenter(), scans, tmp_path / "out")
    assert (made.worklist, made.done, made.exit_code) == (None, 0, InputError.exit_code)
    assert list((tmp_path / "out").iterdir()) == []


def test_corrected_masks_are_never_replaced(made: Preannotation, scans: Path) -> None:
    assert made.worklist is not None
    with pytest.raises(ConfigError, match=r"E-RUN-002.*corrected since; choose another --output"):
        prepare_annotation(_segmenter(), scans, made.worklist.parent)


@pytest.mark.parametrize("how", ["same", "hard link"])
def test_mask_that_is_an_input_too_is_not_replaced(how: str, scans: Path, tmp_path: Path) -> None:
    mask = _scan(scans / "a_seg.nii.gz", HALF)
    kept, output = mask.read_bytes(), scans if how == "same" else tmp_path
    if how == "hard link":
        os.link(mask, output / mask.name)
    with pytest.raises(ConfigError, match=r"E-OUT-002.*overwrite the input .*_seg.nii.gz; choose"):
        prepare_annotation(_segmenter(), scans, output)
    assert mask.read_bytes() == kept


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux alone")
def test_scan_that_no_table_can_name_does_not_stop_the_others(scans: Path, tmp_path: Path) -> None:
    _scan(scans / "b.nii.gz", HALF).rename(scans / os.fsdecode(b"b\xff.nii.gz"))
    made = prepare_annotation(_segmenter(), scans, tmp_path / "out")
    assert (made.done, made.exit_code) == (1, 1)
    assert "[E-IN-006]" in made.refused[0]
    assert not list((tmp_path / "out").glob("b*"))
