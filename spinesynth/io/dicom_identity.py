"""What a DICOM header says of the patient: completed as the standard asks, or taken out."""

from __future__ import annotations

from spinesynth.io.dicom_extra import load_pydicom
from spinesynth.io.dicom_header import Dataset

#: Attributes that every object must hold, empty where nothing is known (type 2).
_REQUIRED = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("AccessionNumber", "StudyID", "StudyDate", "StudyTime", "ReferringPhysicianName"),
)

#: Values of PatientSex that the standard knows.
_SEXES = frozenset({"M", "F", "O", ""})

#: Dates and times among them, and pydicom's class of each.
_TIMES = {"PatientBirthDate": "DA", "StudyDate": "DA", "StudyTime": "TM"}

#: Attributes that are kept when identity is removed: how the image was made and where it is.
#: All else goes, private attributes and sequences first of all.
_KEPT = frozenset(
    {
        *("SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "Modality", "ImageType"),
        *("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"),
        *("Rows", "Columns", "NumberOfFrames", "PixelSpacing", "SliceThickness"),
        *("SpacingBetweenSlices", "ImagePositionPatient", "ImageOrientationPatient"),
        *("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"),
        *("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"),
    }
)


def complete_identity(header: Dataset) -> None:
    """Leave empty what is missing of patient and study, or not as the standard has it.

    Args:
        header: pydicom's data set, changed in place.
    """
    for keyword in _REQUIRED:
        if keyword not in header:
            setattr(header, keyword, "")
    if header.PatientSex not in _SEXES:
        header.PatientSex = ""
    kinds = load_pydicom().valuerep
    for keyword, kind in _TIMES.items():
        try:
            getattr(kinds, kind)(getattr(header, keyword) or "")
        except (TypeError, ValueError):
            setattr(header, keyword, "")


def remove_identity(header: Dataset) -> None:
    """Keep the geometry and the identifiers of a header alone, in place.

    Args:
        header: pydicom's data set, without pixels.
    """
    for element in list(header):
        if element.keyword not in _KEPT:
            del header[element.tag]
    complete_identity(header)
