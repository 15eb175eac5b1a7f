"""Scores of a model are found under its name with or without the patients it has seen."""

from __future__ import annotations

import pandas as pd
import pytest

from spinesynth.errors import ConfigError
from spinesynth.pipelines.reality_gap import _of_model
from spinesynth.pipelines.robustness_run import SEEN_SUFFIX

SCORES = pd.DataFrame({"model": ["A", f"A{SEEN_SUFFIX}", "B"], "value": [0.1, 0.2, 0.3]})


@pytest.mark.parametrize("model", ["A", f"A{SEEN_SUFFIX}"])
def test_scores_of_a_model_are_found_under_either_name(model: str) -> None:
    found = _of_model(SCORES, "A", model)
    assert found["value"].tolist() == [0.1, 0.2]
    assert set(found["model"]) == {model}


def test_run_without_scores_of_the_model_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"E-STAT-001.*no scores of model C, only of A, .*, B"):
        _of_model(SCORES, "C", "C")
