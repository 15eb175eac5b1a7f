"""A run's folder is read strictly, and what is absent stays absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from spinesynth.errors import InputError
from spinesynth.pipelines.results import METRICS_CSV, RUN_JSON, TABLES, read_results, training_csv
from tests.pipelines.fabricated_run import make_tables, write_run


def test_tables_come_back_as_they_were_written(tmp_path: Path) -> None:
    results = read_results(write_run(tmp_path / "run"))
    scores, degraded = make_tables()
    assert results.metrics is not None
    assert results.robustness is not None
    text = [column for column in scores.columns if column not in ("value", "severity")]
    assert results.metrics[text].equals(scores[text].astype(str))
    # six digits are written
    assert results.metrics["value"].tolist() == pytest.approx(scores["value"].tolist(), rel=1e-5)
    assert len(results.robustness) == len(degraded)
    assert list(results.training) == ["A", "B"]
    assert results.manifest is not None


def test_absent_files_are_absent_results(tmp_path: Path) -> None:
    results = read_results(tmp_path)
    assert results.metrics is None
    assert results.robustness is None
    assert results.failures is None
    assert results.manifest is None
    assert results.training == {}


def test_identifiers_stay_text(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    path = tmp_path / "run" / METRICS_CSV
    header, first, *_ = path.read_text().splitlines()
    cells = first.split(",")
    cells[2], cells[3], cells[5] = "007", "NA", "nan"
    path.write_text(f"{header}\n{','.join(cells)}\n")
    table = read_results(tmp_path / "run").metrics
    assert table is not None
    identifiers = table[["case_id", "patient_id", "contrast"]]
    assert identifiers.to_numpy().tolist() == [["007", "NA", "nan"]]


def test_an_empty_value_is_undefined(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    path = folder / METRICS_CSV
    header, first, *_ = path.read_text().splitlines()
    cells = first.split(",")
    cells[10] = ""
    path.write_text(f"{header}\n{','.join(cells)}\n")
    table = read_results(folder).metrics
    assert table is not None
    assert table["value"].isna().all()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: no such folder"):
        read_results(tmp_path / "nowhere")


def test_a_value_that_is_no_number_is_refused_with_its_line(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    path = folder / METRICS_CSV
    lines = path.read_text().splitlines()
    cells = lines[2].split(",")
    cells[10] = "0?9"
    lines[2] = ",".join(cells)
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"\.csv: line 3, column value: '0\?9' is no number"):
        read_results(folder)


def test_a_missing_column_is_refused(tmp_path: Path) -> None:
    (tmp_path / TABLES).mkdir()
    (tmp_path / training_csv("A")).write_text("model,epoch\nA,0\n")
    with pytest.raises(InputError, match=r"_A\.csv: column step, train_loss, val_dice_mean"):
        read_results(tmp_path)


@pytest.mark.parametrize("text", ["{", "[1, 2]", "\ufffe"])
def test_a_damaged_manifest_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / RUN_JSON).write_text(text, encoding="utf-16")
    with pytest.raises(InputError, match=r"run\.json: (not|must hold one) JSON"):
        read_results(tmp_path)
    (tmp_path / RUN_JSON).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"run\.json: (not|must hold one) JSON"):
        read_results(tmp_path)
