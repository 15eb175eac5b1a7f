"""Read and write CSV tables without pandas' guesses.

Identifiers stay text (``001`` is not 1, ``NA`` is not missing), rows must have
as many cells as the header, and what is written is the same bytes every time.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pandas as pd

from spinesynth.errors import OutputError
from spinesynth.io.atomic import write_text
from spinesynth.io.problems import InputFileError, unreadable
from spinesynth.io.raw_volume import check_file
from spinesynth.io.table_kinds import kind_of

#: Six digits are beyond the precision of any metric here, and stable to read.
FLOAT_FORMAT = "%.6g"

#: First characters that a spreadsheet would take for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_csv(path: Path | str, frame: pd.DataFrame, *, kind: str | None = None) -> None:
    """Write a table in one piece: the same frame gives the same bytes.

    Args:
        path: file to write; replaced only when the new one is complete.
        frame: table; its index is not written. Paths in it that are to be read again come
            from :func:`path_in_table`.
        kind: key of ``TABLE_KINDS`` that it must hold to; None takes the kind of the
            tables that lie in such a place, if there is one.

    Raises:
        OutputError: if the table is not what its kind says, or the file cannot be written.
    """
    path = Path(path)
    safe = frame.copy()
    for column in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[column]):
            safe[column] = safe[column].map(_without_formula)
    text = safe.to_csv(index=False, float_format=FLOAT_FORMAT, lineterminator="\n")
    kind = kind or kind_of(path)
    if kind is not None:
        _refuse_invalid(path, text, kind)
    write_text(path, text)


def _refuse_invalid(path: Path, text: str, kind: str) -> None:
    """Raise if what would be written could not be read back as its kind."""
    from spinesynth.io.table_check import check_table  # which needs this module

    try:
        check_table(path, _parse(path, text), kind)
    except InputFileError as error:
        raise OutputError(
            f"{path} was not written: {error.problem}; docs/tables.md lists what each column "
            "may hold",
            code="E-OUT-001",
        ) from error


def read_ids_csv(path: Path | str) -> pd.DataFrame:
    """Read a table of identifiers as text, strictly.

    Args:
        path: comma-separated, UTF-8 (a byte order mark is accepted).

    Returns:
        All columns as ``str``, surrounding blanks removed, empty cells ``""``.
        The index, named ``line``, is the line number in the file.

    Raises:
        InputFileError: if the file is missing, empty or no text; if a column
            stands twice; if rows are ragged (with their line numbers).
    """
    path = Path(path)
    return _parse(path, _read_text(path))


def _parse(path: Path, text: str) -> pd.DataFrame:
    """Return the cells of a table as text, with their lines as index."""
    rows = _rows(path, text)
    _, header = next(rows, (1, []))
    _check_header(path, header)
    lines: list[int] = []
    cells: list[list[str]] = []
    ragged: list[str] = []
    for line, row in rows:
        if len(row) != len(header):
            ragged.append(f"line {line} has {len(row)} cells")
        lines.append(line)
        cells.append(row)
    if ragged:
        raise InputFileError(
            path,
            f"{', '.join(ragged)}, the header has {len(header)}",
            remedy="give every row one cell per column (quote cells that hold commas)",
            code="E-CSV-003",
        )
    return pd.DataFrame(cells, columns=header, index=pd.Index(lines, name="line"), dtype=str)


def path_in_table(path: Path, folder: Path) -> str:
    """Return a path relative to the folder of a table that names it, as the table is read.

    Args:
        path: absolute, of a file that may lie anywhere.
        folder: absolute.

    Raises:
        InputFileError: if it is not UTF-8, as tables are.

    Example:
        >>> path_in_table(Path("/data/scans/a.nii"), Path("/data/out"))
        '../scans/a.nii'
    """
    relative = Path(os.path.relpath(path, folder)).as_posix()
    try:
        relative.encode()
    except UnicodeEncodeError as error:
        raise InputFileError(
            path,
            f"its path from {folder} is not UTF-8, so no table can name it",
            remedy="rename the file or the folder",
            code="E-IN-006",
        ) from error
    return relative


def require_columns(path: Path, frame: pd.DataFrame, *columns: str) -> None:
    """Refuse a table that lacks one of the columns."""
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise InputFileError(
            path,
            f"column {', '.join(missing)} missing, got {', '.join(frame.columns)}",
            remedy=f"add it; needed are {', '.join(columns)}",
            code="E-CSV-002",
        )


def _read_text(path: Path) -> str:
    """Return the text of a file, without a byte order mark."""
    try:
        check_file(path)
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_text(path, str(error)) from error
    except OSError as error:
        raise unreadable(path, error) from error


def _rows(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and stripped cells of every row that is not blank."""
    if "\0" in text:
        raise _not_text(path, "NUL character")
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise _not_text(path, f"line {reader.line_num}: {error}") from error
        if row is None:
            return
        cells = [cell.strip() for cell in row]
        if any(cells):
            yield reader.line_num, cells


def _check_header(path: Path, header: list[str]) -> None:
    twice = sorted({name for name in header if header.count(name) > 1})
    if not header or twice:
        problem = f"column {', '.join(twice)} stands twice" if twice else "no header line"
        raise InputFileError(
            path, problem, remedy="name every column once in the first line", code="E-CSV-002"
        )
    if len(header) == 1 and ";" in header[0]:
        raise InputFileError(
            path,
            "cells are separated by ';'",
            remedy="export the table with commas",
            code="E-CSV-001",
        )


def _not_text(path: Path, why: str) -> InputFileError:
    return InputFileError(
        path,
        f"not a CSV table in UTF-8 ({why})",
        remedy="export it as comma-separated UTF-8 text",
        code="E-CSV-001",
    )


def _without_formula(cell: object) -> object:
    """Quote text that a spreadsheet would run; numbers written as text stay."""
    if not isinstance(cell, str) or not cell.startswith(_FORMULA_STARTS):
        return cell
    try:
        float(cell)
    except ValueError:
        return "'" + cell
    return cell
