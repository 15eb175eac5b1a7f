"""The commands of doubt: what they hand on, and what they tell."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from spinesynth.pipelines.quality_model import QualityModel
from tests.house.command_line import Recorder, Replace, run_words


def test_fit_quality_tells_what_it_learnt(
    replace: Replace, capsys: pytest.CaptureFixture[str]
) -> None:
    model = QualityModel(
        weights_digest="0" * 64, phantoms=30, seed=2, structures={}, limits={},
        hits={"upside_down": 0.5}, false_alarms=0.04,
    )  # fmt: skip
    done = Recorder((Path("q.json"), model))
    replace("fit_quality.fit_quality_model", done)
    words = ("fit-quality", "--checkpoint", "m.pt", "--phantoms", "30", "--seed", "2")
    assert run_words(*words, "-o", "q.json") == 0
    assert done.words == (Path("m.pt"),)
    assert done.options == {"output": Path("q.json"), "phantoms": 30, "seed": 2}
    told = capsys.readouterr().out
    assert "q.json" in told
    assert "phantoms left out: 4%" in told
    assert "flags on upside down: 50%" in told


def test_test_quality_hands_on_what_is_asked(replace: Replace, tmp_path: Path) -> None:
    done = Recorder(pd.DataFrame({"spearman": [0.5]}))
    replace("measure_doubt.run_doubt_test", done)
    words = ("test-quality", "--checkpoint", "m.pt", "--data", "d", "--slices", "6")
    assert run_words(*words, "--spoilt", "1", "--save-dir", str(tmp_path), "--source", "x") == 0
    assert done.options["data"] == Path("d")
    assert done.options["folder"] == tmp_path
    asked = done.options["asked"]
    assert (asked.slices, asked.spoilt, list(asked.sources)) == (6, 1, ["x"])
