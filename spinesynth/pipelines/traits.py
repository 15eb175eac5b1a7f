"""What is known about scans and patients beside their images, as words to group scores by.

=================== ============================================================
from                traits
=================== ============================================================
manifest            field strength, slice thickness, age, sex: columns of these
                    names, or of DICOM's
SPIDER's overview   the same, by series
SPIDER's gradings   for each grading the highest of a patient's discs
phantoms' records   age, sex, and for each finding the highest grade, 0 without
=================== ============================================================

Metrics are of all discs of a scan together, so that grades are those of the
patient's most affected disc; of Modic types the highest need not be the worst.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from spinesynth.anatomy.phantom.findings import FindingKind
from spinesynth.io.discover import MANIFEST_NAME
from spinesynth.io.problems import InputFileError
from spinesynth.io.spider_tables import find_overview, read_gradings, read_overview
from spinesynth.io.tables import read_ids_csv, require_columns

UNKNOWN = "not known"
_SPIDER_ID = re.compile(r"(?:spider_?)?0*(\d+)", re.IGNORECASE)
_SERIES = re.compile(r"(\d+)_(t1|t2|t2_space)")
_NO_GRADING = {"patient", "ivd_label", "mask_code"}

#: Limits between age groups, years, and between slice thicknesses, mm; both nominal.
_AGES, _THICKNESSES_MM = (40.0, 60.0), (2.0, 4.0)


#: What one of a unit is worth, by trait; DICOM's ages are in days, weeks, months or years.
_YEARS = {"": 1.0, "y": 1.0, "years": 1.0, "m": 1 / 12, "w": 7 / 365.25, "d": 1 / 365.25}
_MM = {"": 1.0, "mm": 1.0}
_TESLA = {"": 1.0, "t": 1.0}


def _number(text: str, units: Mapping[str, float]) -> float | None:
    """Return the number in a cell such as ``1.5``, ``063Y`` or ``4 mm``; None of another unit."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", text.strip())
    worth = units.get(found[2].lower()) if found else None
    return float(found[1]) * worth if found and worth else None


def _between(text: str, limits: tuple[float, ...], unit: str, units: Mapping[str, float]) -> str:
    value = _number(text, units)
    if value is None:
        return UNKNOWN
    low, high = limits
    if value <= low:
        return f"1: up to {low:g} {unit}"
    return f"2: over {low:g} to {high:g} {unit}" if value <= high else f"3: over {high:g} {unit}"


def _field(text: str) -> str:
    value = _number(text, _TESLA)
    return UNKNOWN if value is None else f"{value:g} T"


def _sex(text: str) -> str:
    return {"f": "female", "m": "male"}.get(text.strip().lower()[:1], UNKNOWN)


#: Trait -> names of its column in lower case, and what a cell means.
_COLUMNS: dict[str, tuple[tuple[str, ...], Callable[[str], str]]] = {
    "field strength": (("field_t", "field_strength_tesla", "magneticfieldstrength"), _field),
    "slice thickness": (
        ("slice_thickness_mm", "slicethickness"),
        lambda text: _between(text, _THICKNESSES_MM, "mm", _MM),
    ),
    "age": (
        ("age_years", "age", "patientage"),
        lambda text: _between(text, _AGES, "years", _YEARS),
    ),
    "sex": (("sex", "patientsex"), _sex),
}


class Scan(NamedTuple):
    """Name a scan as tables of scores do."""

    case_id: str
    patient_id: str
    source: str
    contrast: str


Finder = Callable[[Scan], str]


@dataclass
class Traits:
    """Hold strata by case and by patient.

    Attributes:
        known: trait -> function that returns the stratum of a scan.
        absent: traits for which there is no column.
    """

    known: dict[str, Finder] = field(default_factory=dict)
    absent: tuple[str, ...] = ()


def read_traits(
    data: Path | None = None, *, overview: Path | None = None, gradings: Path | None = None
) -> Traits:
    """Read what a data set says about its scans and patients.

    Args:
        data: manifest (CSV), folder with one, or folder in SPIDER's layout, beside
            which overview, gradings and phantoms' records are found.
        overview: SPIDER's table of series; else that in ``data``.
        gradings: SPIDER's radiological gradings; else those in ``data``.

    Returns:
        Traits by name, and the names of those that no table has. Tables of SPIDER
        count for sources with ``spider`` in their name alone, whose patients are told
        by number.

    Raises:
        InputError: if a table cannot be read.
    """
    root = None if data is None else data if data.is_dir() else data.parent
    if root is not None and not root.is_dir():
        raise InputFileError(
            root, "no such folder", remedy="name the data that were scored", code="E-IN-001"
        )
    layout = root is not None and (root / "images").is_dir()
    if root is not None and layout:
        overview = overview or find_overview(root)
        gradings = gradings or next(iter(sorted(root.glob("*[Gg]rading*.csv"))), None)
    manifest = data if data is not None and data.is_file() else None
    if root is not None and manifest is None and (root / MANIFEST_NAME).is_file():
        manifest = root / MANIFEST_NAME
    found = Traits()
    if manifest is not None:
        _add_manifest(found, manifest)
    if overview is not None:
        _add_overview(found, overview)
    if gradings is not None:
        _add_gradings(found, gradings)
    if root is not None:
        _add_phantoms(found, root)
    found.absent = tuple(name for name in _COLUMNS if name not in found.known)
    return found


def _add_manifest(found: Traits, path: Path) -> None:
    """Add the traits that a manifest has columns of."""
    table = read_ids_csv(path)
    require_columns(path, table, "case_id")
    for trait, cells in _of_columns(table):
        strata = dict(zip(table["case_id"], cells, strict=True))
        _add(found, trait, _finder(strata, lambda scan: scan.case_id))


def _add_overview(found: Traits, path: Path) -> None:
    """Add the traits of SPIDER's series; those of a manifest go before."""
    table = read_overview(path)
    matches = [_SERIES.fullmatch(name) for name in table["series"]]
    keys = [_series_key(match[1], match[2]) if match else "" for match in matches]
    for trait, cells in _of_columns(table):
        strata = dict(zip(keys, cells, strict=True))
        _add(found, trait, _finder(strata, _series_of))


def _add_gradings(found: Traits, path: Path) -> None:
    """Add the highest grade of each patient's discs."""
    table = read_gradings(path)
    numbers = table["patient"].map(lambda text: text.lstrip("0"))
    for column in (name for name in table.columns if name not in _NO_GRADING):
        grades = pd.to_numeric(table[column].replace("", "nan"), errors="coerce")
        worst = grades.groupby(numbers).max().dropna()
        strata = {str(patient): f"{grade:g}" for patient, grade in worst.items()}
        _add(found, f"highest {column.replace('_', ' ')}", _finder(strata, spider_number))


def _add_phantoms(found: Traits, root: Path) -> None:
    """Add what the records of phantoms say, if there are any."""
    records = dict(_phantom_records(root))
    if not records:
        return
    for trait in ("age", "sex", *(f"highest {kind}" for kind in FindingKind)):
        strata = {patient: words[trait] for patient, words in records.items()}
        _add(found, trait, _finder(strata, lambda scan: scan.patient_id))


def _phantom_records(root: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the patient and strata of every phantom's record beside the data."""
    for path in sorted([*root.glob("*.json"), *root.glob("records/*.json")]):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))["record"]
            person, findings = record["person"], record["findings"]
        except (OSError, ValueError, LookupError, TypeError):
            continue  # another JSON file, which is none of ours
        grades = {
            kind: max((f["grade"] for f in findings if f["kind"] == kind), default=0)
            for kind in FindingKind
        }
        yield (
            path.stem,
            {
                "age": _between(f"{person['age_years']:.1f}", _AGES, "years", _YEARS),
                "sex": _sex(person["sex"]),
                **{f"highest {kind}": str(grade) for kind, grade in grades.items()},
            },
        )


def _of_columns(table: pd.DataFrame) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield each trait that the table has a column of, with the stratum of every row."""
    columns = {name.lower(): name for name in table.columns}
    for trait, (names, words) in _COLUMNS.items():
        column = next((columns[name] for name in names if name in columns), None)
        if column is not None and table[column].str.strip().any():
            yield trait, [words(cell) for cell in table[column]]


def _finder(strata: Mapping[str, str], key: Callable[[Scan], str]) -> Finder:
    """Return a function that looks a scan up by its key."""
    return lambda scan: strata.get(key(scan), UNKNOWN)


def _add(found: Traits, trait: str, find: Finder) -> None:
    """Add a trait, or let it answer where what is there does not know."""
    before = found.known.get(trait)
    if before is None:
        found.known[trait] = find
        return

    def either(scan: Scan) -> str:
        stratum = before(scan)
        return find(scan) if stratum == UNKNOWN else stratum

    found.known[trait] = either


def spider_number(scan: Scan) -> str:
    """Return the number of a SPIDER patient as text, empty for any other source."""
    match = _SPIDER_ID.fullmatch(scan.patient_id)
    return match[1] if match and "spider" in scan.source.lower() else ""


def _series_of(scan: Scan) -> str:
    return _series_key(spider_number(scan), scan.contrast)


def _series_key(patient: str, contrast: str) -> str:
    return f"{patient}_{contrast.lower()}" if patient else "none"
