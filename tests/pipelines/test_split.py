"""Patients never stand on two sides."""

from __future__ import annotations

import dataclasses

import pytest

from spinesynth.errors import ConfigError
from spinesynth.io.case import Case
from spinesynth.pipelines.config import DataConfig
from spinesynth.pipelines.split import split_cases, with_training_labels
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


def test_cases_left_out_for_their_patients_sake_are_named(caplog: pytest.LogCaptureFixture) -> None:
    split = split_cases(all_cases(), CONFIG)
    trained = {c.patient_id for c in (*split.train, *split.validation)}
    lost = [f"away{n}" for n in (4, 5) if f"p{n}" in trained]
    assert lost
    assert f"their patients train or validate: {', '.join(lost)}\n" in caplog.text


def test_nothing_is_said_where_nothing_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    split_cases([case for case in all_cases() if case.source == "home"], CONFIG)
    assert not caplog.records


def home(*words: str) -> list[Case]:
    cases = [case for case in all_cases() if case.source == "home"]
    return [dataclasses.replace(case, annotated=frozenset(words)) for case in cases]


@pytest.mark.parametrize(
    ("words", "target"),
    [
        (("body",), "semantic4"),
        (("body",), "binary_vertebra"),
        (("disc",), "binary_vertebra"),
        (("posterior", "sacrum"), "semantic4"),
    ],
)
def test_source_that_teaches_the_target_nothing_is_named(
    words: tuple[str, ...], target: str
) -> None:
    said = rf"{target} .*home \({', '.join(words)}\); leave them out"
    with pytest.raises(ConfigError, match=said):
        split_cases(home(*words), CONFIG, target_scheme=target)


@pytest.mark.parametrize(
    ("words", "target"),
    [
        (("body",), "spine6"),
        (("disc",), "semantic4"),
        (("vertebra",), "binary_vertebra"),
        (("body", "posterior"), "binary_vertebra"),
    ],
)
def test_source_that_teaches_one_class_trains(words: tuple[str, ...], target: str) -> None:
    assert split_cases(home(*words), CONFIG, target_scheme=target).train


def without_image(cases: list[Case], *patients: str) -> list[Case]:
    return [dataclasses.replace(c, image=None) if c.patient_id in patients else c for c in cases]


def test_label_maps_alone_train_a_and_leave_the_tested_patients_as_they_are() -> None:
    for lost in ("p0", "p1", "p2"):
        cases = without_image(home("body"), lost)
        both = split_cases(cases, CONFIG)
        alone = split_cases(cases, CONFIG, models=("A",))
        assert lost not in {c.patient_id for c in both.train}
        assert lost in {c.patient_id for c in alone.train}
        assert alone.test == both.test
        assert alone.validation == both.validation


def test_model_a_trains_where_no_image_is() -> None:
    cases = without_image(home("body"), *(f"p{n}" for n in range(6)))
    split = split_cases(cases, CONFIG, models=("A",))
    assert len({c.patient_id for c in split.train}) == 3
    assert len(split.validation) == 2  # one patient of two contrasts
    assert split.test == []
    with pytest.raises(ConfigError, match="holds 0 patients with image and label map"):
        split_cases(cases, CONFIG, models=("A", "B"))


def test_other_label_maps_train_for_the_same_patients() -> None:
    """Two label maps a patient, also of patients who are tested: those are left out."""
    split = split_cases(all_cases(), CONFIG)
    others = [
        make_case(f"p{n}_em{m}", patient_id=f"p{n}", source=source, contrast="T1")
        for n in range(6)
        for m in (3, 4)
        for source in ("home", "elsewhere")
    ]
    exchanged = with_training_labels(split, others, place="em.csv")
    assert exchanged.test == split.test
    for new, old in ((exchanged.train, split.train), (exchanged.validation, split.validation)):
        assert {case.patient_id for case in new} == {case.patient_id for case in old}
        assert {case.source for case in new} == {"home"}
        assert {case.case_id[-4:] for case in new} == {"_em3", "_em4"}
        assert len(new) == 2 * len({case.patient_id for case in old})


def test_patients_without_other_label_maps_are_named() -> None:
    split = split_cases(all_cases(), CONFIG)
    absent = split.train[0].patient_id
    others = [
        make_case(f"p{n}", patient_id=f"p{n}", source="home", contrast="T1")
        for n in range(6)
        if f"p{n}" != absent
    ]
    with pytest.raises(ConfigError, match=rf"E-CONF-003.*em\.csv holds no label map of {absent} "):
        with_training_labels(split, others, place="em.csv")


def test_fewer_training_patients_are_among_more_and_the_tests_stay() -> None:
    whole = split_cases(all_cases(), CONFIG)
    everyone = {case.patient_id for case in whole.train}
    before = set[str]()
    for count in range(1, len(everyone) + 1):
        config = CONFIG.model_copy(update={"max_train_patients": count})
        split = split_cases(all_cases(), config)
        chosen = {case.patient_id for case in split.train}
        assert before < chosen <= everyone
        assert len(chosen) == count
        assert (split.validation, split.test) == (whole.validation, whole.test)
        before = chosen


def test_order_of_training_patients_is_drawn() -> None:
    firsts = {
        split_cases(
            all_cases(), CONFIG.model_copy(update={"max_train_patients": 1, "split_seed": seed})
        )
        .train[0]
        .patient_id
        for seed in range(20)
    }
    assert len(firsts) > 1
