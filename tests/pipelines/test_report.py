"""Reports hold the tables' numbers, invent none, and leave prose alone."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from spinesynth.errors import ConfigError, InputError
from spinesynth.io.tables import write_csv
from spinesynth.metrics import HEADLINE_METRICS, METRICS
from spinesynth.pipelines.evaluate import FAILURE_COLUMNS, LONG_COLUMNS
from spinesynth.pipelines.report import build_report, fill_report, format_comparison
from spinesynth.pipelines.report_figures import REPORT_FIGURES
from spinesynth.pipelines.report_tables import REPORT_TABLES
from spinesynth.pipelines.results import (
    FAILURES_CSV,
    METRICS_CSV,
    OVERLAYS,
    ROBUSTNESS_CSV,
    RUN_JSON,
    TABLES,
    read_results,
)
from tests.pipelines.fabricated_run import write_run, write_scores

PNG = b"\x89PNG\r\n\x1a\n a scan"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a complete run with its report beside it."""
    folder = write_run(tmp_path_factory.mktemp("results") / "invented")
    (folder / OVERLAYS).mkdir()
    (folder / OVERLAYS / "A.png").write_bytes(PNG)
    build_report(folder, folder, command="spinesynth report <b>x</b>")
    return folder


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run with a few scores and one picture of a scan."""
    folder = write_scores(tmp_path_factory.mktemp("results") / "few")
    (folder / OVERLAYS).mkdir()
    (folder / OVERLAYS / "A.png").write_bytes(PNG)
    return folder


def _long(*rows: tuple[str, str, str, float]) -> pd.DataFrame:
    """Return a long table from (model, patient, metric, value) of discs in T2_SPACE."""
    return pd.DataFrame(
        [
            ("t", model, patient, patient, "s", "T2_SPACE", "standard", 1.0, "disc", metric, value,
             METRICS[metric].unit)
            for model, patient, metric, value in rows
        ],
        columns=list(LONG_COLUMNS),
    )  # fmt: skip


def _table(folder: Path, name: str, table: pd.DataFrame) -> list[dict[str, str]]:
    """Return the rows of a report's table made from one long table."""
    (folder / TABLES).mkdir(exist_ok=True)
    write_csv(folder / METRICS_CSV, table)
    frame = REPORT_TABLES[name].build(read_results(folder))
    assert frame is not None
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


class _Page(HTMLParser):
    """Collect headings, addresses and tags of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_report_has_every_section_and_the_command(run: Path) -> None:
    text = (run / "report.md").read_text(encoding="utf-8")
    for table in REPORT_TABLES.values():
        assert f"## {table.title}\n" in text
    assert "spinesynth report <b>x</b>" in text
    assert "not run" not in text


def test_the_page_needs_nothing_but_itself(run: Path) -> None:
    text = (run / "report.html").read_text(encoding="utf-8")
    page = _Page(text)
    outside = [a for a in page.addresses if not a.startswith(("#", "data:image/png;base64,"))]
    assert "holds pictures of scans" not in text
    assert outside == ["overlays/A.png"]  # pictures of scans are linked, never inside
    assert "script" not in page.tags
    assert sum(a.startswith("data:") for a in page.addresses) == len(REPORT_FIGURES)


def test_scans_go_into_the_page_only_on_request(scores: Path, tmp_path: Path) -> None:
    _, page = build_report(scores, tmp_path, command="c", embed_scans=True)
    text = page.read_text(encoding="utf-8")
    assert all(a.startswith(("#", "data:")) for a in _Page(text).addresses)
    assert "holds pictures of scans" in text


def test_text_from_tables_and_command_line_is_escaped(run: Path) -> None:
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "cut short | &lt;copy it again&gt;" in page
    markdown = (run / "report.md").read_text(encoding="utf-8")
    assert r"cut short \| &lt;copy it again&gt;" in markdown


def test_figures_of_the_run_are_written_beside_its_tables(run: Path) -> None:
    names = sorted(path.stem for path in (run / "curves").glob("*.png"))
    assert names == sorted(REPORT_FIGURES)


def test_what_was_not_measured_says_so_and_no_number(tmp_path: Path) -> None:
    for path in build_report(tmp_path, tmp_path / "out", command="c"):
        text = path.read_text(encoding="utf-8")
        # one for each table, the figures and the overlays
        assert len(re.findall(r"\*not run\*|>not run<", text)) == len(REPORT_TABLES) + 2
        assert "<td" not in text
        assert "|" not in text


def test_no_failure_is_not_the_same_as_not_run(tmp_path: Path) -> None:
    (tmp_path / TABLES).mkdir()
    write_csv(tmp_path / FAILURES_CSV, pd.DataFrame(columns=list(FAILURE_COLUMNS)))
    markdown, _ = build_report(tmp_path, tmp_path, command="c")
    section = markdown.read_text(encoding="utf-8").split("## Failures")[1].split("## ")[0]
    assert "*none*" in section
    assert "not run" not in section


def test_comparison_shows_means_intervals_and_counts(tmp_path: Path) -> None:
    table = _long(
        ("A", "p", "dice", 0.5), ("A", "q", "dice", 0.9), ("A", "r", "dice", math.nan),
        ("B", "p", "dice", 0.25), ("A", "p", "hd95", 3.0), ("B", "p", "hd95", 4.0),
    )  # fmt: skip
    (row,) = _table(tmp_path, "comparison", table)
    # two patients: a resampled mean is 0.5, 0.7 or 0.9, the ends each a quarter of the time
    assert row == {
        "Source": "s", "Contrast": "T2_SPACE", "Structure": "disc", "Patients": "A 2, B 1",
        "A Dice": "0.700 [0.500, 0.900]", "B Dice": "0.250", "A HD95 (mm)": "3.00",
        "B HD95 (mm)": "4.00", "Undefined scans": "A 1, B 0",
    }  # fmt: skip


HEADLINE = (("A", "p", "dice", 0.5), ("B", "p", "dice", 0.25), ("A", "p", "hd95", 3.0))


def test_further_metrics_have_a_table_of_their_own(tmp_path: Path) -> None:
    further = (
        ("A", "p", "volume_error", -1.5), ("A", "q", "volume_error", 0.5), ("B", "p", "iou", 0.25),
        ("A", "p", "iou", math.nan),
    )  # fmt: skip
    rows = _table(tmp_path, "further_metrics", _long(*HEADLINE, *further))
    place = {"Source": "s", "Contrast": "T2_SPACE", "Structure": "disc"}
    assert rows == [
        place | {"Model": "A", "Patients": "2", "IoU": "–",
                 "Volume error (ml)": "-0.50 [-1.50, 0.50]"},
        place | {"Model": "B", "Patients": "1", "IoU": "0.250", "Volume error (ml)": "–"},
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["comparison", "statistics", "contrast_shift", "worst_cases"])
def test_further_metrics_change_no_other_table(tmp_path: Path, name: str) -> None:
    headline = _long(*HEADLINE)
    every = _long(*HEADLINE, *(("A", "p", m, 0.5) for m in METRICS if m not in HEADLINE_METRICS))
    assert _table(tmp_path, name, every) == _table(tmp_path, name, headline)


def test_runs_without_further_metrics_say_so(tmp_path: Path) -> None:
    (tmp_path / TABLES).mkdir()
    write_csv(tmp_path / METRICS_CSV, _long(*HEADLINE))
    assert REPORT_TABLES["further_metrics"].build(read_results(tmp_path)) is None


def test_contrasts_are_groups_of_their_own(tmp_path: Path) -> None:
    space = _long(("A", "p", "dice", 0.5))
    table = pd.concat([space, space.assign(contrast="T2", case_id="p2", value=0.25)])
    rows = _table(tmp_path, "contrast_shift", table)
    assert [(row["Contrast"], row["Dice disc"]) for row in rows] == [
        ("T2", "0.250"),
        ("T2_SPACE", "0.500"),
    ]


def test_statistics_state_difference_and_adjusted_p(tmp_path: Path) -> None:
    patients = [f"p{n}" for n in range(8)]
    disc = _long(
        *(("A", p, "dice", 0.6 + n / 100) for n, p in enumerate(patients)),
        *(("B", p, "dice", 0.5) for p in patients),
    )
    rows = _table(tmp_path, "statistics", pd.concat([disc, disc.assign(structure="canal")]))
    # eight differences of one sign: p = 2 / 2**8 = 0.0078, twice that for two tests
    assert [(r["Structure"], r["p"], r["p (Holm)"], r["Patients"]) for r in rows] == [
        ("disc", "0.008", "0.016", "8"),
        ("canal", "0.008", "0.016", "8"),
    ]
    assert rows[0]["Compared"] == "A - B"
    assert rows[0]["Mean difference"].startswith("0.135 [")


def test_worst_cases_come_first(tmp_path: Path) -> None:
    rows = _table(
        tmp_path, "worst_cases", _long(*(("A", f"p{n}", "dice", n / 10) for n in range(7)))
    )
    assert [row["Case"] for row in rows] == ["p0", "p1", "p2", "p3", "p4"]
    assert rows[1]["Lowest Dice"] == "0.100"


def test_robustness_states_score_drop_and_voxel_size(tmp_path: Path) -> None:
    original = _long(("A", "p", "dice", 0.8)).assign(condition="in_plane_factor")
    at_2 = original.assign(severity=2.0, value=0.6)
    voxel = at_2.assign(structure="image", metric="resolution", value=1.5, unit="mm")
    (tmp_path / TABLES).mkdir()
    write_csv(tmp_path / ROBUSTNESS_CSV, pd.concat([original, at_2, voxel]))
    results = read_results(tmp_path)
    robustness, resolution = (
        REPORT_TABLES[name].build(results) for name in ("robustness", "resolution")
    )
    assert robustness is not None
    assert resolution is not None
    (row,) = robustness.to_dict("records")
    assert (row["Condition"], row["Factor"]) == ("in-plane", "2")
    assert (row["Dice"], row["Robustness score"], row["Absolute drop"]) == (
        "0.600", "0.750", "0.200",
    )  # fmt: skip
    assert resolution[["Factor", "Voxel (mm)", "A Dice"]].to_numpy().tolist() == [
        ["1", "–", "0.800"],
        ["2", "1.50", "0.600"],
    ]


def test_manifest_is_listed_entry_by_entry(run: Path) -> None:
    frame = REPORT_TABLES["manifest"].build(read_results(run))
    assert frame is not None
    assert ["versions.torch", "2.13.0"] in frame.to_numpy().tolist()
    assert ["threads", "1, 2"] in frame.to_numpy().tolist()


def test_terminal_table_has_one_line_for_each_group() -> None:
    text = format_comparison(_long(("A", "p", "dice", 0.75), ("B", "p", "dice", 0.5)))
    header, line = text.splitlines()
    names = ["source", "contrast", "structure", "Patients", "A Dice", "B Dice"]
    assert header.split() == " ".join([*names, "A HD95 (mm)", "B HD95 (mm)"]).split()
    assert line.split() == ["s", "T2_SPACE", "disc", "1", "0.750", "0.500", "–", "–"]


def test_terminal_table_without_scores_says_not_run() -> None:
    assert format_comparison(pd.DataFrame(columns=list(LONG_COLUMNS))) == "not run"


TEMPLATE = """# Analysis

Prose before, with <!-- a comment --> and | a pipe.

<!-- table:comparison begin -->
old numbers
<!-- table:comparison end -->

Prose between.

<!-- figure:dice begin --><!-- figure:dice end -->

Prose after.
"""


def test_filling_replaces_only_what_is_between_markers(scores: Path, tmp_path: Path) -> None:
    template, output = tmp_path / "template.md", tmp_path / "filled.md"
    template.write_text(TEMPLATE, encoding="utf-8")
    fill_report(template, output, scores)
    text = output.read_text(encoding="utf-8")
    assert "old numbers" not in text
    assert "| Source | Contrast | Structure | Patients | A Dice | B Dice |" in text
    for prose in re.split(r"<!-- (?:table|figure):.*?-->(?:\nold numbers\n)?", TEMPLATE):
        assert prose in text
    assert template.read_text(encoding="utf-8") == TEMPLATE


def test_filled_links_lead_to_the_figure(scores: Path, tmp_path: Path) -> None:
    template = tmp_path / "report.md"
    template.write_text(TEMPLATE, encoding="utf-8")
    fill_report(template, template, scores)
    (link,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", template.read_text(encoding="utf-8"))
    assert not link.startswith("/")
    assert (tmp_path / link).resolve() == (scores / "curves" / "dice.png").resolve()


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux alone")
def test_folder_that_is_not_utf8_is_linked_byte_for_byte(scores: Path, tmp_path: Path) -> None:
    run = tmp_path / os.fsdecode(b"run\xff")
    shutil.copytree(scores, run)
    template = tmp_path / "report.md"
    template.write_text(TEMPLATE, encoding="utf-8")
    fill_report(template, template, run)
    assert "](run%FF/curves/dice.png)" in template.read_text(encoding="utf-8")


def test_filling_twice_changes_nothing(scores: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.md"
    report.write_text(TEMPLATE, encoding="utf-8")
    fill_report(report, report, scores)
    once = report.read_bytes()
    fill_report(report, report, scores)
    assert report.read_bytes() == once


def test_filling_without_results_says_not_run(tmp_path: Path) -> None:
    report = tmp_path / "report.md"
    report.write_text(TEMPLATE, encoding="utf-8")
    (tmp_path / "empty").mkdir()
    fill_report(report, report, tmp_path / "empty")
    assert report.read_text(encoding="utf-8").count("*not run*") == 2


@pytest.mark.parametrize("kind", ["table", "figure"])
def test_an_unknown_marker_lists_the_valid_names(tmp_path: Path, kind: str) -> None:
    report = tmp_path / "report.md"
    report.write_text(f"<!-- {kind}:dicee begin --><!-- {kind}:dicee end -->")
    valid = ", ".join(REPORT_TABLES if kind == "table" else REPORT_FIGURES)
    with pytest.raises(ConfigError, match=f"{kind} name must be one of {valid}, got 'dicee'"):
        fill_report(report, report, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "<!-- table:comparison begin -->",
        "<!-- table:comparison end --><!-- table:comparison begin -->",
        "<!-- table:comparison begin --><!-- table:failures end -->",
        "<!-- table:training begin --><!-- figure:training end -->",
        "<!-- table:training begin --><!-- table:training begin --><!-- table:training end -->"
        "<!-- table:training end -->",
    ],
)
def test_a_marker_without_partner_is_refused(tmp_path: Path, text: str) -> None:
    report = tmp_path / "report.md"
    report.write_text(text)
    with pytest.raises(ConfigError, match="every begin marker needs an end marker"):
        fill_report(report, report, tmp_path)
    assert report.read_text() == text


def test_a_missing_template_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.md: no such file"):
        fill_report(tmp_path / "gone.md", tmp_path / "out.md", tmp_path)


def test_a_damaged_run_gives_no_report(tmp_path: Path) -> None:
    (tmp_path / RUN_JSON).write_text(json.dumps([1]))
    with pytest.raises(InputError, match=r"run\.json: must hold one JSON object"):
        build_report(tmp_path, tmp_path / "out", command="c")
    assert not (tmp_path / "out").exists()
