"""Who the patient is stands in no table, report, picture or log; on request names do not either."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import pytest

from spinesynth.cli import run
from tests.fabricate import intensities, write_nifti
from tests.io.dicom_files import IDENTITY, content, slices, volume, write_series
from tests.pipelines.tiny_checkpoint import write_checkpoint

NAME = "Quixote_Alonso"
#: What tells who somebody is; the sex alone, a letter, does not.
TELLING = [*(value for value in IDENTITY.values() if len(value) > 1), "Quixote", "Alonso"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("weights") / "m.pt")


def told(folder: Path, words: list[str], *, but: str = "none") -> list[str]:
    """Return which words stand in names or contents of the files of a folder."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != but]
    texts = [str(path.relative_to(folder)).encode() for path in files]
    for path in files:
        data = path.read_bytes()
        texts.append(gzip.decompress(data) if path.suffix == ".gz" else data)
    return [word for word in words if any(word.encode() in text for text in texts)]


def test_digests_stand_for_names_and_no_reason_tells_one(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pydicom")
    scans, out = tmp_path / "scans", tmp_path / "out"
    write_nifti(scans / f"{NAME}.nii.gz", intensities()[:, :20])  # few voxels: a warning
    (scans / f"{NAME}_2.nii").write_bytes(b"no image")
    with zipfile.ZipFile(scans / "b.zip", "w") as archive:
        for number, one in enumerate(slices(*volume())):
            archive.writestr(f"{NAME}/{number}.dcm", content(one)[:-500])
    words = ["predict", "-w", str(weights), "-i", str(scans), "-o", str(out)]
    assert run([*words, "--deidentify"], command="test") == 1
    said = capsys.readouterr()
    assert told(out, TELLING) == []
    assert [word for word in TELLING if word in said.out + said.err] == []
    report = json.loads((out / "run_report.json").read_text())
    done = [case for case in report["cases"] if case["status"] == "done"]
    assert [case["case"][:5] for case in report["cases"]] == ["case-"] * 3
    assert "left out" in done[0]["warnings"][0]
    assert (out / f"{done[0]['case']}_volumes.csv").is_file()
    assert sorted(case["code"] for case in report["cases"] if case not in done) == [
        "E-DCM-018", "E-FMT-001",
    ]  # fmt: skip


def test_names_stand_where_nobody_asks_for_digests(weights: Path, tmp_path: Path) -> None:
    scan = write_nifti(tmp_path / f"{NAME}.nii", intensities())
    words = ["predict", "-w", str(weights), "-i", str(scan), "--no-preview", "-o"]
    assert run([*words, str(tmp_path / "out")], command="test") == 0
    assert told(tmp_path / "out", TELLING) == ["Quixote", "Alonso"]


@pytest.mark.slow  # highdicom takes seconds to be imported
@pytest.mark.parametrize("deidentify", [False, True])
def test_headers_of_slices_are_copied_to_a_dicom_segmentation_alone(
    weights: Path, tmp_path: Path, deidentify: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("highdicom", exc_type=ImportError)
    folder = write_series(tmp_path / ("Quixote" if deidentify else "series"), slices(*volume()))
    words = ["predict", "-w", str(weights), "-i", str(folder), "-o", str(tmp_path / "out")]
    assert run([*words, *(["--deidentify"] if deidentify else [])], command="test") == 0
    said = capsys.readouterr()
    assert told(tmp_path / "out", TELLING, but=".none" if deidentify else ".dcm") == []
    assert [word for word in TELLING if word in said.out + said.err] == []
    assert list((tmp_path / "out").glob("*.dcm"))
