"""A table that is not what its kind says is neither written nor read."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from spinesynth.errors import OutputError
from spinesynth.io.problems import InputFileError
from spinesynth.io.table_check import check_table, schema_of
from spinesynth.io.table_columns import METRIC_RANGES
from spinesynth.io.table_kinds import TABLE_KINDS, describe_tables, kind_of
from spinesynth.io.tables import read_ids_csv, write_csv
from spinesynth.metrics import INSTANCE_METRICS
from spinesynth.pipelines.evaluate import FAILURE_COLUMNS, LONG_COLUMNS
from spinesynth.pipelines.final_choice import CHOICE_COLUMNS
from spinesynth.pipelines.instance_evaluation import INSTANCE_COLUMNS

SCORE: dict[str, Any] = {
    "run": "r", "model": "A", "case_id": "007", "patient_id": "NA", "source": "s",
    "contrast": "T2", "condition": "standard", "severity": 1.0, "structure": "disc",
    "metric": "dice", "value": 0.5, "unit": "1",
}  # fmt: skip
MEAN: dict[str, Any] = {
    "model": "A", "source": "s", "contrast": "T2", "structure": "disc", "metric": "dice",
    "mean": 0.5, "low": 0.4, "high": 0.6, "n_patients": 3, "n_cases": 3, "n_excluded": 0,
}  # fmt: skip


def _write(folder: Path, name: str, *rows: dict[str, Any]) -> Path:
    path = folder / "tables" / name
    path.parent.mkdir(exist_ok=True)
    write_csv(path, pd.DataFrame(rows))
    return path


def test_scores_come_back_with_numbers_as_numbers(tmp_path: Path) -> None:
    undefined = SCORE | {"metric": "hd95", "unit": "mm", "value": float("nan")}
    path = _write(tmp_path, "metrics.csv", SCORE, undefined)
    table = check_table(path, read_ids_csv(path), "metrics")
    assert table["value"].tolist()[:1] == [0.5]
    assert table["value"].isna().tolist() == [False, True]
    assert table["patient_id"].tolist() == ["NA", "NA"]
    assert list(table.index) == [0, 1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"value": 1.2}, r"line 2, column value: must be in the range .*, got 1\.2"),
        ({"value": -0.1}, "column value: must be in the range"),
        ({"value": float("inf")}, "column value: must be finite, got inf"),
        ({"value": "?"}, r"column value: '\?' is no number"),
        ({"metric": "hd95"}, "column value: must be in the range and unit"),
        ({"unit": ""}, "column unit: must not be empty"),
        ({"case_id": ""}, "column case_id: must not be empty"),
        ({"patient_id": None}, "column patient_id: must not be empty"),
        ({"severity": float("nan")}, "column severity: must not be empty"),
        ({"severity": -1.0}, "column severity: must be >= 0, got -1"),
    ],
)
def test_an_invalid_score_is_not_written(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(OutputError, match=rf"metrics\.csv was not written: .*{said}"):
        _write(tmp_path, "metrics.csv", SCORE | change)
    assert list((tmp_path / "tables").iterdir()) == []  # no part of it either


def test_a_missing_column_is_not_written(tmp_path: Path) -> None:
    few = {name: value for name, value in SCORE.items() if name != "unit"}
    with pytest.raises(OutputError, match="column unit missing"):
        _write(tmp_path, "metrics.csv", few)


def test_a_number_that_stands_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="line 3: the row must not repeat an earlier one"):
        _write(tmp_path, "robustness.csv", SCORE, SCORE | {"value": 0.6})


def test_further_columns_are_allowed(tmp_path: Path) -> None:
    _write(tmp_path, "metrics.csv", SCORE | {"remark": ""})


def test_an_interval_in_wrong_order_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"line 2, column low: must be at most high, got 0\.7"):
        _write(tmp_path, "summary.csv", MEAN | {"low": 0.7})
    _write(tmp_path, "summary.csv", MEAN | {"low": float("nan"), "high": float("nan")})


def test_a_count_is_a_whole_number(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"column n_patients: must be a whole number, got 2\.5"):
        _write(tmp_path, "summary.csv", MEAN | {"n_patients": 2.5})


def test_every_structure_of_a_training_has_a_range(tmp_path: Path) -> None:
    row = {"model": "A", "epoch": 1, "step": 5, "train_loss": 2.0, "val_dice_mean": 0.5}
    _write(tmp_path, "training_A.csv", row | {"val_dice_disc": float("nan")})
    with pytest.raises(OutputError, match=r"column val_dice_disc: must be in \[0, 1\], got 3"):
        _write(tmp_path, "training_A.csv", row | {"val_dice_disc": 3.0})


def test_a_part_of_the_split_is_one_of_three(tmp_path: Path) -> None:
    row = {"case_id": "a", "patient_id": "a", "source": "s", "contrast": "", "split": "tset"}
    with pytest.raises(OutputError, match="must be one of train, validation, test, got 'tset'"):
        _write(tmp_path, "split.csv", row)


def test_a_damaged_table_is_one_error_with_the_first_line(tmp_path: Path) -> None:
    path = _write(tmp_path, "metrics.csv", SCORE, SCORE | {"case_id": "b"})
    text = path.read_text().replace("\n007", "\n\n007").replace(",0.5,", ",5,")
    path.write_text(text + text.splitlines()[-1].replace(",b,", ",c,").replace("disc", "") + "\n")
    with pytest.raises(InputFileError, match=r"line 2, column value: .*, got 5 ") as refused:
        check_table(path, read_ids_csv(path), "metrics")
    assert refused.value.code == "E-CASE-003"
    assert str(path) in str(refused.value)
    assert "(and 3 more)" in str(refused.value)  # the values of lines 3, 4 and a structure


def test_a_table_of_no_row_keeps_its_header(tmp_path: Path) -> None:
    path = tmp_path / "tables" / "failures.csv"
    path.parent.mkdir()
    write_csv(path, pd.DataFrame(columns=list(FAILURE_COLUMNS)))
    assert check_table(path, read_ids_csv(path), "failures").empty


def test_a_kind_is_known_by_its_place() -> None:
    assert kind_of(Path("x/tables/choice_B.csv")) == "choice"
    assert kind_of(Path("x/tables/other.csv")) is None
    assert kind_of(Path("metrics.csv")) is None  # somebody's own table
    assert {kind_of(Path("x") / place) for k in TABLE_KINDS.values() for place in k.places} == {
        name for name, kind in TABLE_KINDS.items() if kind.places
    }


@pytest.mark.parametrize("kind", TABLE_KINDS)
def test_every_kind_has_a_schema_with_its_columns(kind: str) -> None:
    columns = [column.name for column in TABLE_KINDS[kind].columns]
    assert len(set(columns)) == len(columns)
    assert len(schema_of(kind).columns) == len(columns)


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        ("metrics", LONG_COLUMNS),
        ("robustness", LONG_COLUMNS),
        ("failures", FAILURE_COLUMNS),
        ("choice", CHOICE_COLUMNS),
        ("instances", INSTANCE_COLUMNS),
    ],
)
def test_columns_that_are_needed_are_those_of_the_writer(
    kind: str, columns: tuple[str, ...]
) -> None:
    assert tuple(c.name for c in TABLE_KINDS[kind].columns if c.required) == columns


def test_every_metric_has_its_unit_and_range() -> None:
    assert set(INSTANCE_METRICS) <= set(METRIC_RANGES)
    for name, metric in INSTANCE_METRICS.items():
        unit, low, high = METRIC_RANGES[name]
        assert unit == metric.unit
        assert (low < 0) == (metric.better == "zero")  # an error carries a sign
        assert (high == 1) == (metric.unit == "1" and metric.better != "zero")


def test_the_page_lists_every_kind_and_column() -> None:
    page = (Path(__file__).parents[2] / "docs" / "tables.md").read_text(encoding="utf-8")
    assert page.endswith(f"\n\n{describe_tables()}")
    for kind in TABLE_KINDS.values():
        assert f"## {kind.title}\n" in page
        assert all(f"| `{column.name}` | " in page for column in kind.columns)


def test_every_table_that_the_package_names_has_a_kind() -> None:
    named = re.compile(r"[A-Za-z_]+\.csv")
    package = Path(__file__).parents[2] / "spinesynth"
    names = {
        node.value
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if named.fullmatch(node.value)
    }
    assert {"metrics.csv", "split.csv", "sweep.csv"} <= names
    unknown = [name for name in sorted(names) if kind_of(Path("tables") / name) is None]
    assert unknown == []  # describe it in spinesynth/io/table_kinds.py
