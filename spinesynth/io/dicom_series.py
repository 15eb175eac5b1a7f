"""Choose one MR series among DICOM files and check that it is one volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np

from spinesynth.few import name_few
from spinesynth.io.dicom_extra import load_pydicom, warnings_to_log
from spinesynth.io.dicom_frames import Frame, Image, frames_of
from spinesynth.io.dicom_geometry import Stack, stack_planes
from spinesynth.io.dicom_header import parse_member
from spinesynth.io.dicom_members import find_members
from spinesynth.io.dicom_numbers import find_whole
from spinesynth.io.problems import InputFileError
from spinesynth.io.raw_volume import check_affine, check_shape

#: SOP classes that are read: MR, Enhanced MR, and classic MR converted to multi-frame.
_MR_CLASSES = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.4",
        "1.2.840.10008.5.1.4.1.1.4.1",
        "1.2.840.10008.5.1.4.1.1.4.4",
    }
)
#: CT, Enhanced CT, and classic CT converted to multi-frame.
_CT_CLASSES = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.2",
        "1.2.840.10008.5.1.4.1.1.2.1",
        "1.2.840.10008.5.1.4.1.1.2.2",
    }
)
_ENHANCED_MR_COLOUR = "1.2.840.10008.5.1.4.1.1.4.3"

#: Component of ImageType that marks a scout image.
_LOCALISER = "LOCALIZER"

#: Largest difference between direction cosines, and between spacings in mm, of slices.
_DIRECTION_TOLERANCE = 1e-3
_SPACING_TOLERANCE_MM = 1e-3

_MAX_LISTED = 10


class DicomChoices(TypedDict, total=False):
    """Choices of a caller, as keyword arguments.

    Args:
        series_uid: SeriesInstanceUID of the series to read, where there are several.
        untrusted: whether the files come from a stranger: no links, no deflated files.
        allow_nonuniform: whether missing or unevenly spaced slices are noted instead of
            refused; the grid then has the mean spacing.
    """

    series_uid: str | None
    untrusted: bool
    allow_nonuniform: bool


@dataclass(frozen=True, eq=False)
class Series:
    """Hold one series in the order of its slices.

    Args:
        path: that was given.
        uid: SeriesInstanceUID.
        frames: along the normal of the slices.
        stack: their grid.
        shape: number of columns, rows, slices.
        notes: what was accepted although it is not as it should be.
    """

    path: Path
    uid: str
    frames: tuple[Frame, ...]
    stack: Stack
    shape: tuple[int, int, int]
    notes: tuple[str, ...]


@warnings_to_log()
def find_series(
    path: Path,
    *,
    series_uid: str | None = None,
    untrusted: bool = False,
    allow_nonuniform: bool = False,
) -> Series:
    """Find the one MR series behind a path, reading headers alone.

    Args:
        path: folder, ``.zip`` archive or DICOM file.
        series_uid: see :class:`DicomChoices`, as the others.
        untrusted: see there.
        allow_nonuniform: see there.

    Returns:
        The series, its slices in order and checked to be one volume.

    Raises:
        InputFileError: if there is none, several, or one that is no plain MR volume.
    """
    members = find_members(path, untrusted=untrusted)
    images = [Image(one, parse_member(path, one, untrusted=untrusted)) for one in members.files]
    if series_uid is not None:
        images = _one_series(path, images, series_uid)
    images, notes = _without_localisers(images)
    images = _one_series(path, images, series_uid)
    _check_class(path, images)
    if members.ignored:
        notes += (f"no DICOM images, ignored: {name_few(members.ignored, limit=_MAX_LISTED)}",)
    frames = [frame for image in images for frame in frames_of(path, image)]
    _check_alike(path, frames)
    thickness_mm = _thickness(path, frames, is_file=path.is_file())
    stack = stack_planes(
        path,
        [frame.plane for frame in frames],
        thickness_mm=thickness_mm,
        allow_nonuniform=allow_nonuniform,
    )
    check_affine(path, stack.affine)
    shape = check_shape(path, (*_size(path, frames[0])[::-1], len(frames)))
    ordered = tuple(frames[index] for index in stack.order)
    return Series(path, _uid(images[0]), ordered, stack, shape, notes + stack.notes)


def _without_localisers(images: list[Image]) -> tuple[list[Image], tuple[str, ...]]:
    """Drop images that say of themselves to be scouts, unless all are."""
    scouts = [image for image in images if _LOCALISER in _words(image, "ImageType")]
    if not scouts or len(scouts) == len(images):
        return images, ()
    left = [image for image in images if _LOCALISER not in _words(image, "ImageType")]
    names = name_few((image.member.name for image in scouts), limit=_MAX_LISTED)
    return left, (f"localisers by their ImageType, dropped: {names}",)


def _one_series(path: Path, images: Sequence[Image], wanted: str | None) -> list[Image]:
    series: dict[tuple[str, str], list[Image]] = {}
    for image in images:
        key = (_text(image, "StudyInstanceUID"), _uid(image))
        series.setdefault(key, []).append(image)
    if wanted is not None:
        chosen = [members for (_, uid), members in series.items() if uid == wanted]
        if len(chosen) != 1:
            raise InputFileError(
                path,
                f"it holds no series {wanted}, but {_listed(series)}",
                remedy="choose one of these by its UID",
                code="E-DCM-006",
            )
        return chosen[0]
    if len(series) > 1:
        raise InputFileError(
            path,
            f"it holds {len(series)} series: {_listed(series)}",
            remedy="choose one by its UID (--series, series_uid), or give its own folder",
            code="E-DCM-005",
        )
    return next(iter(series.values()))


def _listed(series: dict[tuple[str, str], list[Image]]) -> str:
    """Describe series: UID, description and count of each."""
    rows = (
        f"{uid or 'without UID'} ('{_text(images[0], 'SeriesDescription')}', "
        f"{_text(images[0], 'Modality') or 'no modality'}, {len(images)} "
        f"{'file' if len(images) == 1 else 'files'})"
        for (_, uid), images in sorted(series.items())
    )
    return name_few(rows, limit=_MAX_LISTED)


def _check_class(path: Path, images: Sequence[Image]) -> None:
    """Refuse what is no MR image."""
    for image in images:
        sop_class = _text(image, "SOPClassUID")
        name = image.member.name
        if sop_class in _CT_CLASSES:
            raise InputFileError(
                path,
                f"{name} is a CT image; the network reads MR images alone",
                remedy="give the MR series",
                code="E-DCM-008",
            )
        if sop_class == _ENHANCED_MR_COLOUR:
            raise InputFileError(
                path,
                f"{name} is a colour image, which has no MR intensities",
                remedy="give the series that it was made from",
                code="E-DCM-009",
            )
        if sop_class not in _MR_CLASSES:
            raise InputFileError(
                path,
                f"{name} is no MR image, but of SOP class {_class_name(sop_class)}",
                remedy="give the MR series",
                code="E-DCM-007",
            )


def _class_name(uid: str) -> str:
    return f"{load_pydicom().uid.UID(uid).name} ({uid})" if uid else "nothing"


def _check_alike(path: Path, frames: Sequence[Frame]) -> None:
    """Refuse slices that cannot be of one volume."""
    first = frames[0]
    for frame in frames[1:]:
        for what, same in (
            ("frame of reference", _reference(frame) == _reference(first)),
            ("size", _size(path, frame) == _size(path, first)),
            ("orientation", _same_directions(frame, first)),
            ("pixel spacing", _same_spacing(frame, first)),
        ):
            if not same:
                raise InputFileError(
                    path,
                    f"{frame.plane.name} differs from {first.plane.name} in {what}",
                    remedy="give one volume: slices of one size, orientation and spacing",
                    code="E-DCM-012",
                )


def _same_directions(frame: Frame, other: Frame) -> bool:
    return all(
        bool(np.abs(mine - its).max() <= _DIRECTION_TOLERANCE)
        for mine, its in (
            (frame.plane.row, other.plane.row),
            (frame.plane.column, other.plane.column),
        )
    )


def _same_spacing(frame: Frame, other: Frame) -> bool:
    return np.allclose(
        frame.plane.spacing_mm, other.plane.spacing_mm, rtol=0, atol=_SPACING_TOLERANCE_MM
    )


def _thickness(path: Path, frames: Sequence[Frame], *, is_file: bool) -> float | None:
    """Return the spacing of a single slice, which only a file named for itself may be."""
    thickness_mm = frames[0].thickness_mm
    if len(frames) > 1:
        return thickness_mm
    if is_file and thickness_mm and not path.name.lower().endswith(".zip"):
        return thickness_mm
    raise InputFileError(
        path,
        "a series needs at least 2 slices, got 1",
        remedy="give the folder of the whole series (a single slice is read from its own file, "
        "with its SliceThickness)",
        code="E-DCM-017",
    )


def _reference(frame: Frame) -> str:
    return _text(frame.image, "FrameOfReferenceUID")


def _size(path: Path, frame: Frame) -> tuple[int, int]:
    """Return rows and columns, 0 where the header has none."""
    name, header = frame.image.member.name, frame.image.header
    rows = find_whole(path, name, header, "Rows", 0)
    return rows, find_whole(path, name, header, "Columns", 0)


def _uid(image: Image) -> str:
    return _text(image, "SeriesInstanceUID")


def _text(image: Image, keyword: str) -> str:
    return str(image.header.get(keyword) or "")


def _words(image: Image, keyword: str) -> list[str]:
    value = image.header.get(keyword) or ()
    return [value] if isinstance(value, str) else [str(word) for word in value]
