"""Tables are read as they are written, without guesses, and written whole."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinesynth.errors import OutputError
from spinesynth.io.problems import InputFileError
from spinesynth.io.tables import path_in_table, read_ids_csv, write_csv


def save(folder: Path, content: str | bytes) -> Path:
    path = folder / "table.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_identifiers_stay_text(tmp_path: Path) -> None:
    frame = read_ids_csv(save(tmp_path, "id,x\n001,NA\n1e3,null\nTrue, nan \n,\n-,\n"))
    assert frame["id"].tolist() == ["001", "1e3", "True", "-"]
    assert frame["x"].tolist() == ["NA", "null", "nan", ""]
    assert frame.index.tolist() == [2, 3, 4, 6]  # line 5 is blank


@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_byte_order_mark_and_line_ends_do_not_matter(
    tmp_path: Path, prefix: bytes, newline: str
) -> None:
    path = save(tmp_path, prefix + newline.join(['id,"a, b"', "1,2", ""]).encode())
    assert read_ids_csv(path).to_dict("list") == {"id": ["1"], "a, b": ["2"]}


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ("", "E-IN-002", "the file is empty"),
        ("\n\n", "E-CSV-002", "no header line"),
        ("a,b,a\n1,2,3\n", "E-CSV-002", "column a stands twice"),
        ("a,b\n1,2\n1,2,3\n", "E-CSV-003", "line 3 has 3 cells, the header has 2"),
        ("a,b\n1\n", "E-CSV-003", "line 2 has 1 cells, the header has 2"),
        ('a,b\n"1\n2",3\n4\n', "E-CSV-003", "line 4 has 1 cells"),
        ("a;b\n1;2\n", "E-CSV-001", "separated by ';'; export the table with commas"),
        (b"a,b\n\xff\xfe,1\n", "E-CSV-001", "not a CSV table in UTF-8"),
        (b"a,b\n\0,1\n", "E-CSV-001", "NUL character"),
        ('a,b\n"1,2\n', "E-CSV-001", "line 2: unexpected end of data"),
    ],
)
def test_broken_table_is_refused_with_its_line(
    tmp_path: Path, content: str | bytes, code: str, words: str
) -> None:
    with pytest.raises(InputFileError, match=words) as caught:
        read_ids_csv(save(tmp_path, content))
    assert caught.value.code == code
    assert "table.csv" in str(caught.value)


def test_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match=r"none\.csv: no such file"):
        read_ids_csv(tmp_path / "none.csv")
    with pytest.raises(InputFileError, match="not a regular file"):
        read_ids_csv(tmp_path)


def test_written_table_has_fixed_bytes(tmp_path: Path) -> None:
    frame = pd.DataFrame({"case": ["a", "b"], "n": [1, 2], "dice": [1 / 3, float("nan")]})
    write_csv(tmp_path / "a.csv", frame)
    assert (tmp_path / "a.csv").read_bytes() == b"case,n,dice\na,1,0.333333\nb,2,\n"
    assert frame["dice"].iloc[0] == 1 / 3  # the caller's frame is left alone


@pytest.mark.parametrize("cell", ["=HYPERLINK(1)", "+cmd", "@SUM(A1)", "-2+3", "\t=1"])
def test_formula_is_written_as_text(tmp_path: Path, cell: str) -> None:
    write_csv(tmp_path / "a.csv", pd.DataFrame({"id": [cell]}))
    assert pd.read_csv(tmp_path / "a.csv")["id"].tolist() == ["'" + cell]


@pytest.mark.parametrize("cell", ["-1.5", "+2", "a=b", ""])
def test_harmless_text_is_written_as_it_is(tmp_path: Path, cell: str) -> None:
    write_csv(tmp_path / "a.csv", pd.DataFrame({"id": ["x", cell], "n": [1, 2]}))
    assert read_ids_csv(tmp_path / "a.csv")["id"].tolist() == ["x", cell]


@given(
    cells=st.lists(
        st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=6).map(str.strip),
        min_size=1,
        max_size=5,
    ).filter(lambda cells: not any(cell[:1] in set("=+-@") for cell in cells))
)
def test_text_survives_writing_and_reading(
    tmp_path_factory: pytest.TempPathFactory, cells: list[str]
) -> None:
    path = tmp_path_factory.mktemp("round") / "a.csv"
    write_csv(path, pd.DataFrame({"id": cells, "n": range(len(cells))}))
    assert read_ids_csv(path)["id"].tolist() == cells


def test_unwritable_folder_gives_one_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="could not be written"):
        write_csv(tmp_path / "none" / "a.csv", pd.DataFrame({"a": [1]}))


def test_name_that_is_not_utf8_stands_escaped_where_it_is_only_told(tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", pd.DataFrame({"file": [os.fsdecode(b"sc\xffn.nii")]}))
    assert (tmp_path / "t.csv").read_bytes() == b"file\nsc\\udcffn.nii\n"


def test_path_that_a_table_cannot_name_is_refused(tmp_path: Path) -> None:
    scan = tmp_path / os.fsdecode(b"in\xff") / "scan ü.nii"
    with pytest.raises(InputFileError, match=r"E-IN-006.*not UTF-8.*; rename the file or the f"):
        path_in_table(scan, tmp_path / "out")
    assert path_in_table(scan, scan.parent / "out") == "../scan ü.nii"
