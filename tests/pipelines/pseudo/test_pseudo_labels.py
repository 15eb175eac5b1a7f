"""What a model is confident of trains the next one; the rest teaches nothing, and none tests."""

from __future__ import annotations

import os
import sys
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
from spinesynth.io.load_case import load_case
from spinesynth.io.manifest import read_manifest
from spinesynth.pipelines.pseudo_labels import (
    confident_structures,
    write_pseudo_labels,
)
from tests.fabricate import MANIFEST_ROWS, SHAPE, intensities, write_manifest, write_nifti
from tests.pipelines.pseudo.teacher import SURE, UNSURE, Teacher, scans


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


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux alone")
@pytest.mark.usefixtures("teacher")
def test_scan_that_no_table_can_name_is_left_out(checkpoint: Path, tmp_path: Path) -> None:
    source = scans(tmp_path / os.fsdecode(b"in\xff"), "n1")
    with pytest.raises(InputError, match=r"E-CASE-005.*E-IN-006"):
        write_pseudo_labels([checkpoint], source, output=tmp_path / "out")
    assert not list((tmp_path / "out").glob("n1*"))
    manifest, refused = write_pseudo_labels([checkpoint], source, output=source / "out")
    assert refused == []
    assert [case.case_id for case in read_manifest(manifest)] == ["n1_pseudo"]
