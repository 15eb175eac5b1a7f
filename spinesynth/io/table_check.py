"""Refuse a table that does not hold to its kind, naming line and column.

pandera does the checking. It is loaded with the first table that is checked.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from spinesynth.io.problems import InputFileError
from spinesynth.io.table_columns import METRIC_RANGES, Column
from spinesynth.io.table_kinds import TABLE_KINDS, Rule, TableKind
from spinesynth.io.tables import require_columns

if TYPE_CHECKING:
    from pandera.errors import SchemaErrors
    from pandera.pandas import Check, DataFrameSchema
    from pandera.pandas import Column as PanderaColumn

_REMEDY = "restore the file that was written; docs/tables.md lists what each column may hold"
_EMPTY = "must not be empty"
_WHOLE_FRAME = "DataFrameSchema"


def check_table(path: Path, cells: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Return a table with numbers as float, or say what is wrong with it.

    Args:
        path: of the table, for the message.
        cells: of :func:`~spinesynth.io.tables.read_ids_csv`: text, with the line as index.
        kind: key of ``TABLE_KINDS``.

    Returns:
        The same rows from 0 on; empty cells of numbers are NaN, text stays text.

    Raises:
        InputFileError: for the first cell in the file that is not allowed, and how many
            more there are.
    """
    from pandera.errors import SchemaErrors

    described = TABLE_KINDS[kind]
    require_columns(path, cells, *(c.name for c in described.columns if c.required))
    table = cells.copy()
    for name in cells.columns:
        column = _column(described, str(name))
        if column is not None and column.kind != "text":
            table[name] = _as_numbers(path, cells[name])
    try:
        schema_of(kind).validate(table, lazy=True)
    except SchemaErrors as errors:
        raise _refusal(path, errors) from None
    return table.reset_index(drop=True)


@functools.cache
def schema_of(kind: str) -> DataFrameSchema:
    """Return pandera's schema of a kind of table.

    Args:
        kind: key of ``TABLE_KINDS``.

    Example:
        >>> sorted(schema_of("signals").columns)
        ['field_t', 'signal', 'te_ms', 'tissue', 'tr_ms']
    """
    import pandera.pandas as pandera

    described = TABLE_KINDS[kind]
    checks = [_RULES[rule]() for rule in described.rules]
    if described.apart is not None:
        checks.append(_no_repetition(described))
    return pandera.DataFrameSchema(
        {_pattern(column.name): _pandera_column(column) for column in described.columns},
        checks=checks,
    )


def _column(kind: TableKind, name: str) -> Column | None:
    """Return what is known of a column; an exact name comes before a pattern."""
    exact = [column for column in kind.columns if column.name == name]
    ending = [
        column
        for column in kind.columns
        if column.name.endswith("*") and name.startswith(column.name[:-1])
    ]
    return next(iter(exact + ending), None)


def _pattern(name: str) -> str:
    return f"^{name[:-1]}.*$" if name.endswith("*") else name


def _pandera_column(column: Column) -> PanderaColumn:
    import pandera.pandas as pandera

    checks = []
    if column.kind == "text":
        if not column.empty:
            checks.append(pandera.Check(lambda cells: cells != "", error=_EMPTY))
        if column.among:
            allowed = (*column.among, "") if column.empty else column.among
            said = f"must be one of {', '.join(column.among)}"
            checks.append(pandera.Check.isin(allowed, error=said))
    else:
        checks.append(pandera.Check(lambda cells: cells.abs() < math.inf, error="must be finite"))
        if column.range_text:
            said, low, high = f"must be {column.range_text}", column.low, column.high
            checks.append(pandera.Check(lambda c: (c >= low) & (c <= high), error=said))
    if column.kind == "count":
        checks.append(pandera.Check(lambda cells: cells % 1 == 0, error="must be a whole number"))
    return pandera.Column(
        None if column.kind == "text" else float,
        checks=checks, nullable=column.empty or column.kind == "text",
        required=column.required, regex=column.name.endswith("*"),
    )  # fmt: skip


def _metric_rule() -> Check:
    """Return a check of each value against the range and unit of its metric."""
    import pandera.pandas as pandera

    def holds(table: pd.DataFrame) -> pd.Series:
        fine = pd.Series(True, index=table.index)
        for name, (unit, low, high) in METRIC_RANGES.items():
            rows = table[table["metric"] == name]
            value = rows["value"]
            known = value.isna() | ((value >= low) & (value <= high))
            fine.loc[rows.index] = known & (rows["unit"] == unit)
        return fine

    return pandera.Check(holds, error="value: must be in the range and unit of its metric")


def _interval_rule() -> Check:
    """Return a check that an interval is in order."""
    import pandera.pandas as pandera

    return pandera.Check(
        lambda table: table["low"].isna() | (table["low"] <= table["high"]),
        error="low: must be at most high",
    )


def _file_rule() -> Check:
    """Return a check that a row names an image or a label map."""
    import pandera.pandas as pandera

    return pandera.Check(
        lambda table: (table["image"] != "") | (table["label"] != ""),
        error="image: must name a file, or label must",
    )


_RULES: dict[Rule, Callable[[], Check]] = {
    "metric": _metric_rule,
    "interval": _interval_rule,
    "file": _file_rule,
}


def _no_repetition(kind: TableKind) -> Check:
    """Return a check that no row says the same thing twice."""
    import pandera.pandas as pandera

    assert kind.apart is not None  # asked before
    apart = kind.apart

    def holds(table: pd.DataFrame) -> pd.Series:
        same = [name for name in table.columns if name not in apart]
        return ~table.duplicated(subset=same)

    return pandera.Check(holds, error="row: must not repeat an earlier one")


def _as_numbers(path: Path, cells: pd.Series) -> pd.Series:
    """Return cells as float, empty as NaN, and refuse what is no number."""
    numbers = pd.to_numeric(cells.replace("", "nan"), errors="coerce").astype("float64")
    wrong = cells[numbers.isna() & ~cells.str.lower().isin(["", "nan"])]
    if len(wrong):
        raise InputFileError(
            path,
            f"line {wrong.index[0]}, column {cells.name}: {wrong.iloc[0]!r} is no number",
            remedy=_REMEDY,
            code="E-CASE-003",
        )
    return numbers


def _refusal(path: Path, errors: SchemaErrors) -> InputFileError:
    """Return one error for all that pandera found: the first in the file, and how many more."""
    found = errors.failure_cases.astype({"index": float})
    found = found.sort_values(["index", "schema_context"], kind="stable")  # single columns first
    first = found.iloc[0]
    column, said, cell = first["column"], str(first["check"]), first["failure_case"]
    if first["schema_context"] == _WHOLE_FRAME:  # the check names the column
        column, _, said = said.partition(": ")
        place = (found["index"] == first["index"]) & (found["column"] == column)
        cell = next(iter(found.loc[place, "failure_case"]), None)
    said = _EMPTY if said == "not_nullable" else said
    got = "" if cell is None or said == _EMPTY else f", got {_shown(cell)}"
    problem = f"line {first['index']:.0f}, column {column}: {said}{got}"
    problem = problem.replace(", column row:", ": the row")  # no single column is to blame
    more = len(set(zip(found["index"], found["check"], strict=True))) - 1
    if more:
        problem += f" (and {more} more)"
    return InputFileError(path, problem, remedy=_REMEDY, code="E-CASE-003")


def _shown(cell: object) -> str:
    if isinstance(cell, float):
        return "nothing" if math.isnan(cell) else f"{cell:g}"
    return repr(cell)
