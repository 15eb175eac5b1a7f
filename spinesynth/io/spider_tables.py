"""Read SPIDER's tables: the overview of series and the radiological gradings.

Their spelling varies between copies, so columns are found whatever their case
and unknown ones are kept but not needed.
"""

from __future__ import annotations

import logging
from pathlib import Path

import pandas as pd

from spinesynth.io.problems import InputFileError
from spinesynth.io.tables import read_ids_csv

_LOG = logging.getLogger(__name__)

#: Names that the column of series names has had.
_SERIES_COLUMNS = ("new_file_name", "file_name", "filename")

#: The disc of IVD label N has mask code 200 + N.
DISC_CODE_OFFSET = 200


def find_overview(root: Path) -> Path | None:
    """Return the overview table beside the images, if there is one.

    Raises:
        InputFileError: if there are several.
    """
    found = sorted(
        path
        for path in root.iterdir()
        if path.suffix.lower() == ".csv"
        and "overview" in path.name.lower()
        and not path.name.startswith(".")
    )
    if len(found) > 1:
        raise InputFileError(
            root,
            f"several overview tables: {', '.join(path.name for path in found)}",
            remedy="keep one of them",
            code="E-CASE-004",
        )
    if not found:
        _LOG.warning("%s: no overview table, no subsets are known", root)
    return found[0] if found else None


def read_overview(path: Path | str) -> pd.DataFrame:
    """Read the overview of series.

    Args:
        path: ``overview.csv``, whatever it is called.

    Returns:
        One row per series, all text; columns in lower case, among them
        ``series`` (lower case, without suffix, for example ``1_t2_space``).

    Raises:
        InputFileError: if the table is broken or names no series.
    """
    path = Path(path)
    frame = _lower_case_columns(read_ids_csv(path))
    column = next((name for name in _SERIES_COLUMNS if name in frame.columns), None)
    if column is None:
        raise InputFileError(
            path,
            f"no column of series names ({', '.join(_SERIES_COLUMNS)})",
            remedy="use SPIDER's own overview.csv",
            code="E-CSV-002",
        )
    series = frame[column].str.lower().str.replace(r"\.(mha|nii|nii\.gz)$", "", regex=True)
    return frame.assign(series=series)


def read_subsets(path: Path) -> dict[str, str]:
    """Return the subset of every series, empty without a column of that name."""
    frame = read_overview(path)
    if "subset" not in frame.columns:
        _LOG.warning("%s: no column 'subset', no subsets are known", path)
        return {}
    return dict(zip(frame["series"], frame["subset"].str.lower(), strict=True))


def read_gradings(path: Path | str) -> pd.DataFrame:
    """Read the radiological gradings of discs.

    Args:
        path: ``radiological_gradings.csv``.

    Returns:
        One row per disc, all text; columns in lower case with underscores,
        among them ``patient`` and ``ivd_label``, and ``mask_code`` (int). Rows
        whose disc is 0 belong to no disc: they are dropped with a warning.

    Raises:
        InputFileError: if the table is broken or a disc is no number.
    """
    path = Path(path)
    frame = _lower_case_columns(read_ids_csv(path))
    missing = {"patient", "ivd_label"} - set(frame.columns)
    if missing:
        raise InputFileError(
            path,
            f"column {', '.join(sorted(missing))} missing",
            remedy="use SPIDER's own radiological_gradings.csv",
            code="E-CSV-002",
        )
    disc = pd.to_numeric(frame["ivd_label"], errors="coerce")
    if disc.isna().any():
        raise InputFileError(
            path,
            f"line {disc.index[disc.isna()][0]}: 'IVD label' must be a number",
            remedy="mend this row of the table",
            code="E-CASE-003",
        )
    lost = frame[disc == 0]
    if len(lost):
        patients = ", ".join(lost["patient"])
        _LOG.warning("%s: %d rows with disc 0 dropped (patients %s)", path, len(lost), patients)
    kept = frame[disc != 0]
    return kept.assign(mask_code=DISC_CODE_OFFSET + disc[disc != 0].astype(int))


def _lower_case_columns(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.rename(columns=lambda name: name.lower().replace(" ", "_"))
