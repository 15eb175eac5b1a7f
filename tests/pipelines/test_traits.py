"""What is known of scans: read from any of the tables, and never guessed where it is missing."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from spinesynth.errors import InputError
from spinesynth.pipelines.strata import stratify
from spinesynth.pipelines.traits import _COLUMNS, UNKNOWN, Scan, Traits, read_traits, spider_number
from spinesynth.pipelines.write_phantoms import write_phantom_dataset

MANIFEST = """case_id,patient_id,source,contrast,field_T,SliceThickness,age,sex
a1,a,x,T1,1.5,2,40Y,F
a2,a,x,T2,3.0,4.1,40Y,F
b1,b,x,T1,,4 mm,061Y,M
"""
GRADINGS = """Patient,IVD label,Modic,Pfirrman grade
1,1,0,2
1,2,2,4
2,1,0,5
2,2,,3
"""
OVERVIEW = """new_file_name,sex,MagneticFieldStrength
1_t1,F ,1.5
1_t2,F ,3.0
"""


def _write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)


def test_manifest_gives_what_it_has_columns_of(tmp_path: Path) -> None:
    _write(tmp_path, cases=MANIFEST)
    traits = read_traits(tmp_path / "cases.csv")
    rows = [Scan("a1", "a", "x", "T1"), Scan("a2", "a", "x", "T2"), Scan("b1", "b", "x", "T1")]
    found = {name: [find(row) for row in rows] for name, find in traits.known.items()}
    assert found == {
        "field strength": ["1.5 T", "3 T", UNKNOWN],
        "slice thickness": ["1: up to 2 mm", "3: over 4 mm", "2: over 2 to 4 mm"],
        "age": ["1: up to 40 years", "1: up to 40 years", "3: over 60 years"],
        "sex": ["female", "female", "male"],
    }
    assert traits.absent == ()


def test_absent_columns_are_named(tmp_path: Path) -> None:
    _write(tmp_path, cases="case_id,field_T,sex\na1,1.5,\n")
    # a column without any cell is as good as none
    assert read_traits(tmp_path).absent == ("slice thickness", "age", "sex")
    assert read_traits().absent == ("field strength", "slice thickness", "age", "sex")


def test_tables_of_spider_go_by_number_of_patient_and_contrast(tmp_path: Path) -> None:
    _write(tmp_path, overview=OVERVIEW, gradings=GRADINGS)
    traits = read_traits(overview=tmp_path / "overview.csv", gradings=tmp_path / "gradings.csv")
    first, other = Scan("s1", "spider001", "spider_2d", "T2"), Scan("1", "1", "clinic", "T2")
    assert traits.known["field strength"](first) == "3 T"
    assert traits.known["sex"](first) == "female"
    assert traits.known["highest modic"](first) == "2"
    assert traits.known["highest pfirrman grade"](first) == "4"
    # patient 1 of another source is somebody else
    assert {find(other) for find in traits.known.values()} == {UNKNOWN}
    second = Scan("2_t1", "2", "spider", "T1")
    assert traits.known["highest modic"](second) == "0"  # the empty cell is no grade
    assert traits.known["field strength"](second) == UNKNOWN


def test_manifest_goes_before_the_overview_where_both_know(tmp_path: Path) -> None:
    _write(tmp_path, cases="case_id,field_T\ns1,1.5\ns2,\n", overview=OVERVIEW)
    traits = read_traits(tmp_path, overview=tmp_path / "overview.csv")
    find = traits.known["field strength"]
    assert find(Scan("s1", "spider1", "spider", "T2")) == "1.5 T"
    assert find(Scan("s2", "spider1", "spider", "T2")) == "3 T"


@pytest.mark.parametrize("spider", [False, True])
def test_phantoms_have_age_sex_and_grades(tmp_path: Path, spider: bool) -> None:
    data = write_phantom_dataset(
        tmp_path, patients=1, seed=3, contrasts=("T1",), shape=(3, 32, 32), spider=spider
    )
    traits = read_traits(data)
    patient = "1" if spider else "phantom001"
    scan = Scan("x", patient, "spider" if spider else "phantom", "T1")
    assert traits.known["sex"](scan) in {"female", "male"}
    assert traits.known["highest degeneration"](scan) in set("12345")
    assert traits.known["highest slip"](scan) in set("012")


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"E-IN-001.*no such folder"):
        read_traits(tmp_path / "nothing" / "cases.csv")


@pytest.mark.parametrize(
    ("patient", "source", "number"),
    [
        ("spider005", "spider_t2", "5"),
        ("17", "spider", "17"),
        ("5", "other", ""),
        ("p5", "spider", ""),
    ],
)
def test_number_of_a_spider_patient(patient: str, source: str, number: str) -> None:
    assert spider_number(Scan("c", patient, source, "T1")) == number


def _scores(dice: dict[str, float]) -> pd.DataFrame:
    """Return a long table from patient -> Dice of one T1 scan."""
    return pd.DataFrame(
        [
            {
                "model": "A", "case_id": f"{patient}1", "patient_id": patient, "source": "x",
                "contrast": "T1", "structure": "disc", "metric": "dice", "value": value,
            }
            for patient, value in dice.items()
        ]
    )  # fmt: skip


def test_strata_of_fewer_than_three_patients_have_no_interval() -> None:
    strata = {"a": "1", "b": "1", "c": "1", "d": "2", "e": "2"}
    traits = Traits(known={"highest modic": lambda scan: strata[scan.patient_id]})
    summary = stratify(_scores({"a": 0.6, "b": 0.7, "c": 0.8, "d": 0.4, "e": 0.6}), traits)
    modic = summary[summary["trait"] == "highest modic"].set_index("stratum")
    assert modic["mean"].to_dict() == pytest.approx({"1": 0.7, "2": 0.5})
    assert modic["n_patients"].to_dict() == {"1": 3, "2": 2}
    assert modic["low"].isna().to_dict() == {"1": False, "2": True}
    assert modic["high"].isna().to_dict() == {"1": False, "2": True}


def test_contrast_and_source_are_always_known_and_what_nobody_knows_is_left_out() -> None:
    traits = Traits(known={"sex": lambda scan: UNKNOWN})
    summary = stratify(_scores({"a": 0.6}), traits)
    assert summary[["trait", "stratum"]].to_numpy().tolist() == [
        ["source", "x"],
        ["contrast", "T1"],
    ]


@pytest.mark.parametrize(
    ("age", "thickness", "told"),
    [
        ("063Y", "4.5 mm", ("3: over 60 years", "3: over 4 mm")),
        ("063M", "4 cm", ("1: up to 40 years", UNKNOWN)),  # five years old; 40 mm are no slice
        ("700W", "1.5", ("1: up to 40 years", "1: up to 2 mm")),
        ("063 stone", "mm", (UNKNOWN, UNKNOWN)),
    ],
)
def test_units_of_cells_are_read(age: str, thickness: str, told: tuple[str, str]) -> None:
    named = {name: meaning for name, (_, meaning) in _COLUMNS.items()}
    assert (named["age"](age), named["slice thickness"](thickness)) == told
