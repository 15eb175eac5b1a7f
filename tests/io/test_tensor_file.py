"""Mapped files of tensors hold what was written, or say that they are damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spinesynth.io.tensor_file import DamagedFileError, check_tensors, map_tensors, write_tensors

CONTENT = {
    "codes": torch.arange(24, dtype=torch.uint8).reshape(1, 2, 3, 4),
    "voxels": torch.tensor([0.5, -1.0, float("inf")]),
    "affine": torch.eye(4, dtype=torch.float64),
    "turned": torch.arange(6, dtype=torch.int16).reshape(2, 3).T,
    "nothing": torch.zeros(0, 3),
    "one": torch.tensor(7),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_tensors(tmp_path / "a.case", CONTENT)
    return tmp_path / "a.case"


def test_tensors_come_back_with_type_and_shape(file: Path) -> None:
    check_tensors(file)
    found = map_tensors(file)
    assert list(found) == list(CONTENT)
    for name, value in CONTENT.items():
        assert found[name].dtype == value.dtype
        assert torch.equal(found[name], value)


def test_what_is_written_into_a_mapped_tensor_stays_there(file: Path) -> None:
    before = file.read_bytes()
    map_tensors(file)["codes"].fill_(9)
    assert file.read_bytes() == before
    assert torch.equal(map_tensors(file)["codes"], CONTENT["codes"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_file_cut_anywhere_is_damaged(file: Path, data: st.DataObject) -> None:
    whole = file.read_bytes()
    torn = file.with_name("torn.case")
    torn.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    for read in (check_tensors, map_tensors):
        with pytest.raises(DamagedFileError, match=r"torn\.case"):
            read(torn)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_one_flipped_bit_anywhere_is_damage(file: Path, data: st.DataObject) -> None:
    changed = bytearray(file.read_bytes())
    bit = data.draw(st.integers(0, 8 * len(changed) - 1))
    changed[bit // 8] ^= 1 << bit % 8
    other = file.with_name("flipped.case")
    other.write_bytes(changed)
    with pytest.raises(DamagedFileError, match=r"flipped\.case"):
        check_tensors(other)


def test_missing_and_foreign_files_are_damaged(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.case"
    foreign.write_bytes(b"another kind of file, of " + b"some length" * 20)
    for path in (tmp_path / "gone.case", foreign):
        for read in (check_tensors, map_tensors):
            with pytest.raises(DamagedFileError, match=path.name):
                read(path)
