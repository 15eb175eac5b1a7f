"""Patients never stand on two sides."""

from __future__ import annotations

import pytest

from spinesynth.errors import ConfigError
from spinesynth.io.case import Case
from spinesynth.pipelines.config import DataConfig
from spinesynth.pipelines.split import split_cases
from tests.pipelines.fabricated import make_case


def all_cases() -> list[Case]:
    """Six patients of two contrasts, and another source that shares one of them."""
    home = [
        make_case(f"p{n}_{contrast}", patient_id=f"p{n}", source="home", contrast=contrast)
        for n in range(6)
        for contrast in ("T1", "T2")
    ]
    away = [
        make_case(f"away{n}", patient_id=f"p{n}" if n < 6 else f"q{n}", source="away")
        for n in range(4, 8)
    ]
    return home + away


CONFIG = DataConfig(train_sources=("home",), test_patients=2, val_patients=1)


def test_no_patient_trains_and_tests() -> None:
    split = split_cases(all_cases(), CONFIG)
    sets = [{c.patient_id for c in part} for part in (split.train, split.validation, split.test)]
    assert not sets[0] & sets[1]
    assert not sets[0] & sets[2]
    assert not sets[1] & sets[2]


def test_other_sources_are_tested_unless_their_patient_trained() -> None:
    split = split_cases(all_cases(), CONFIG)
    trained = {c.patient_id for c in (*split.train, *split.validation)}
    away = {c.patient_id for c in split.test if c.source == "away"}
    assert away == {"p4", "p5", "q6", "q7"} - trained


def test_untaught_contrasts_of_held_out_patients_are_tested() -> None:
    config = CONFIG.model_copy(update={"train_contrasts": ("T1",)})
    split = split_cases(all_cases(), config)
    assert {c.contrast for c in split.train} == {"T1"}
    assert {c.contrast for c in split.test if c.source == "home"} == {"T1", "T2"}


def test_every_case_stands_in_one_row_of_the_table() -> None:
    table = split_cases(all_cases(), CONFIG).table()
    assert table["case_id"].is_unique
    assert set(table["split"]) == {"train", "validation", "test"}


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"train_sources": ("nowhere",)}, "nowhere"),
        ({"test_patients": 5}, "leave nobody to train on"),
        ({"train_contrasts": ("CT",)}, "leave no case"),
    ],
)
def test_impossible_split_says_why(change: dict[str, object], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        split_cases(all_cases(), CONFIG.model_copy(update=change))
