"""Fabricate DICOM series: the anatomy of :mod:`tests.fabricate`, sliced in any direction.

Positions and directions are computed here from the affine of the volume, without the code
that is tested. All values of a patient are made up.
"""

from __future__ import annotations

import importlib
import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.fabricate import intensities, turned

Array = npt.NDArray[Any]

MR = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"

STUDY, SERIES, REFERENCE = "1.2.3.4.1", "1.2.3.4.2", "1.2.3.4.3"

#: Orientation of array axes (column, row, slice index) for slices of each kind.
PLANES = {"sagittal": "PIR", "axial": "LPS", "coronal": "LIP"}

#: The same names for a test; those with many thin slices are slow.
SLICED = [
    "sagittal",
    pytest.param("axial", marks=pytest.mark.slow),
    pytest.param("coronal", marks=pytest.mark.slow),
]

IDENTITY = {
    "PatientName": "Quixote^Alonso",
    "PatientID": "MANCHA1605",
    "PatientBirthDate": "15470929",
    "PatientSex": "M",
    "InstitutionName": "Hospital de la Mancha",
    "ReferringPhysicianName": "Panza^Sancho",
    "AccessionNumber": "ACC778899",
    "StudyID": "STUDY4242",
    "StudyDate": "20260115",
    "StudyTime": "101112",
    "StudyDescription": "Windmill protocol",
    "PatientAge": "049Y",
    "PatientAddress": "Lugar 1",
}


def pydicom() -> Any:  # noqa: ANN401  # an optional package
    return importlib.import_module("pydicom")


def volume(orientation: str = "PIR") -> tuple[Array, Array]:
    """Return intensities (columns, rows, slices) int16 and their RAS affine."""
    return turned(intensities(), orientation)


def oblique(affine: Array) -> Array:
    """Turn a grid by 0.3 rad about the first and 0.2 rad about the third axis of the world."""
    (a, b), (c, d) = (np.cos([0.3, 0.2]), np.sin([0.3, 0.2]))
    about_x = np.array([[1, 0, 0], [0, a, -c], [0, c, a]])
    about_z = np.array([[b, -d, 0], [d, b, 0], [0, 0, 1]])
    other = affine.copy()
    other[:3] = about_z @ about_x @ affine[:3]
    return other


def slices(voxels: Array, affine: Array, **fields: object) -> list[Any]:
    """Return one classic MR data set per slice.

    Args:
        voxels: (columns, rows, slices).
        affine: 4x4 RAS of these indices.
        **fields: attributes of every slice, by keyword; None takes one away.
    """
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    spacing_mm = np.linalg.norm(lps[:3, :3], axis=0)
    row, column = (lps[:3, axis] / spacing_mm[axis] for axis in (0, 1))
    made = []
    for index in range(voxels.shape[2]):
        position = lps[:3, :3] @ [0, 0, index] + lps[:3, 3]
        dataset = _image(MR, f"{SERIES}.{index + 1}", voxels[:, :, index].T)
        dataset.ImagePositionPatient = _words(position)
        dataset.ImageOrientationPatient = _words([*row, *column])
        dataset.PixelSpacing = _words([spacing_mm[1], spacing_mm[0]])
        dataset.SliceThickness = _words([spacing_mm[2]])[0]
        dataset.SpacingBetweenSlices = _words([spacing_mm[2]])[0]
        dataset.InstanceNumber = index + 1
        made.append(change(dataset, **fields))
    return made


def sagittal(**fields: Any) -> list[Any]:  # noqa: ANN401
    """Return the data sets of sagittal slices; fields as of :func:`slices`."""
    return slices(*volume(), **fields)


def enhanced(voxels: Array, affine: Array, order: Sequence[int] | None = None) -> Any:  # noqa: ANN401
    """Return one Enhanced MR data set whose frames are in an order of their own."""
    dicom = pydicom()
    classic = slices(voxels, affine)
    chosen = [classic[index] for index in (order or range(len(classic)))]
    dataset = _image(ENHANCED_MR, f"{SERIES}.99", voxels[:, :, 0].T)
    dataset.NumberOfFrames = len(chosen)
    dataset.PixelData = b"".join(one.PixelData for one in chosen)
    shared, measures, turn = dicom.Dataset(), dicom.Dataset(), dicom.Dataset()
    measures.PixelSpacing = classic[0].PixelSpacing
    measures.SliceThickness = classic[0].SliceThickness
    turn.ImageOrientationPatient = classic[0].ImageOrientationPatient
    shared.PixelMeasuresSequence = [measures]
    shared.PlaneOrientationSequence = [turn]
    dataset.SharedFunctionalGroupsSequence = [shared]
    groups = []
    for one in chosen:
        group, place = dicom.Dataset(), dicom.Dataset()
        place.ImagePositionPatient = one.ImagePositionPatient
        group.PlanePositionSequence = [place]
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = groups
    return dataset


def change(dataset: Any, **fields: object) -> Any:  # noqa: ANN401
    """Set attributes by keyword, or take them away with None; returns the data set."""
    for keyword, value in fields.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    return dataset


def raw_text(dataset: Any, keyword: str, text: str) -> Any:  # noqa: ANN401
    """Write text into a numeric attribute, as no honest writer would; returns the data set."""
    dicom = pydicom()
    tag = dicom.tag.Tag(dicom.datadict.tag_for_keyword(keyword))
    vr = dicom.datadict.dictionary_VR(tag)
    padded = (text + " " * (len(text) % 2)).encode()
    raw = dicom.dataelem.RawDataElement(tag, vr, len(padded), padded, 0, False, True)
    dataset._dict[tag] = raw
    return dataset


def content(dataset: Any, syntax: str = EXPLICIT) -> bytes:  # noqa: ANN401
    """Return a data set as the bytes of a DICOM file."""
    dicom = pydicom()
    dataset.file_meta = dicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some of what is written is wrong on purpose
        dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def write_series(folder: Path, datasets: Sequence[Any], names: str = "IM{:04d}.dcm") -> Path:
    """Write data sets as files of one folder, which is made, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, dataset in enumerate(datasets):
        (folder / names.format(index)).write_bytes(content(dataset))
    return folder


def _image(sop_class: str, uid: str, pixels: Array) -> Any:  # noqa: ANN401
    dataset = pydicom().Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "SE"]
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, uid
    dataset.Modality = "MR"
    dataset.Manufacturer = "Fabricated"
    dataset.SeriesDescription = "T2 sagittal"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = STUDY, SERIES
    dataset.FrameOfReferenceUID = REFERENCE
    dataset.SeriesNumber = 3
    for keyword, value in IDENTITY.items():
        setattr(dataset, keyword, value)
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelData = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("<")).tobytes()
    return dataset


def _words(values: Sequence[float]) -> list[str]:
    """Write numbers as DICOM allows them: at most 16 characters."""
    return [f"{float(value):.10g}"[:16] for value in values]
