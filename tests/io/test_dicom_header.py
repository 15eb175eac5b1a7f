"""DICOM in: what no honest header says is refused, and never ends in a traceback.

Rows of the catalogue of bad inputs: 54 numbers that are none, 58 deep nesting.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spinesynth.io.problems import InputFileError
from spinesynth.io.volume import read_image
from tests.io.bad_files import refused
from tests.io.dicom_files import content, raw_text, sagittal, write_series

pytest.importorskip("pydicom", exc_type=ImportError)


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("RescaleSlope", "NaN"),
        ("RescaleSlope", "1e999"),
        ("RescaleSlope", "1\\2"),
        ("RescaleSlope", ""),
        ("RescaleSlope", "0"),
        ("RescaleIntercept", "inf"),
        ("RescaleIntercept", "zero"),
        ("PixelSpacing", "0.75"),
        ("PixelSpacing", "0.75\\nan"),
        ("ImagePositionPatient", "1\\2"),
        ("ImagePositionPatient", "1\\2\\1e999"),
        ("ImageOrientationPatient", "1\\0\\0\\1\\0\\0"),
        ("ImageOrientationPatient", "2\\0\\0\\0\\1\\0"),
    ],
)
def test_number_that_is_none_is_refused(tmp_path: Path, keyword: str, text: str) -> None:
    made = [raw_text(one, keyword, text) for one in sagittal()]
    refused(write_series(tmp_path, made), "E-DCM-011", keyword)


@pytest.mark.parametrize("text", ["1e999", "NaN  ", "1\\1  ", "     "])
def test_count_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    folder = write_series(tmp_path, sagittal(NumberOfFrames=77777))
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes().replace(b"77777", text.encode()))
    refused(folder, "E-DCM-011", "NumberOfFrames of IM0000.dcm must be one finite number")


@pytest.mark.parametrize("text", ["0\\0.75", "-1\\0.75", "0.001\\0.75"])
def test_spacing_that_is_absurd_is_refused(tmp_path: Path, text: str) -> None:
    made = [raw_text(one, "PixelSpacing", text) for one in sagittal()]
    with pytest.raises(InputFileError, match="spacing must be in"):
        read_image(write_series(tmp_path, made))


def nested_bytes(depth: int, *, undefined: bool) -> bytes:
    """Return a file with sequences nested that deeply, made without recursion."""
    item, end, close = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0"
    inner = b""
    for _ in range(depth):
        length = b"\xff\xff\xff\xff" if undefined else len(inner).to_bytes(4, "little")
        body = item + length + inner + (end if undefined else b"")
        length = b"\xff\xff\xff\xff" if undefined else len(body).to_bytes(4, "little")
        inner = b"\x08\x00\x40\x11SQ\0\0" + length + body + (close if undefined else b"")
    plain = content(sagittal()[0])
    place = plain.index(b"\x10\x00\x10\x00PN")  # (0008,1140) stands before the patient's name
    return plain[:place] + inner + plain[place:]


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("depth", [40, 300, 3000])
def test_deeply_nested_sequences_are_refused(tmp_path: Path, depth: int, undefined: bool) -> None:
    path = tmp_path / "deep.dcm"
    path.write_bytes(nested_bytes(depth, undefined=undefined))
    refused(path, "E-DCM-021", "nested more than 32 deep")


@pytest.mark.parametrize("undefined", [False, True])
def test_sequences_nested_as_usual_are_read(tmp_path: Path, undefined: bool) -> None:
    path = tmp_path / "usual.dcm"
    path.write_bytes(nested_bytes(10, undefined=undefined))
    assert read_image(path).shape == (1, 1, 40, 48)


@given(data=st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_flipped_byte_of_a_header_breaks_the_reader(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whatever a header says, the file is read or refused with a code, never a traceback."""
    path = tmp_path_factory.mktemp("flip") / "scan.dcm"
    whole = bytearray(content(sagittal()[0]))
    position = data.draw(st.integers(132, len(whole) - 3900))
    whole[position] = data.draw(st.integers(0, 255))
    path.write_bytes(whole)
    with contextlib.suppress(InputFileError):
        assert np.isfinite(read_image(path).numpy()).all()
