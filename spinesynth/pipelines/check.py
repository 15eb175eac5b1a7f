"""Check a data set: every problem of every case at once."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from spinesynth.errors import InputError
from spinesynth.io.discover import scan_cases
from spinesynth.io.load_case import load_case
from spinesynth.io.problems import InputFileError

#: Columns of the table of problems.
COLUMNS = ("case_id", "file", "code", "problem", "remedy")


def check_data(path: Path | str) -> pd.DataFrame:
    """List all that is wrong with a data set, without stopping at the first.

    Args:
        path: manifest, or folder as for
            :func:`spinesynth.io.discover.discover_cases`.

    Returns:
        One row per problem with the columns of :data:`COLUMNS`, all text; no
        rows if the data set can be used. ``case_id`` is empty where a table or
        folder is meant.

    Raises:
        InputFileError: if nothing could be read there at all.
    """
    scan = scan_cases(path)
    rows = [_row("", problem) for problem in scan.problems]
    for case in scan.cases:
        try:
            load_case(case, need_image=case.image is not None)
        except InputError as problem:
            rows.append(_row(case.case_id, problem))
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype=str)


def _row(case_id: str, error: InputError) -> tuple[str, str, str, str, str]:
    if isinstance(error, InputFileError):
        return case_id, str(error.path), error.code, error.problem, error.remedy
    return case_id, "", error.code, str(error), ""
