"""Which scans a path names: a file, a folder, a list of paths or a manifest."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from spinesynth.errors import ConfigError, InputError
from spinesynth.io.dicom_members import has_dicom_magic
from spinesynth.io.manifest import scan_manifest
from spinesynth.io.problems import InputFileError, unreadable
from spinesynth.io.volume import DICOM_SUFFIXES, IMAGE_SUFFIXES
from spinesynth.printable import printable

#: Bytes of a name; outputs add to it, and file systems allow 255.
_LONGEST_NAME = 180
_LIST_SUFFIX, _MANIFEST_SUFFIX, _ARCHIVE = ".txt", ".csv", ".zip"
#: Files of a folder among which DICOM is looked for; nominal.
_LOOKED_AT = 100


class Scan(NamedTuple):
    """Name one scan.

    Attributes:
        name: of its outputs, printable; no other scan of a list has it.
        path: of the image.
    """

    name: str
    path: Path


def image_suffix(path: Path) -> str | None:
    """Return the end of a name that says its type, as ``.nii.gz``; None if it is no image.

    Example:
        >>> image_suffix(Path("scans/a.NII.GZ"))
        '.nii.gz'
    """
    return next((end for end in IMAGE_SUFFIXES if path.name.lower().endswith(end)), None)


def stem_of(path: Path) -> str:
    """Return the name of an image without the suffixes of its type.

    Raises:
        InputError: if it is of no type that is read.
    """
    if path.is_dir():
        return path.resolve().name
    known = (*IMAGE_SUFFIXES, *DICOM_SUFFIXES)
    suffix = next((end for end in known if path.name.lower().endswith(end)), None)
    if suffix is None and has_dicom_magic(path):
        return path.name
    if suffix is None:
        raise InputError(
            f"{path}: file type must be one of {', '.join(known)}; convert it first",
            code="E-IN-003",
        )
    return path.name[: -len(suffix)]


def find_images(source: Path) -> list[Path]:
    """Return an image file, or the images of a folder in order of name.

    A folder without image files that holds DICOM, at any depth, is one image. What has the name
    of an image and is none, such as a folder, a pipe or a link to nowhere, is left to the reader,
    which refuses it.

    Raises:
        ConfigError: if there is none, or two would give one output name.
        InputError: if the file is of no type that is read.
    """
    if os.path.lexists(source) and (image_suffix(source) or not source.is_dir()):
        stem_of(source)
        return [source]
    ends = (*IMAGE_SUFFIXES, _ARCHIVE)
    files = [path for path in _entries(source) if _is_named_as_image(path)]
    if not files and _holds_dicom(source):
        return [source]
    if not files:
        raise ConfigError(
            f"{source}: no image ({', '.join(ends)} or DICOM) there; name a file, its "
            f"folder, a list of paths ({_LIST_SUFFIX}) or a manifest ({_MANIFEST_SUFFIX})",
            code="E-IN-001",
        )
    refuse_namesakes(source, [stem_of(path) for path in files])
    return files


def _entries(folder: Path) -> list[Path]:
    """Return what lies in a folder, in order of name; nothing of anything else."""
    try:
        return sorted(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        raise unreadable(folder, error) from error


def _is_named_as_image(path: Path) -> bool:
    """Say whether a name is that of an image, or of an archive that is no folder."""
    archive = path.name.lower().endswith(_ARCHIVE) and not path.is_dir()
    return archive or image_suffix(path) is not None


def _holds_dicom(folder: Path) -> bool:
    """Say whether one of the files below a folder is DICOM, of the first few."""
    below = (path for path in folder.rglob("*") if path.is_file())
    return any(has_dicom_magic(path) for path in itertools.islice(below, _LOOKED_AT))


def find_scans(source: Path) -> tuple[list[Scan], list[InputFileError]]:
    """Return the scans that a path names, none of which has been opened.

    Args:
        source: an image file; a folder of them, or of one DICOM series; a ``.txt`` with one
            path a line, relative to it, where ``#`` begins a remark; or a ``.csv`` as
            ``cases.csv``, whose cases with an image are taken.

    Returns:
        Scans with a name each, and what is wrong with rows of a manifest.

    Raises:
        ConfigError: if there is none, or two have one name.
        InputError: if a table cannot be read.
    """
    suffix = source.suffix.lower()
    problems: list[InputFileError] = []
    if source.is_file() and suffix == _MANIFEST_SUFFIX:
        scans, problems = _of_manifest(source)
    elif source.is_file() and suffix == _LIST_SUFFIX:
        scans = [Scan(_list_name(path), path) for path in _listed(source)]
    else:
        scans = [Scan(printable_name(stem_of(path)), path) for path in find_images(source)]
    refuse_namesakes(source, [scan.name for scan in scans])
    return scans, problems


def _of_manifest(source: Path) -> tuple[list[Scan], list[InputFileError]]:
    """Return the cases of a manifest with an image; rows that stand twice refuse all."""
    scan = scan_manifest(source)
    twice = [problem for problem in scan.problems if problem.code == "E-CASE-004"]
    if twice:
        raise twice[0]
    scans = [Scan(case.case_id, case.image) for case in scan.cases if case.image is not None]
    if not scans:
        raise ConfigError(f"{source} lists no image; add one to a row", code="E-IN-001")
    return scans, list(scan.problems)


def _listed(source: Path) -> list[Path]:
    """Return the paths of a list, relative to it."""
    try:
        lines = source.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{source} is no list of paths ({error})", code="E-IN-004") from error
    words = [line.strip() for line in lines]
    paths = [source.parent / word for word in words if word and not word.startswith("#")]
    if not paths:
        raise ConfigError(f"{source} lists no path; add one a line", code="E-IN-001")
    return paths


def _list_name(path: Path) -> str:
    """Return the name of a listed file, whatever its type: its reader refuses it."""
    try:
        return printable_name(stem_of(path))
    except InputError:
        return printable_name(path.name)


def printable_name(stem: str) -> str:
    r"""Return a stem that tables, terminals and file systems take.

    Example:
        >>> printable_name("my\nscan"), len(printable_name("é" * 200).encode()) <= 180
        ('my_scan', True)
    """
    name = printable(stem)
    if len(name.encode()) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(stem.encode(errors="surrogatepass")).hexdigest()[:12]
    return f"{name.encode()[: _LONGEST_NAME - 13].decode(errors='ignore')}-{digest}"


def refuse_namesakes(source: Path, names: Sequence[str]) -> None:
    """Raise if two names are one, also where upper and lower case count alike.

    Raises:
        ConfigError: naming them.
    """
    lower = [name.lower() for name in names]
    twice = sorted({name for name in names if lower.count(name.lower()) > 1})
    if twice:
        raise ConfigError(
            f"{source}: {', '.join(twice)} would be written twice; rename one of each",
            code="E-IN-005",
        )
