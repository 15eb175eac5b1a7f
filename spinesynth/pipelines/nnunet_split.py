"""The split of a run as an export takes it: every line is understood, or nothing is exported."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pandas as pd

from spinesynth.few import name_few
from spinesynth.io.case import Case
from spinesynth.io.problems import InputFileError
from spinesynth.io.tables import read_ids_csv, require_columns

PARTS = ("train", "validation", "test")
_FOLD = "fold"  # column of the joined tables of a cross-validation
_NAMED = 5  # cases that a message names


def read_split_table(path: Path, known: Collection[str]) -> dict[str, str]:
    """Return the part of each case of a run.

    Args:
        path: ``tables/split.csv`` of a run, with the columns ``case_id`` and ``split``.
        known: ids of the cases of the data.

    Returns:
        One of :data:`PARTS` by case id.

    Raises:
        InputFileError: naming all that is wrong: other words, cases that stand twice or
            are not in the data, empty parts, several folds.
    """
    table = read_ids_csv(path)
    require_columns(path, table, "case_id", "split")
    problems = _problems(table, known)
    if problems:
        raise _refuse(path, problems)
    return dict(zip(table["case_id"], table["split"], strict=True))


def refuse_empty_parts(
    path: Path, split: Mapping[str, str], used: Sequence[Case], reasons: str
) -> None:
    """Raise if no case of a part is left after those that cannot be used.

    Args:
        path: of the table.
        split: part of each case.
        used: cases that train and test.
        reasons: why the others are left out.

    Raises:
        InputFileError: naming the parts.
    """
    there = {split[case.case_id] for case in used}
    empty = [f"no case of {part} can be used" for part in PARTS if part not in there]
    if empty:
        raise _refuse(path, [*empty, f"left out are: {reasons}"])


def _problems(table: pd.DataFrame, known: Collection[str]) -> list[str]:
    """Return all that is wrong with a table."""
    if _FOLD in table.columns:
        return ["it joins the folds of a cross-validation; name folds/N/tables/split.csv of one"]
    ids, parts = table["case_id"], table["split"]
    problems: list[str] = []
    odd = ~parts.isin(PARTS)
    if odd.any():
        told = [f"{name}: {part!r}" for name, part in zip(ids[odd], parts[odd], strict=True)]
        problems.append(
            f"split must be one of {', '.join(PARTS)}, got {name_few(told, limit=_NAMED)}"
        )
    twice = sorted(set(ids[ids.duplicated()]))
    if twice:
        problems.append(f"cases stand twice: {name_few(twice, limit=_NAMED)}")
    unknown = sorted(set(ids) - set(known))
    if unknown:
        problems.append(f"cases that the data do not hold: {name_few(unknown, limit=_NAMED)}")
    problems += [f"no case of {part}" for part in PARTS if not (parts == part).any()]
    return problems


def _refuse(path: Path, problems: Sequence[str]) -> InputFileError:
    return InputFileError(
        path, "; ".join(problems),
        remedy="name the table of the run on these data, or mend it", code="E-SPLIT-003",
    )  # fmt: skip
