"""No patient is ever in two splits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinesynth.io.case import Case
from spinesynth.io.problems import InputFileError
from spinesynth.io.splits import check_split, find_split_patients, split_patients


def case(patient: str, contrast: str = "T1", subset: str = "") -> Case:
    name = f"{patient}_{contrast}"
    return Case(
        case_id=name,
        patient_id=patient,
        source="made",
        contrast=contrast,
        annotated=frozenset({"disc"}),
        scheme="parts",
        image=Path(f"{name}.mha"),
        label=Path(f"{name}_label.mha"),
        subset=subset,
    )


def cases(count: int) -> list[Case]:
    return [case(f"p{k}", contrast) for k in range(count) for contrast in ("T1", "T2")]


@given(
    count=st.integers(2, 40),
    seed=st.integers(0, 2**32),
    fraction=st.floats(0.05, 0.95),
)
def test_split_parts_patients_and_loses_no_case(count: int, seed: int, fraction: float) -> None:
    if round(fraction * count) >= count:
        fraction = 0.5
    split = split_patients(cases(count), seed=seed, test_fraction=fraction)
    patients = {name: {one.patient_id for one in part} for name, part in split.items()}
    assert patients["train"] & patients["test"] == set()
    assert sorted(one.case_id for part in split.values() for one in part) == sorted(
        one.case_id for one in cases(count)
    )
    assert len(patients["test"]) == max(1, round(fraction * count))
    check_split(split)


def test_counts_name_the_sets() -> None:
    split = split_patients(cases(10), seed=1, counts={"test": 3, "validation": 2})
    assert {name: len(part) for name, part in split.items()} == {
        "train": 10,
        "test": 6,
        "validation": 4,
    }


def test_split_depends_on_the_seed_alone_not_on_the_order() -> None:
    first = split_patients(cases(20), seed=1, test_fraction=0.3)
    again = split_patients(cases(20)[::-1], seed=1, test_fraction=0.3)
    other = split_patients(cases(20), seed=2, test_fraction=0.3)
    assert set(first["test"]) == set(again["test"])
    assert set(first["test"]) != set(other["test"])


def test_one_patient_more_moves_at_most_one_other() -> None:
    few = {one.patient_id for one in split_patients(cases(20), seed=3, counts={"test": 6})["test"]}
    more = {one.patient_id for one in split_patients(cases(21), seed=3, counts={"test": 6})["test"]}
    assert len(few - more) <= 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "exactly one of test_fraction and counts"),
        ({"test_fraction": 0.5, "counts": {"test": 1}}, "exactly one"),
        ({"test_fraction": 1.0}, r"must be in \(0, 1\), got 1.0"),
        ({"counts": {"test": 0}}, "at least 1"),
        ({"counts": {"train": 1}}, "other than 'train'"),
        ({"counts": {"test": 3}}, "leave no patient for 'train' among 3; ask for fewer"),
    ],
)
def test_impossible_split_is_refused(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        split_patients(cases(3), seed=0, **arguments)  # type: ignore[arg-type]  # on purpose


def test_patient_in_two_splits_is_refused_with_both_names() -> None:
    split = {"train": [case("p1"), case("p2")], "test": [case("p1", "T2")]}
    with pytest.raises(
        InputFileError, match=r"patient p1 is in two splits, 'train' and 'test' .*; keep all cases"
    ) as caught:
        check_split(split)
    assert caught.value.code == "E-SPLIT-001"


def test_file_in_two_splits_is_refused_whatever_the_patient_is_called() -> None:
    twin = replace(case("p1"), patient_id="p2", case_id="copy")
    with pytest.raises(InputFileError, match=r"p1_T1\.mha is in two splits") as caught:
        check_split({"train": [case("p1")], "test": [twin]})
    assert caught.value.code == "E-SPLIT-001"


def test_each_parted_patient_of_a_source_is_reported_once(tmp_path: Path) -> None:
    found = find_split_patients(
        tmp_path / "overview.csv",
        [
            case("p1", "T1", "training"),
            case("p1", "T2", "validation"),
            case("p1", "PD", "validation"),
            case("p2", "T1", "training"),
            case("p2", "T2", ""),
        ],
    )
    assert [problem.code for problem in found] == ["E-SPLIT-001"]
    assert "patient p1" in str(found[0])
    assert "overview.csv" in str(found[0])
