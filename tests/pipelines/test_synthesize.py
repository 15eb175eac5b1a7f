"""Synthetic data sets: complete with their manifest, or not begun."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spinesynth.errors import InputError
from spinesynth.io.discover import discover_cases
from spinesynth.io.load_case import load_case
from spinesynth.pipelines.synthesize import synthesize_cases
from spinesynth.transforms import SpineSynthGenerator
from tests.fabricate import (
    MANIFEST_ROWS,
    SPACING_MM,
    nib,
    parts_codes,
    write_manifest,
    write_nifti,
    write_spider,
)


def test_data_without_label_maps_are_refused(tmp_path: Path) -> None:
    row = "p1_t1,p1,made,T1,body,parts,p1_t1_image.nii.gz,,"
    data = write_manifest(tmp_path, [row])
    with pytest.raises(InputError, match=r"E-CASE-005.*holds no label map"):
        synthesize_cases(data, output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_pseudo_labels_alone_are_refused_and_no_case_of_theirs_is_painted(tmp_path: Path) -> None:
    """They train beside annotated cases; their unknown would be painted as nothing."""
    pseudo = MANIFEST_ROWS[0].replace(",parts,", ",pseudo,")
    data = write_manifest(tmp_path / "one", [pseudo])
    with pytest.raises(InputError, match=r"E-CASE-005.*no label map.*pseudo-labels apart"):
        synthesize_cases(data, output=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    mixed = write_manifest(tmp_path / "two", [pseudo, MANIFEST_ROWS[2]])
    table = pd.read_csv(synthesize_cases(mixed, output=tmp_path / "out", limit=1))
    assert list(table["case_id"]) == ["p2_t2_synth000"]


def test_refused_mask_is_named_before_anything_is_written(tmp_path: Path) -> None:
    data = write_manifest(tmp_path)
    codes = parts_codes()
    codes[0, 0, 0] = 77
    write_nifti(tmp_path / "p2_t2_label.nii.gz", codes)
    with pytest.raises(InputError, match=r"E-LAB-001.*p2_t2_label\.nii\.gz.*77"):
        synthesize_cases(data, output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_limit_leaves_later_masks_unread(tmp_path: Path) -> None:
    data = write_manifest(tmp_path)
    (tmp_path / "p2_t2_label.nii.gz").write_bytes(b"damaged")
    table = pd.read_csv(synthesize_cases(data, output=tmp_path / "out", limit=1))
    assert list(table["case_id"]) == ["p1_t1_synth000"]


def test_images_of_the_data_set_are_never_opened(tmp_path: Path) -> None:
    data = write_manifest(tmp_path)
    for path in tmp_path.glob("*_image.nii.gz"):
        path.write_bytes(b"no image")
    manifest = synthesize_cases(data, output=tmp_path / "out", limit=1)
    assert (manifest.parent / "p1_t1_synth000.nii.gz").is_file()


def test_each_image_can_be_painted_again_from_its_seed(tmp_path: Path) -> None:
    data = write_manifest(tmp_path)
    manifest = synthesize_cases(data, output=tmp_path / "out", per_case=2, limit=1, contrast="T2")
    table = pd.read_csv(manifest)
    assert table["seed"].nunique() == 2
    label = np.asarray(nib.load(manifest.parent / "p1_t1_label.nii.gz").dataobj)
    for name, seed in zip(table["image"], table["seed"], strict=True):
        generator = SpineSynthGenerator("T2", spacing_mm=SPACING_MM, seed=int(seed))
        painted = generator.generate_synthetic_mri(label)
        stored = np.asarray(nib.load(manifest.parent / name).dataobj)
        np.testing.assert_allclose(stored, painted, atol=1e-5)  # spacing passes through float32


def test_manifest_is_a_data_set_of_its_own(tmp_path: Path) -> None:
    data = write_spider(tmp_path / "spider")
    manifest = synthesize_cases(data, output=tmp_path / "out", limit=1)
    (case,) = discover_cases(manifest)
    assert case.source.startswith("synthetic_")
    assert case.scheme == "semantic4"
    loaded = load_case(case)
    assert loaded.image is not None
    assert loaded.image.shape == (1, 6, 40, 48)
