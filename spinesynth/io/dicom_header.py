"""Parse one DICOM file, refusing what makes parsers hang or fall over."""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from typing import Any

from spinesynth.io.dicom_extra import load_pydicom, parse_errors
from spinesynth.io.dicom_members import DICOM_MAGIC, Member
from spinesynth.io.problems import InputFileError
from spinesynth.io.raw_volume import MAX_DECODED_BYTES

# pydicom need not be installed, hence Any
Dataset = Any

DEFLATED = "1.2.840.10008.1.2.1.99"
_DIRECTORY_STORAGE = "1.2.840.10008.1.3.10"

#: Deepest nesting of sequences; Enhanced MR needs about 6. Parsers recurse: 250 end CPython's
#: stack.
MAX_DEPTH = 32
_META_GROUP = 2
_META_START = 128 + len(DICOM_MAGIC)
_REMEDY = "copy or export it again"

#: Attributes that are looked at as they stand; numbers have checks of their own.
_TEXTS = (
    *("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID"),
    *("FrameOfReferenceUID", "ImageType", "SeriesDescription", "Modality"),
    "PhotometricInterpretation",
)


def parse_member(
    path: Path, member: Member, *, pixels: bool = False, untrusted: bool = False
) -> Dataset:
    """Parse a DICOM file.

    Args:
        path: folder, archive or file that was given, for messages.
        member: the file.
        pixels: whether to read PixelData too.
        untrusted: whether the deflated transfer syntax, a few bytes of which can unfold into
            much work, is refused.

    Returns:
        pydicom's data set.

    Raises:
        InputFileError: if the bytes are damaged, nested too deeply, deflated though untrusted,
            or a DICOMDIR.
    """
    pydicom = load_pydicom()
    content = member.read()
    try:
        _check_deflated(path, member.name, content, untrusted=untrusted)
        dataset = pydicom.dcmread(io.BytesIO(content), stop_before_pixels=not pixels)
        if not pixels:  # the same file was checked with its header
            _check_depth(path, member.name, dataset)
        stored_class = str(dataset.file_meta.get("MediaStorageSOPClassUID", ""))
        for keyword in _TEXTS:
            dataset.get(keyword)  # bytes are converted on first use, which may fail
    except InputFileError:
        raise
    except RecursionError as error:
        raise _too_deep(path, member.name) from error
    except parse_errors() as error:
        raise InputFileError(
            path,
            f"{member.name} is damaged ({type(error).__name__}: {error})",
            remedy=_REMEDY,
            code="E-DCM-022",
        ) from error
    if stored_class == _DIRECTORY_STORAGE:
        raise InputFileError(
            path,
            f"{member.name} is a DICOMDIR, a list of files, which is not followed",
            remedy="give the folder that holds the images of one series",
            code="E-DCM-004",
        )
    return dataset


def transfer_syntax(dataset: Dataset) -> str:
    """Return the UID of how a data set is encoded, empty if the file does not say."""
    return str(dataset.file_meta.get("TransferSyntaxUID", ""))


def _check_deflated(path: Path, name: str, content: bytes, *, untrusted: bool) -> None:
    """Refuse deflated contents of strangers, and those that unfold without measure."""
    reader = load_pydicom().filereader
    stream = io.BytesIO(content)
    stream.seek(_META_START)
    meta = reader.read_dataset(
        stream,
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=lambda tag, vr, length: tag.group != _META_GROUP,
    )
    if str(meta.get("TransferSyntaxUID", "")) != DEFLATED:
        return
    if untrusted:
        raise InputFileError(
            path,
            f"{name} has the deflated transfer syntax ({DEFLATED}), which is not read here",
            remedy="send it uncompressed (Explicit VR Little Endian)",
            code="E-DCM-020",
        )
    unfold = zlib.decompressobj(-zlib.MAX_WBITS)
    if len(unfold.decompress(stream.read(), MAX_DECODED_BYTES + 1)) > MAX_DECODED_BYTES:
        raise InputFileError(
            path,
            f"{name} unfolds to more than {MAX_DECODED_BYTES / 2**30:g} GiB",
            remedy="crop or divide the series",
            code="E-FMT-007",
        )


def _check_depth(path: Path, name: str, dataset: Dataset) -> None:
    """Refuse deeply nested sequences without recursing into them."""
    level = [dataset]
    for _ in range(MAX_DEPTH):
        level = [
            item for one in level for element in _sequences(one) for item in (element.value or ())
        ]
        if not level:
            return
    raise _too_deep(path, name)


def _sequences(dataset: Dataset) -> list[Any]:
    """Return the elements that are sequences, leaving the others unconverted."""
    # get_item gives raw bytes; only sequences, which are few, are converted
    return [
        dataset[tag]
        for tag in list(dataset.keys())
        if (raw := dataset.get_item(tag)).VR == "SQ" or _is_implicit_sequence(tag, raw)
    ]


def _is_implicit_sequence(tag: Any, raw: Any) -> bool:  # noqa: ANN401  # types of pydicom
    """Say whether an element without a written type is a sequence by the dictionary."""
    if raw.VR not in (None, "UN"):
        return False
    datadict = load_pydicom().datadict
    return bool(datadict.dictionary_has_tag(tag) and datadict.dictionary_VR(tag) == "SQ")


def _too_deep(path: Path, name: str) -> InputFileError:
    return InputFileError(
        path,
        f"sequences of {name} are nested more than {MAX_DEPTH} deep",
        remedy="export it again without private or structured attachments",
        code="E-DCM-021",
    )
