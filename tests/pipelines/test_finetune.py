"""The curve of fine-tuning: nested patients, the checkpoint at 0, nothing trained twice."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from spinesynth.errors import ConfigError
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.finetune import (
    CURVE_CSV,
    CURVE_PNG,
    format_curve,
    parse_counts,
    run_finetune,
    summarise_curve,
)
from spinesynth.pipelines.results import RUN_JSON, SPLIT_CSV
from spinesynth.pipelines.run_lock import hold_folder
from tests.pipelines.many_patients import write_patients
from tests.pipelines.tiny_checkpoint import write_checkpoint
from tests.pipelines.tiny_training import tiny_values

CONFIG = parse_config(
    tiny_values(name="curve", evaluation={"resolution_factors": [1], "max_robustness_cases": 1})
)


@pytest.mark.slow
def test_curve_is_trained_tested_and_drawn_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_patients(tmp_path / "data", {"home": 4, "away": 1})
    start = write_checkpoint(tmp_path / "start.pt")
    folder = tmp_path / "out"

    def run(counts: tuple[int, ...], *, scratch: bool) -> str:
        return run_finetune(
            CONFIG, start, data=data, folder=folder, counts=counts, scratch=scratch, command="test"
        )

    with pytest.raises(ConfigError, match=r"E-CONF-033.*the 2 training patients.*got 3"):
        run((1, 3), scratch=False)
    assert not folder.exists()
    text = run((1, 2), scratch=True)
    curve = pd.read_csv(folder / CURVE_CSV)
    points = set(zip(curve["start"], curve["train_patients"], strict=True))
    assert points == {("checkpoint", n) for n in (0, 1, 2)} | {
        ("random weights", n) for n in (1, 2)
    }
    assert set(curve["source"]) == {"home", "away"}
    assert (folder / CURVE_PNG).read_bytes().startswith(b"\x89PNG")
    assert "| home | body | checkpoint |" in text
    record = json.loads((folder / RUN_JSON).read_text())
    assert (record["counts"], record["started_from"]["path"]) == ([1, 2], str(start))
    with hold_folder(folder), pytest.raises(ConfigError, match="in use by"):
        run((1, 2), scratch=True)
    trained = [
        set(split.loc[split["split"] == "train", "patient_id"])
        for split in (
            pd.read_csv(folder / "arms" / f"{word}_{n}" / SPLIT_CSV)
            for n in (1, 2)
            for word in ("from", "scratch")
        )
    ]
    assert trained[0] == trained[1] < trained[2] == trained[3]
    capsys.readouterr()
    run((1, 2), scratch=True)
    said = capsys.readouterr().err
    assert said.count("finished before") == 4
    assert "testing the checkpoint" not in said


@pytest.mark.parametrize("text", ["", "0,1", "1,x", "1,1", "1.5", "²"])
def test_counts_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"E-CONF-033.*cases must be numbers of at least 1"):
        parse_counts(text)


def test_pseudo_labels_are_no_points_of_the_curve(tmp_path: Path) -> None:
    """They would train in every arm, whatever number of patients it is for."""
    data = CONFIG.data.model_copy(update={"pseudo_labels": "pseudo/cases.csv"})
    with pytest.raises(ConfigError, match=r"E-CONF-043.*pseudo/cases\.csv.*counts annotated"):
        run_finetune(
            CONFIG.model_copy(update={"data": data}), tmp_path / "start.pt", data=tmp_path,
            folder=tmp_path / "out", counts=(1,), scratch=False, command="test",
        )  # fmt: skip
    assert not (tmp_path / "out").exists()


def test_points_are_means_over_patients() -> None:
    """One patient with two scans of 0.2 and 0.4, another of 0.9: the mean is 0.6."""
    rows = [("p", "c1", 0.2), ("p", "c2", 0.4), ("q", "c3", 0.9)]
    table = pd.DataFrame(
        [
            {
                "patient_id": patient, "case_id": case, "value": value, "metric": "dice",
                "start": "checkpoint", "train_patients": 5, "source": "s", "structure": "disc",
            }
            for patient, case, value in rows
        ]
    )  # fmt: skip
    curve = summarise_curve(table)
    assert curve["mean"].tolist() == pytest.approx([0.6])
    assert "| s | disc | checkpoint | 0.600 |" in format_curve(curve)
