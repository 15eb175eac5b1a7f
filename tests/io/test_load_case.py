"""A case arrives with image, structures and instances on one grid, or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import spinesynth.io.load_case
from spinesynth.anatomy.structures import Structure
from spinesynth.io.case import Case
from spinesynth.io.load_case import load_case
from spinesynth.io.manifest import read_manifest
from spinesynth.io.problems import InputFileError
from tests.fabricate import (
    instance_codes,
    nib,
    parts_codes,
    ras_affine,
    spider_codes,
    write_manifest,
    write_nifti,
)


@pytest.fixture
def cases(tmp_path: Path) -> list[Case]:
    return read_manifest(write_manifest(tmp_path))


def refused(case: Case, code: str, words: str) -> None:
    with pytest.raises(InputFileError, match=words) as caught:
        load_case(case)
    assert caught.value.code == code
    assert caught.value.remedy


def test_case_arrives_with_structures_of_its_scheme(cases: list[Case]) -> None:
    loaded = load_case(cases[0])
    assert loaded.image is not None
    assert loaded.structure is not None
    assert loaded.image.dtype == torch.float32
    assert loaded.structure.dtype == torch.uint8
    assert loaded.image.shape == loaded.structure.shape == (1, 6, 40, 48)
    # scheme parts: 1 body, 2 disc, 3 canal, 4 posterior elements
    expected = np.array([0, Structure.VERTEBRAL_BODY, Structure.DISC, Structure.CANAL, 2])
    np.testing.assert_array_equal(loaded.structure[0].numpy(), expected[parts_codes()])


def test_whole_vertebra_unites_its_parts(cases: list[Case]) -> None:
    loaded = load_case(replace(cases[0], annotated=frozenset({"vertebra"})))
    assert loaded.structure is not None
    whole = np.isin(parts_codes(), (1, 4))
    np.testing.assert_array_equal(loaded.structure[0].numpy() == Structure.VERTEBRA, whole)
    assert not bool(torch.isin(loaded.structure, torch.tensor([1, 2])).any())


def test_instance_map_counts_only_what_has_instances(cases: list[Case]) -> None:
    loaded = load_case(cases[3], need_image=False)
    assert loaded.instance is not None
    np.testing.assert_array_equal(loaded.instance[0].numpy(), instance_codes())


def test_counts_on_the_canal_are_dropped(cases: list[Case], tmp_path: Path) -> None:
    counts = instance_codes()
    counts[parts_codes() == 3] = 9
    path = write_nifti(tmp_path / "inst.nii.gz", counts)
    loaded = load_case(replace(cases[3], instances=path), need_image=False)
    assert loaded.instance is not None
    np.testing.assert_array_equal(loaded.instance[0].numpy(), instance_codes())


def test_without_instances_none_are_made_up(cases: list[Case]) -> None:
    instance = load_case(cases[0]).instance
    assert instance is not None
    assert not instance.any()


def test_image_file_is_never_opened_unless_it_is_needed(
    cases: list[Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = load_case(cases[0]).structure
    assert cases[0].image is not None
    cases[0].image.unlink()  # nobody can open what is not there
    monkeypatch.delattr(spinesynth.io.load_case, "read_image")
    loaded = load_case(cases[0], need_image=False)
    assert loaded.image is None
    assert loaded.structure is not None
    assert whole is not None
    assert torch.equal(loaded.structure, whole)


def test_label_map_alone_is_refused_where_an_image_is_needed(cases: list[Case]) -> None:
    refused(cases[3], "E-CASE-001", r"p3_label\.nii\.gz: case p3_map has no image")


def test_image_alone_has_no_structures(cases: list[Case]) -> None:
    loaded = load_case(replace(cases[0], label=None))
    assert loaded.image is not None
    assert loaded.structure is None
    assert loaded.instance is None


@pytest.mark.parametrize(
    ("shift_mm", "is_same"), [(0.0, True), (5e-4, True), (2e-3, False), (100.0, False)]
)
def test_grids_must_agree_to_a_thousandth_of_a_millimetre(
    cases: list[Case], tmp_path: Path, shift_mm: float, is_same: bool
) -> None:
    affine = ras_affine()
    affine[2, 3] += shift_mm
    path = tmp_path / "moved.nii.gz"
    nib.Nifti1Image(parts_codes(), affine).to_filename(path)
    case = replace(cases[0], label=path)
    if is_same:
        assert load_case(case).structure is not None
    else:
        words = r"moved\.nii\.gz: not on the grid of .*p1_t1_image.* mm apart; resample the label"
        refused(case, "E-GEOM-003", words)


def test_label_map_of_another_shape_is_refused(cases: list[Case], tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "cut.nii.gz", parts_codes()[:5])
    words = r"cut\.nii\.gz: not on the grid .* shape \(5, 40, 48\) against \(6, 40, 48\)"
    refused(replace(cases[0], label=path), "E-GEOM-003", words)


def test_label_map_in_another_orientation_of_the_same_grid_is_accepted(
    cases: list[Case], tmp_path: Path
) -> None:
    path = write_nifti(tmp_path / "turned.nii.gz", parts_codes(), "PIR")
    turned, straight = load_case(replace(cases[0], label=path)), load_case(cases[0])
    assert turned.structure is not None
    assert straight.structure is not None
    assert torch.equal(turned.structure, straight.structure)


def test_unknown_code_names_the_file_the_codes_and_the_case(
    cases: list[Case], tmp_path: Path
) -> None:
    codes = parts_codes()
    codes[0, 0, 0] = 9
    path = write_nifti(tmp_path / "odd.nii.gz", codes)
    words = r"odd\.nii\.gz: codes must be in scheme 'parts' \(0-6\), got 9; .* case p1_t1"
    refused(replace(cases[0], label=path), "E-LAB-001", words)


def test_whole_vertebrae_announced_as_parts_are_refused(cases: list[Case], tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "whole.nii.gz", spider_codes())
    case = replace(cases[0], label=path, scheme="spider")
    refused(case, "E-LAB-005", "holds whole vertebrae, but case p1_t1 is annotated as 'body")


@pytest.mark.parametrize(
    ("place", "value", "code", "words"),
    [
        ((2, 20, 8), 256, "E-LAB-003", r"instances must be in \[0, 255\], got 256"),
        ((0, 0, 0), 1, "E-LAB-004", "where the label map has background"),
    ],
)
def test_impossible_instance_map_is_refused(
    cases: list[Case],
    tmp_path: Path,
    place: tuple[int, int, int],
    value: int,
    code: str,
    words: str,
) -> None:
    counts = instance_codes().astype(np.int16)
    counts[place] = value
    path = write_nifti(tmp_path / "inst.nii.gz", counts)
    refused(replace(cases[0], instances=path), code, words)


def test_instance_map_on_another_grid_is_refused(cases: list[Case], tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "inst.nii.gz", instance_codes()[1:])
    refused(replace(cases[0], instances=path), "E-GEOM-003", "not on the grid of")


def test_loading_leaves_the_files_alone(cases: list[Case], tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    load_case(cases[0])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.real
def test_every_real_case_arrives(real_data_dir: Path) -> None:
    for case in read_manifest(real_data_dir / "cases.csv"):
        loaded = load_case(case, need_image=case.image is not None)
        assert loaded.structure is not None
        assert loaded.structure.any()
