"""Read a manifest: a CSV with one row per case, for data in any layout.

============ ======== ========================================================
column       needed   contents
============ ======== ========================================================
case_id      yes      unique; letters, digits, ``.``, ``_``, ``-``
patient_id   yes      cases of one patient never part in a split
contrast     yes      for example ``T1``, ``T2``; may be empty
annotated    yes      words of :mod:`spinesynth.anatomy.annotation`
scheme       yes      label scheme of the label map
image        yes      path relative to the manifest; may be empty
label        yes      path relative to the manifest; may be empty
source       no       data set, for tables
instances    no       path of an instance map
subset       no       split the source proposes (also ``spider_subset``)
============ ======== ========================================================

Other columns are ignored. A label map alone may share its id with a case that
has an image of the same patient (some sources publish both): it is then called
``<case_id>_labels``.
"""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd

from spinesynth.anatomy.annotation import parse_annotated
from spinesynth.anatomy.label_schemes import get_scheme
from spinesynth.io.case import Case
from spinesynth.io.case_scan import CaseScan
from spinesynth.io.problems import InputFileError
from spinesynth.io.splits import find_split_patients
from spinesynth.io.tables import read_ids_csv, require_columns

_LOG = logging.getLogger(__name__)

_COLUMNS = ("case_id", "patient_id", "contrast", "annotated", "scheme", "image", "label")
_SUBSET_COLUMNS = ("subset", "spider_subset")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def read_manifest(csv_path: Path | str) -> list[Case]:
    """Read the cases of a manifest without opening any image.

    Args:
        csv_path: the table; paths in it are relative to its folder.

    Returns:
        One case per row, in the order of the rows.

    Raises:
        InputFileError: for the first thing wrong with the table or a path in it.
    """
    return scan_manifest(csv_path).cases_or_raise()


def scan_manifest(csv_path: Path | str) -> CaseScan:
    """Read a manifest, collecting what is wrong with its rows.

    Raises:
        InputFileError: if the table itself cannot be read.
    """
    path = Path(csv_path)
    frame = read_ids_csv(path)
    require_columns(path, frame, *_COLUMNS)
    if frame.empty:
        raise InputFileError(
            path, "no cases listed", remedy="add one row per case", code="E-IN-001"
        )
    scan = CaseScan()
    for line, row in frame.iterrows():
        try:
            scan.cases.append(_case(path, int(str(line)), row))
        except InputFileError as problem:
            scan.problems.append(problem)
    scan.cases, repeated = _distinct(path, scan.cases)
    scan.problems += repeated
    scan.problems += find_split_patients(path, scan.cases)
    return scan


def _case(path: Path, line: int, row: pd.Series[str]) -> Case:
    """Build the case of one row."""
    for column in ("case_id", "patient_id"):
        if not _ID.fullmatch(row[column]):
            raise _bad_cell(path, line, f"{column} must match {_ID.pattern}, got '{row[column]}'")
    try:
        annotated = parse_annotated(row["annotated"])
        scheme = get_scheme(row["scheme"]).name
    except ValueError as error:
        raise _bad_cell(path, line, str(error)) from error
    files = {name: _file(path, line, row, name) for name in ("image", "label", "instances")}
    if files["image"] is None and files["label"] is None:
        raise _bad_cell(path, line, "a case needs an image or a label, got neither")
    subset = next((row[name] for name in _SUBSET_COLUMNS if row.get(name)), "")
    return Case(
        case_id=row["case_id"],
        patient_id=row["patient_id"],
        source=row.get("source") or path.stem,
        contrast=row["contrast"],
        annotated=annotated,
        scheme=scheme,
        image=files["image"],
        label=files["label"],
        instances=files["instances"],
        subset=subset,
    )


def _file(path: Path, line: int, row: pd.Series[str], column: str) -> Path | None:
    """Return the path in a cell, refusing one that leads nowhere."""
    text = row.get(column, "")
    if not text:
        return None
    file = path.parent / text
    if not file.is_file():
        raise InputFileError(
            file,
            f"no such file ({column} in line {line} of {path.name})",
            remedy="mend the path, relative to the manifest, or leave the cell empty",
            code="E-IN-001",
        )
    return file


def _distinct(path: Path, cases: list[Case]) -> tuple[list[Case], list[InputFileError]]:
    """Give a repeated label map its own id; report every other repeated id."""
    with_image = {case.case_id: case for case in cases if case.image is not None}
    renamed = [_renamed(case, with_image.get(case.case_id)) for case in cases]
    seen: dict[str, Case] = {}
    problems: list[InputFileError] = []
    for case in renamed:
        # file systems that ignore case would let one output replace the other
        if seen.setdefault(case.case_id.lower(), case) is not case:
            problems.append(
                InputFileError(
                    path,
                    f"case_id '{case.case_id}' stands twice (upper and lower case are one)",
                    remedy="give every case its own id",
                    code="E-CASE-004",
                )
            )
    return list(seen.values()), problems


def _renamed(case: Case, twin: Case | None) -> Case:
    if twin is None or case.image is not None or case.patient_id != twin.patient_id:
        return case
    case_id = f"{case.case_id}_labels"
    _LOG.warning("label map %s shares its id with an image, it is called %s", case.label, case_id)
    return replace(case, case_id=case_id)


def _bad_cell(path: Path, line: int, why: str) -> InputFileError:
    return InputFileError(
        path, f"line {line}: {why}", remedy="mend this row of the table", code="E-CASE-003"
    )
