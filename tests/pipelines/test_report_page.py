"""The page of a report: what it folds, names and prints, and its bytes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from spinesynth.pipelines.report import build_report
from spinesynth.pipelines.report_figures import REPORT_FIGURES
from spinesynth.pipelines.results import OVERLAYS
from tests.pipelines.fabricated_run import write_run

PNG = b"\x89PNG\r\n\x1a\n a scan"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return every file of a report."""
    return _build_anew(tmp_path_factory.mktemp("report"))


def _build_anew(place: Path) -> dict[str, bytes]:
    """Return every file of the report of a complete run that was written to a place."""
    folder = write_run(place / "invented")
    (folder / OVERLAYS).mkdir()
    (folder / OVERLAYS / "A.png").write_bytes(PNG)
    build_report(folder, folder / "report", command="c", embed_scans=True)
    files = [*(folder / "report").iterdir(), *(folder / "curves").iterdir()]
    return {path.name: path.read_bytes() for path in files}


@pytest.mark.slow
def test_two_reports_are_the_same_bytes(made: dict[str, bytes], tmp_path: Path) -> None:
    assert set(made) == {"report.md", "report.html", *(f"{name}.png" for name in REPORT_FIGURES)}
    again = _build_anew(tmp_path)
    assert again == made


@pytest.mark.slow
def test_every_process_makes_the_same_report(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from spinesynth.pipelines.report import build_report; "
        "build_report(Path('run'), Path('out'), command='c')"
    )
    pages = []
    for seed in ("1", "2"):  # sets and dictionaries of text in another order
        place = tmp_path / seed
        write_run(place / "run")
        path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": path}
        subprocess.run([sys.executable, "-c", code], cwd=place, env=environment, check=True)
        pages.append((place / "out" / "report.html").read_bytes())
    assert pages[0] == pages[1]


def test_the_page_folds_the_configuration_and_prints(made: dict[str, bytes]) -> None:
    text = made["report.html"].decode()
    folded = text.split("<details>")[1].split("</details>")[0]
    assert text.count("<details>") == 1
    assert "<td>data.split_seed</td><td>3</td>" in folded
    assert "<td>data.split_seed</td>" not in text.replace(folded, "")
    assert "@media print" in text
    assert text.startswith("<!DOCTYPE html>\n")


def test_pictures_of_cases_name_them(made: dict[str, bytes]) -> None:
    for name in ("report.html", "report.md"):
        text = made[name].decode()
        assert re.search(r"Model A\. Mean Dice of all structures, best: \S+ \(0\.\d{3}\);", text)


def test_results_come_before_figures_and_figures_before_limits(made: dict[str, bytes]) -> None:
    text = made["report.md"].decode()
    titles = re.findall(r"^## (.*)$", text, re.MULTILINE)
    order = ["Data", "Leak check", "Figures", "Failures", "Limits", "CLAIM checklist"]
    assert [title for title in titles if title in order] == order
    assert titles[-1] == "Configuration"
