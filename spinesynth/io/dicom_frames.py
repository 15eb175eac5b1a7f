"""The frames of a DICOM image: one of a classic file, several of an Enhanced one.

A classic MR image holds one slice, its place among its attributes. An Enhanced MR image
holds many; what they share and what is each one's own stands in functional groups.

Source: DICOM PS3.3, C.7.6.16 (Multi-frame Functional Groups).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spinesynth.io.dicom_geometry import Plane
from spinesynth.io.dicom_header import Dataset
from spinesynth.io.dicom_members import Member
from spinesynth.io.dicom_numbers import find_numbers
from spinesynth.io.problems import InputFileError
from spinesynth.io.raw_volume import check_spacing

#: Functional group that holds an attribute in an Enhanced image.
_GROUPS = {
    "ImagePositionPatient": "PlanePositionSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "PixelSpacing": "PixelMeasuresSequence",
    "SliceThickness": "PixelMeasuresSequence",
    "SpacingBetweenSlices": "PixelMeasuresSequence",
    "RescaleSlope": "PixelValueTransformationSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
}

#: Attributes that the standard lets stand without a value.
_MAY_BE_EMPTY = frozenset({"SliceThickness", "SpacingBetweenSlices"})

_COUNTS = {"ImagePositionPatient": 3, "ImageOrientationPatient": 6, "PixelSpacing": 2}


@dataclass(frozen=True, eq=False)
class Image:
    """Pair a file with its header.

    Args:
        member: the file.
        header: pydicom's data set, without pixels.
    """

    member: Member
    header: Dataset


@dataclass(frozen=True, eq=False)
class Frame:
    """Hold what is known of one slice.

    Args:
        image: that it belongs to.
        index: within the image.
        plane: its place.
        slope: of the intensities, never 0.
        intercept: of the intensities.
        thickness_mm: distance to the next slice as the header has it, None if it says nothing.
    """

    image: Image
    index: int
    plane: Plane
    slope: float
    intercept: float
    thickness_mm: float | None


def frames_of(path: Path, image: Image) -> list[Frame]:
    """Return the frames of an image, in the order of the file.

    Raises:
        InputFileError: if a frame has no position, orientation or spacing, or numbers that
            cannot be used.
    """
    name, header = image.member.name, image.header
    number = (find_numbers(path, name, header, "NumberOfFrames", count=1) or (1,))[0]
    described = len(header.get("PerFrameFunctionalGroupsSequence") or ()) or 1
    if number != described:
        raise InputFileError(
            path,
            f"{name} must describe each of its frames, got {number:g} frames and {described} "
            f"descriptions",
            remedy="export the series again",
            code="E-FMT-005",
        )
    return [_frame(path, image, index, described) for index in range(described)]


def _frame(path: Path, image: Image, index: int, number: int) -> Frame:
    name = image.member.name + (f", frame {index}," if number > 1 else "")
    finder = _Finder(path, name, image.header, index)
    position = finder.needed("ImagePositionPatient")
    orientation = finder.needed("ImageOrientationPatient")
    rows_mm, columns_mm = finder.needed("PixelSpacing")
    check_spacing(path, np.array([rows_mm, columns_mm]))
    plane = Plane(
        name,
        np.array(position),
        np.array(orientation[:3]),
        np.array(orientation[3:]),
        (rows_mm, columns_mm),
    )
    slope = finder.one("RescaleSlope", 1.0)
    if slope == 0:
        raise InputFileError(
            path,
            f"RescaleSlope of {name} must not be 0",
            remedy="repair the header or export the series again",
            code="E-DCM-011",
        )
    thickness = finder.one("SpacingBetweenSlices", 0.0) or finder.one("SliceThickness", 0.0)
    return Frame(
        image, index, plane, slope, finder.one("RescaleIntercept", 0.0), abs(thickness) or None
    )


@dataclass(frozen=True)
class _Finder:
    """Look an attribute up for one frame: its own, else shared, else of the whole image."""

    path: Path
    name: str
    header: Dataset
    index: int

    def needed(self, keyword: str) -> tuple[float, ...]:
        numbers = self._find(keyword)
        if numbers is None:
            raise InputFileError(
                self.path,
                f"{self.name} has no {keyword}: where it lies is unknown",
                remedy="export the series from the scanner or archive again",
                code="E-DCM-010",
            )
        return numbers

    def one(self, keyword: str, default: float) -> float:
        numbers = self._find(keyword)
        return default if numbers is None else numbers[0]

    def _find(self, keyword: str) -> tuple[float, ...] | None:
        for scope in self._scopes(_GROUPS[keyword]):
            if keyword in _MAY_BE_EMPTY and not scope.get(keyword):
                continue
            numbers = find_numbers(
                self.path, self.name, scope, keyword, count=_COUNTS.get(keyword, 1)
            )
            if numbers is not None:
                return numbers
        return None

    def _scopes(self, group: str) -> Iterator[Dataset]:
        own = self.header.get("PerFrameFunctionalGroupsSequence") or ()
        shared = self.header.get("SharedFunctionalGroupsSequence") or ()
        for groups in [*own[self.index : self.index + 1], *shared[:1]]:
            yield from (groups.get(group) or ())[:1]
        yield self.header
