"""A folder of one good scan among all kinds of bad ones: each is refused, none does harm."""

from __future__ import annotations

import gzip
import json
import os
import socket
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spinesynth.cli import run
from tests.fabricate import intensities, metaimage_bytes, nib, ras_affine, write_nifti
from tests.io.dicom_files import (
    CT,
    change,
    content,
    raw_text,
    slices,
    volume,
    write_series,
)
from tests.io.nrrd_files import nrrd_bytes
from tests.pipelines.tiny_checkpoint import write_checkpoint

#: Offsets of NIfTI-1 header fields.
DIM, DATATYPE, PIXDIM, SLOPE, UNITS, QUATERN, SROW = 40, 70, 76, 112, 123, 256, 280
MAGIC = 344

Make = Callable[[Path], object]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("weights") / "m.pt")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_nifti(tmp_path_factory.mktemp("whole") / "a.nii", intensities()).read_bytes()


def spoilt(whole: bytes, offset: int, layout: str, *values: float | bytes) -> bytes:
    content = bytearray(whole)
    struct.pack_into("<" + layout, content, offset, *values)
    return bytes(content)


def bad_files(whole: bytes) -> dict[str, tuple[str, bytes]]:
    """Return bad files by name, each with the code that it must be refused with."""
    packed = gzip.compress(whole)
    mha, nrrd = metaimage_bytes(intensities()), nrrd_bytes(intensities())
    nrrd_head = nrrd.partition(b"\n\n")[0] + b"\n\n"
    elsewhere = metaimage_bytes(intensities(), ElementDataFile="../good.raw")
    return {
        "empty.nii.gz": ("E-IN-002", b""),
        "cut_packed.nii.gz": ("E-FMT-002", packed[:-500]),
        "checksum.nii.gz": ("E-FMT-003", packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:]),
        "cut.nii": ("E-FMT-002", whole[:5000]),
        "header_alone.nii": ("E-FMT-002", whole[:352]),
        "magic.nii": ("E-FMT-001", spoilt(whole, MAGIC, "4s", b"xxx\0")),
        "page.nii.gz": ("E-FMT-001", b"<html>not found</html>"),
        "not_packed.nii.gz": ("E-FMT-001", whole),
        "trailing.nii.gz": ("E-FMT-004", packed + b"garbage"),
        "huge.nii": ("E-FMT-007", spoilt(whole, DIM, "4h", 3, 32767, 32767, 32767)[:416]),
        "bomb.nii.gz": ("E-FMT-004", gzip.compress(whole + bytes(20_000_000), 1)),
        "no_slices.nii": ("E-FMT-005", spoilt(whole, DIM + 2, "h", 0)),
        "negative.nii": ("E-FMT-005", spoilt(whole, DIM + 2, "h", -6)),
        "none_d.nii": ("E-FMT-005", spoilt(whole, DIM, "h", 0)),
        "nine_d.nii": ("E-FMT-005", spoilt(whole, DIM, "h", 9)),
        "type.nii": ("E-FMT-006", spoilt(whole, DATATYPE, "h", 9999)),
        "one_d.nii": ("E-FMT-005", spoilt(whole, DIM, "h", 1)),
        "vectors.nii": ("E-FMT-005", spoilt(whole, DIM, "6h", 5, 6, 40, 16, 1, 3)),
        "colour.nii": ("E-FMT-006", spoilt(whole, DATATYPE, "h", 128)),
        "slope_nan.nii": ("E-VAL-003", spoilt(whole, SLOPE, "2f", np.nan, np.nan)),
        "slope_inf.nii": ("E-VAL-003", spoilt(whole, SLOPE, "f", np.inf)),
        "overflow.nii": ("E-VAL-003", spoilt(whole, SLOPE, "f", 1e30)),
        "spacing_none.nii": ("E-GEOM-005", spoilt(whole, PIXDIM + 4, "f", 0.0)),
        "spacing_nan.nii": ("E-GEOM-005", spoilt(whole, PIXDIM + 4, "f", np.nan)),
        "metres.nii": ("E-GEOM-005", spoilt(whole, UNITS, "b", 1)),
        "two_places.nii": ("E-GEOM-007", spoilt(whole, QUATERN + 12, "f", 50.0)),
        "singular.nii": ("E-GEOM-002", spoilt(whole, SROW, "f", 0.0)),
        "nowhere.nii": ("E-GEOM-001", spoilt(whole, SROW, "f", np.nan)),
        "far.nii": ("E-GEOM-001", spoilt(whole, SROW + 12, "f", 1e30)),
        "cut_meta.mha": ("E-FMT-002", mha[:-500]),
        "huge_meta.mha": ("E-FMT-007", metaimage_bytes(intensities(), DimSize="40000 40000 40000")),
        "spacing.mha": ("E-GEOM-005", metaimage_bytes(intensities(), ElementSpacing="1 -1 1")),
        "elsewhere.mhd": ("E-FMT-005", elsewhere),
        "bomb_nrrd.nrrd": ("E-FMT-004", nrrd_head + gzip.compress(bytes(20_000_000), 1)),
        "elsewhere_nrrd.nhdr": ("E-FMT-005", nrrd_bytes(intensities(), data_file="/etc/hostname")),
        "no.zip": ("E-ZIP-001", b"no archive"),
        "two\nlines.nii": ("E-FMT-001", b"a name of two lines"),
    }  # fmt: skip


def _voxel(folder: Path, value: float) -> None:
    image = intensities().astype(np.float32)
    image[2, 3, 4] = value
    write_nifti(folder / "not_finite.nii.gz", image)


def _socket(folder: Path) -> None:
    place = Path.cwd()
    os.chdir(folder)  # the name of a socket has 107 bytes at most
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("socket.nii")
    finally:
        os.chdir(place)


#: What is made in other ways: by name the code, and how.
OTHERS: dict[str, tuple[str, Make]] = {
    "not_finite.nii.gz": ("E-VAL-001", lambda folder: _voxel(folder, np.nan)),
    "flat.nii": (
        "E-VAL-002",
        lambda folder: write_nifti(folder / "flat.nii", np.zeros((6, 40, 48), np.int16)),
    ),
    "tiny.nii": (
        "E-GEOM-008",
        lambda folder: write_nifti(folder / "tiny.nii", intensities()[:, 4:11, 4:11]),
    ),
    "absurd.nii": (
        "E-GEOM-005",
        lambda folder: nib.Nifti1Image(intensities(), ras_affine() / 1000).to_filename(
            folder / "absurd.nii"
        ),
    ),
    "folder.nii.gz": (
        "E-IN-002",
        lambda folder: write_nifti(folder / "folder.nii.gz" / "a.nii", intensities()),
    ),
    "pipe.nii": ("E-IN-002", lambda folder: os.mkfifo(folder / "pipe.nii")),
    "device.nii": ("E-IN-002", lambda folder: (folder / "device.nii").symlink_to("/dev/zero")),
    "socket.nii": ("E-IN-002", _socket),
    "gone.nii": ("E-IN-001", lambda folder: (folder / "gone.nii").symlink_to(folder / "nothing")),
    "loop.nii": ("E-IN-001", lambda folder: (folder / "loop.nii").symlink_to(folder / "loop.nii")),
}


def _make(folder: Path, whole: bytes) -> dict[str, str]:
    """Make a folder of bad scans and return their codes by the name of the file."""
    files = bad_files(whole)
    folder.mkdir()
    for name, (_, data) in files.items():
        (folder / name).write_bytes(data)
    for _, make in OTHERS.values():
        make(folder)
    return {name: code for name, (code, _) in (files | OTHERS).items()}


def check_run(words: list[str], output: Path, codes: dict[str, str], good: str) -> dict[str, str]:
    """Segment, and check that all but one scan are refused and leave nothing.

    Returns:
        The message of each refusal by the name of the file.
    """
    assert run(["predict", *words, "-o", str(output), "--no-preview"], command="test") == 1
    report = json.loads((output / "run_report.json").read_text())
    cases = {Path(case["input"]).name: case for case in report["cases"]}
    assert {name: case.get("code") for name, case in cases.items()} == {good: None, **codes}
    assert (report["done"], report["failed"], report["exit_code"]) == (1, len(codes), 1)
    stem = cases[good]["case"]
    left = {path.relative_to(output).parts[0] for path in output.rglob("*")}
    mine = {name for name in left if name.startswith(f"{stem}_")}
    assert left - mine == {"run_report.json", "spine6.ctbl", "spine6_itksnap.txt"}
    assert Path(cases[good]["labels"]).name in mine
    messages = {name: case["message"] for name, case in cases.items() if name != good}
    for name, message in messages.items():
        assert message.startswith(f"[{codes[name]}] ")
        assert len(message.splitlines()) == 1
        assert "; " in message  # what is wrong; what mends it
    return messages


def test_good_scan_among_bad_files_is_the_only_one_written(
    weights: Path, whole: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = _make(tmp_path / "scans", whole)
    (tmp_path / "scans" / "good.nii").write_bytes(whole)
    words = ["-w", str(weights), "-i", str(tmp_path / "scans")]
    messages = check_run(words, tmp_path / "out", codes, "good.nii")
    said = capsys.readouterr()
    assert set(messages.values()) <= set(said.err.splitlines())
    assert said.out.splitlines() == [str(tmp_path / "out" / "good_seg.nii")]
    alone = ["predict", "-w", str(weights), "-i", str(tmp_path / "scans" / "good.nii")]
    assert run([*alone, "-o", str(tmp_path / "alone")], command="test") == 0
    one, other = (tmp_path / name / "good_seg.nii" for name in ("out", "alone"))
    assert one.read_bytes() == other.read_bytes()


def _series(**fields: object) -> list[Any]:
    """Return sagittal slices."""
    voxels, affine = volume()
    return slices(voxels, affine, **fields)


def _moved(axis: int, step_mm: float) -> list[Any]:
    """Return slices each of which lies further along an axis of the world than the last."""
    made = _series()
    for number, one in enumerate(made):
        place = [float(word) for word in one.ImagePositionPatient]
        place[axis] += step_mm * number**2 if axis == 0 else step_mm * number
        one.ImagePositionPatient = place
    return made


def _without_pixels(number: int) -> list[bytes]:
    files = [content(one) for one in _series()]
    return [*files[:number], files[number][:-500], *files[number + 1 :]]


def bad_archives() -> dict[str, tuple[str, list[bytes]]]:
    """Return bad DICOM series: by name the code, and the files to be packed."""
    made: dict[str, tuple[str, list[Any]]] = {
        "two_series": ("E-DCM-005", [*_series(), *_series(SeriesInstanceUID="1.2.3.4.9")]),
        "gap": ("E-DCM-014", [*_series()[:2], *_series()[3:]]),
        "twice": ("E-DCM-013", [*_series(), _series()[1]]),
        "uneven": ("E-DCM-015", _moved(0, 0.2)),
        "tilted": ("E-DCM-016", _moved(1, 1.0)),
        "mixed": ("E-DCM-012", [*_series()[:5], change(_series()[5], PixelSpacing=["2", "2"])]),
        "slope": ("E-DCM-011", [raw_text(one, "RescaleSlope", "NaN") for one in _series()]),
        "position": ("E-DCM-010", _series(ImagePositionPatient=None)),
        "kind": ("E-DCM-007", _series(SOPClassUID="1.2.840.10008.5.1.4.1.1.7")),
        "ct": ("E-DCM-008", _series(SOPClassUID=CT)),
        "palette": ("E-DCM-009", _series(PhotometricInterpretation="PALETTE COLOR")),
    }
    bare = [content(one)[132:] for one in _series()]
    return {
        **{name: (code, [content(one) for one in files]) for name, (code, files) in made.items()},
        "pixels": ("E-DCM-018", _without_pixels(2)),
        "bare": ("E-DCM-003", bare),
        "nothing": ("E-DCM-002", []),
    }


def _pack(path: Path, files: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def _make_archives(folder: Path) -> dict[str, str]:
    """Make a folder of bad archives and return their codes by the name of the file."""
    folder.mkdir()
    codes = {}
    for name, (code, files) in bad_archives().items():
        _pack(folder / f"{name}.zip", {f"{n}.dcm": data for n, data in enumerate(files)})
        codes[f"{name}.zip"] = code
    whole = {f"{n}.dcm": content(one) for n, one in enumerate(_series())}
    hostile: dict[str, tuple[str, Mapping[str, bytes]]] = {
        "leads_out.zip": ("E-ZIP-002", whole | {"../a.dcm": whole["0.dcm"]}),
        "within.zip": ("E-ZIP-006", whole | {"inner.zip": b"PK"}),
        "bomb.zip": ("E-ZIP-004", {"a.dcm": bytes(10_000_000)}),
        "many.zip": ("E-ZIP-003", {f"{number}.dcm": b"" for number in range(2001)}),
    }
    for name, (code, members) in hostile.items():
        _pack(folder / name, members)
        codes[name] = code
    return codes


def test_good_scan_among_bad_series_is_the_only_one_written(
    weights: Path, whole: bytes, tmp_path: Path
) -> None:
    pytest.importorskip("pydicom")
    codes = _make_archives(tmp_path / "scans")
    (tmp_path / "scans" / "good.nii").write_bytes(whole)
    words = ["-w", str(weights), "-i", str(tmp_path / "scans")]
    messages = check_run(words, tmp_path / "out", codes, "good.nii")
    # the series, the gap and the file are named
    assert "1.2.3.4.9" in messages["two_series.zip"]
    assert "between slices 1 and 2" in messages["gap.zip"]
    assert "2.dcm is cut short" in messages["pixels.zip"]


def test_list_of_folders_of_slices_does_the_good_scan(
    weights: Path, whole: bytes, tmp_path: Path
) -> None:
    pytest.importorskip("pydicom")
    write_series(tmp_path / "gap", [*_series()[:2], *_series()[3:]])
    (tmp_path / "good.nii").write_bytes(whole)
    (tmp_path / "scans.txt").write_text("gap\ngood.nii\ngone\n")
    words = ["-w", str(weights), "-i", str(tmp_path / "scans.txt")]
    check_run(words, tmp_path / "out", {"gap": "E-DCM-014", "gone": "E-IN-001"}, "good.nii")


@pytest.mark.parametrize("name", ["gone.nii", "gone", "empty"])
def test_nothing_to_read_ends_before_anything_is_begun(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    out = tmp_path / "out"
    assert run(["predict", "-i", str(tmp_path / name), "-o", str(out)], command="test") == 2
    said = capsys.readouterr().err
    assert said.startswith(f"spinesynth: [E-IN-001] {tmp_path / name}: no image (.nii.gz, .nrrd")
    assert not out.exists()


@pytest.mark.parametrize("names", [("a.nii", "a.mha"), ("A.nii", "a.mha")])
def test_names_that_meet_in_one_output_end_before_anything_is_begun(
    names: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in names:
        (tmp_path / name).touch()
    out = tmp_path / "out"
    assert run(["predict", "-i", str(tmp_path), "-o", str(out)], command="test") == 2
    assert "[E-IN-005]" in capsys.readouterr().err
    assert not out.exists()


def test_output_that_is_an_input_ends_before_anything_is_begun(
    whole: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scan, target = tmp_path / "a.nii", tmp_path / "b.nii"
    scan.write_bytes(whole)
    os.link(scan, target)
    assert run(["predict", "-i", str(scan), "-o", str(target)], command="test") == 2
    assert "[E-OUT-002]" in capsys.readouterr().err
    assert scan.read_bytes() == whole


def test_link_that_is_followed_is_told(
    weights: Path, whole: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "real.nii").write_bytes(whole)
    (tmp_path / "link.nii").symlink_to("real.nii")
    words = ["predict", "-w", str(weights), "-i", str(tmp_path / "link.nii"), "--no-preview", "-o"]
    assert run([*words, str(tmp_path / "out")], command="test") == 0
    place = f"{tmp_path / 'link.nii'}: a link, followed to {tmp_path / 'real.nii'}"
    assert f"link: {place}" in capsys.readouterr().err.splitlines()
