"""Written volumes lie on the source's own grid, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.data.meta_tensor import MetaTensor

import spinesynth.io.write
from spinesynth.errors import OutputError
from spinesynth.io.raw_volume import Affine, Array
from spinesynth.io.volume import read_image, read_label, read_raw
from spinesynth.io.write import atomic_write, write_volume
from tests.fabricate import intensities, metaimage_bytes, parts_codes, turned, write_nifti

SUFFIXES = [".nii", ".nii.gz", ".mha"]
ORIENTATIONS = ["RAS", "LPS", "PIR", "ASL", "IRP"]
CODES = torch.from_numpy(parts_codes())


def source(folder: Path, orientation: str, suffix: str = ".nii.gz") -> MetaTensor:
    path = folder / f"scan{suffix}"
    if suffix == ".mha":
        path.write_bytes(metaimage_bytes(intensities(), orientation))
    else:
        write_nifti(path, intensities(), orientation)
    return read_image(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_label_map_goes_back_to_the_grid_and_axes_of_its_source(
    tmp_path: Path, orientation: str, suffix: str
) -> None:
    image = source(tmp_path, orientation, suffix)
    out = tmp_path / f"out{suffix}"
    write_volume(out, CODES, like=image)
    written, original = read_raw(out), read_raw(tmp_path / f"scan{suffix}")
    np.testing.assert_array_equal(written.voxels, turned(parts_codes(), orientation)[0])
    np.testing.assert_allclose(written.affine, original.affine, atol=1e-4)  # float32 header
    assert written.voxels.dtype == np.uint8
    np.testing.assert_array_equal(read_label(out)[0].numpy(), parts_codes())


def test_source_in_one_format_is_written_in_another(tmp_path: Path) -> None:
    write_volume(tmp_path / "out.nii.gz", CODES[None], like=source(tmp_path, "PIR", ".mha"))
    assert read_label(tmp_path / "out.nii.gz").meta["source_orientation"] == "PIR"


def test_oblique_grid_is_kept(tmp_path: Path) -> None:
    tilt = np.deg2rad(20)
    turn = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    affine = np.eye(4)
    affine[:3, :3] = turn * (4, 1, 0.75)
    like = MetaTensor(CODES[None], affine=torch.from_numpy(affine))
    for suffix in SUFFIXES:
        write_volume(tmp_path / f"a{suffix}", CODES, like=like)
        np.testing.assert_allclose(read_raw(tmp_path / f"a{suffix}").affine, affine, atol=1e-5)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_same_volume_gives_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    image = source(tmp_path, "LPS")
    for name in ("one", "two"):
        write_volume(tmp_path / f"{name}{suffix}", CODES, like=image)
    one, two = (tmp_path / f"{name}{suffix}" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize(
    ("dtype", "stored"),
    [
        (torch.bool, np.uint8),
        (torch.int16, np.int16),
        (torch.int32, np.int32),
        (torch.int64, np.int32),
        (torch.float32, np.float32),
        (torch.float64, np.float32),
    ],
)
def test_voxel_type_is_kept_where_every_reader_knows_it(
    tmp_path: Path, dtype: torch.dtype, stored: type[np.generic]
) -> None:
    write_volume(tmp_path / "a.nii", CODES.to(dtype), like=source(tmp_path, "RAS"))
    written = read_raw(tmp_path / "a.nii").voxels
    assert written.dtype == stored
    np.testing.assert_array_equal(written, CODES.to(dtype).numpy())


def test_tensor_of_another_grid_is_refused(tmp_path: Path) -> None:
    image = source(tmp_path, "RAS")
    with pytest.raises(ValueError, match=r"shape of like \(6, 40, 48\), got \(6, 40, 47\)"):
        write_volume(tmp_path / "a.nii", CODES[..., 1:], like=image)
    cropped = image[..., 1:]
    assert isinstance(cropped, MetaTensor)
    with pytest.raises(ValueError, match="undo cropping and resampling first"):
        write_volume(tmp_path / "a.nii", CODES[..., 1:], like=cropped)
    assert not (tmp_path / "a.nii").exists()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_volume_that_is_not_finite_is_not_written(tmp_path: Path, value: float) -> None:
    bad = CODES.float()
    bad[0, 0, 0] = value
    with pytest.raises(ValueError, match="must be finite, got NaN or infinity"):
        write_volume(tmp_path / "a.nii", bad, like=source(tmp_path, "RAS"))
    assert not (tmp_path / "a.nii").exists()


def test_unknown_type_and_the_source_itself_are_refused(tmp_path: Path) -> None:
    image = source(tmp_path, "RAS")
    with pytest.raises(OutputError, match=r"must be one of \.nii, \.nii\.gz, \.mha"):
        write_volume(tmp_path / "a.xyz", CODES, like=image)
    whole = (tmp_path / "scan.nii.gz").read_bytes()
    with pytest.raises(OutputError, match="overwrite its own input; choose another name"):
        write_volume(tmp_path / "scan.nii.gz", CODES, like=image)
    assert (tmp_path / "scan.nii.gz").read_bytes() == whole


@pytest.mark.parametrize("suffix", [".nii.gz", ".mha"])
def test_writer_that_lies_is_found_out_and_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    image = source(tmp_path, "RAS")
    out = tmp_path / f"out{suffix}"
    out.write_text("old")
    honest = spinesynth.io.write._WRITERS[suffix]

    def cutting(path: Path, voxels: Array, affine: Affine) -> None:
        honest(path, voxels, affine)
        os.truncate(path, path.stat().st_size // 2)

    monkeypatch.setitem(spinesynth.io.write._WRITERS, suffix, cutting)
    with pytest.raises(OutputError, match=r"could not be read back .* free space") as caught:
        write_volume(out, CODES, like=image)
    assert caught.value.code == "E-OUT-001"
    assert out.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"out{suffix}", "scan.nii.gz"]


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        (lambda voxels, affine: (voxels + 1, affine), "voxels differ"),
        (lambda voxels, affine: (voxels, affine + np.eye(4) / 50), "voxels moved by up to"),
    ],
)
def test_writer_that_changes_something_is_found_out(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lie: Callable[[Array, Affine], tuple[Array, Affine]],
    words: str,
) -> None:
    image = source(tmp_path, "RAS")
    honest = spinesynth.io.write._WRITERS[".nii"]

    def lying(path: Path, voxels: Array, affine: Affine) -> None:
        honest(path, *lie(voxels, affine))

    monkeypatch.setitem(spinesynth.io.write._WRITERS, ".nii", lying)
    with pytest.raises(OutputError, match=words):
        write_volume(tmp_path / "a.nii", CODES, like=image)
    assert not (tmp_path / "a.nii").exists()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_missing_folder_gives_one_error(tmp_path: Path, suffix: str) -> None:
    image = source(tmp_path, "RAS")
    with pytest.raises(OutputError, match="check that the folder exists"):
        write_volume(tmp_path / "none" / f"a{suffix}", CODES, like=image)


def write_half(path: Path, end: BaseException) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text("half")
        raise end


def test_interrupted_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt, match="stop"):
        write_half(tmp_path / "a.txt", KeyboardInterrupt("stop"))
    assert list(tmp_path.iterdir()) == []


def test_refused_write_names_the_file_and_the_reason(tmp_path: Path) -> None:
    full = OSError(28, "No space left on device")
    with pytest.raises(OutputError, match=r"a\.txt: could not be written \(No space left"):
        write_half(tmp_path / "a.txt", full)
    assert list(tmp_path.iterdir()) == []


@given(text=st.text())
def test_whole_text_takes_the_name_at_the_end(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.mktemp("atomic") / ("n" * 240 + ".txt")
    path.write_text("old")
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
        assert path.read_text() == "old"
    assert path.read_bytes() == text.encode("utf-8")
    assert len(list(path.parent.iterdir())) == 1


def test_new_file_has_the_usual_permissions(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    with atomic_write(tmp_path / "a") as temporary:
        temporary.write_text("a")
    assert (tmp_path / "a").stat().st_mode == plain.stat().st_mode
