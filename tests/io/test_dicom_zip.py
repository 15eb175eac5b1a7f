"""Zip archives of DICOM files: row 62 of the catalogue of bad inputs, each danger by name."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from spinesynth.io import zip_archive
from spinesynth.io.volume import read_image
from tests.fabricate import intensities
from tests.io.bad_files import refused
from tests.io.dicom_files import content, slices, volume

pytest.importorskip("pydicom", exc_type=ImportError)


def files() -> dict[str, bytes]:
    return {f"scan/IM{n}.dcm": content(one) for n, one in enumerate(slices(*volume()))}


def write_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, contents in members.items():
            archive.writestr(name, contents)
    return path


def test_zip_of_a_series_is_read(tmp_path: Path) -> None:
    others = {"__MACOSX/._IM0.dcm": b"junk", "scan/.DS_Store": b"junk", "readme.txt": b"hello"}
    image = read_image(write_zip(tmp_path / "scan.zip", files() | others))
    np.testing.assert_array_equal(image[0].numpy(), intensities())
    assert image.meta["source_path"] == str(tmp_path / "scan.zip")


@pytest.mark.parametrize(
    "name", ["../evil.dcm", "a/../../evil.dcm", "/etc/evil.dcm", "..\\evil.dcm", "C:\\evil.dcm"]
)
def test_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    path = write_zip(tmp_path / "scan.zip", files() | {name: b"x"})
    refused(path, "E-ZIP-002", "evil.dcm' leads out of the archive")
    assert list(tmp_path.iterdir()) == [path]


def test_link_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("scan/link.dcm")
    link.external_attr = 0o120777 << 16
    path = write_zip(tmp_path / "scan.zip", files())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    refused(path, "E-ZIP-002", "'scan/link.dcm' is a link")


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "scan.zip", {f"{n}": b"" for n in range(2001)})
    refused(path, "E-ZIP-003", "at most 2000 members")


def test_million_members_are_refused_before_their_list_is_read(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "scan.zip", {"a": b""})
    whole = path.read_bytes()
    end = whole.index(b"PK\x05\x06")
    # count 65535 means: the true count stands in another record
    forged = whole[: end + 8] + struct.pack("<HH", 65535, 65535) + whole[end + 12 :]
    path.write_bytes(forged)
    refused(path, "E-ZIP-003", "got 65535 or more")
    # an honest count over a directory of 100 MiB
    forged = whole[: end + 12] + struct.pack("<L", 100 << 20) + whole[end + 16 :]
    path.write_bytes(forged)
    refused(path, "E-ZIP-003", "at most 2000 members")


@pytest.mark.parametrize("name", ["inner.zip", "inner.dcm"])
def test_archive_within_the_archive_is_refused(tmp_path: Path, name: str) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a.dcm", b"x")
    path = write_zip(tmp_path / "scan.zip", files() | {name: inner.getvalue()})
    refused(path, "E-ZIP-006", f"'{name}' is an archive itself")


def test_bomb_is_refused_by_its_ratio(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "scan.zip", {"zeros.dcm": bytes(1 << 20)})
    refused(path, "E-ZIP-004", "100 times larger than the archive")


def test_large_contents_are_refused_by_their_sum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zip_archive, "MAX_UNPACKED_BYTES", 10_000)
    refused(write_zip(tmp_path / "scan.zip", files()), "E-ZIP-004", "GiB are unpacked")


def test_member_that_is_larger_than_it_says_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "scan.zip", {"zeros.dcm": bytes(50_000)})
    whole = bytearray(path.read_bytes())
    for record, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<L", whole, whole.index(record) + place, 100)
    path.write_bytes(whole)
    refused(path, "E-ZIP-001", "cannot be unpacked")


def test_encrypted_archive_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "scan.zip", files())
    whole = bytearray(path.read_bytes())
    for record, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        whole[whole.index(record) + place] |= 1
    path.write_bytes(whole)
    refused(path, "E-ZIP-005", "is encrypted")


@pytest.mark.parametrize("kept", [10, 3000, -30])
def test_cut_archive_is_refused(tmp_path: Path, kept: int) -> None:
    path = write_zip(tmp_path / "scan.zip", files())
    path.write_bytes(path.read_bytes()[:kept])
    refused(path, "E-ZIP-001", "not a whole zip archive")


def test_flipped_bit_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "scan.zip", files())
    whole = bytearray(path.read_bytes())
    whole[1500] ^= 4
    path.write_bytes(whole)
    refused(path, "E-ZIP-001", "cannot be unpacked")


def test_archive_without_images_is_refused(tmp_path: Path) -> None:
    refused(write_zip(tmp_path / "scan.zip", {"a.txt": b"x"}), "E-DCM-002", "no DICOM file among 1")


def test_empty_and_other_files_named_zip_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "scan.zip"
    path.write_bytes(b"")
    refused(path, "E-IN-002", "empty")
    path.write_bytes(b"not a zip archive" * 10)
    refused(path, "E-ZIP-001", "not a whole zip archive")
