"""Make a report from a run's tables; what was not measured says 'not run'.

No number is typed by hand: everything comes from the CSV and JSON files of the
run's folder, see :mod:`spinesynth.pipelines.results`.
"""

from __future__ import annotations

import base64
import html
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
import pandas as pd

from spinesynth.errors import ConfigError
from spinesynth.io.atomic import write_text
from spinesynth.pipelines.modes import modes_of_models
from spinesynth.pipelines.report_cases import caption_overlays
from spinesynth.pipelines.report_figures import REPORT_FIGURES, write_figures
from spinesynth.pipelines.report_format import compare_side_by_side
from spinesynth.pipelines.report_tables import REPORT_TABLES, ReportTable
from spinesynth.pipelines.results import OVERLAYS, REPORT, Results, read_results
from spinesynth.pipelines.suite_tables import untouched

NOT_RUN = "not run"
_NONE = "none"
_TEMPLATES = Path(__file__).parent / "templates"
_MARKER = re.compile(r"<!-- (?P<kind>table|figure):(?P<name>\S+) (?P<end>begin|end) -->")


@dataclass(frozen=True)
class _Section:
    """One table of the report; ``state`` is the text in its place where there are no rows."""

    name: str
    kind: ReportTable
    state: str
    frame: pd.DataFrame
    markdown: str


@dataclass(frozen=True)
class _Picture:
    """One picture of the report; ``source`` is a link or the picture itself."""

    caption: str
    source: str


def build_report(
    results_dir: Path, output: Path, *, command: str, embed_scans: bool = False
) -> tuple[Path, Path]:
    """Write ``report.md`` and the self-contained ``report.html``.

    Args:
        results_dir: folder of the run.
        output: folder for both files, created if it is missing.
        command: command line that made the report, printed in it.
        embed_scans: whether the HTML holds the pictures of ``overlays`` itself.
            Otherwise it links to them, so that it may be shared without any scan.

    Returns:
        The two files.

    Raises:
        InputError: if the folder is missing or a table is damaged.
        OutputError: if a file cannot be written.
    """
    results = read_results(results_dir)
    output.mkdir(parents=True, exist_ok=True)
    figures = write_figures(results)
    overlays = sorted((results_dir / OVERLAYS).glob("*.png"))
    captions = caption_overlays(results)
    sections = [_section(name, results) for name in REPORT_TABLES]
    context = {
        "command": command,
        "run": results_dir.resolve().name,
        "modes": modes_of_models(results.manifest or {}),
        "starts": _starts(results.manifest or {}),
        "pseudo": _pseudo(results.manifest or {}),
        "sections": [section for section in sections if not section.kind.after],
        "closing": [section for section in sections if section.kind.after],
        "not_run": NOT_RUN,
        "scans_inside": embed_scans,
    }

    def link(path: Path) -> str:
        return _relative_link(path, output)

    written = []
    for name, show, show_scan in (
        ("report.md", link, link),
        ("report.html", _inline, _inline if embed_scans else link),
    ):
        pictures: dict[str, Any] = {
            "figures": [_Picture(REPORT_FIGURES[n].caption, show(p)) for n, p in figures.items()],
            "overlays": [
                _Picture(captions.get(path.stem, path.stem), show_scan(path)) for path in overlays
            ],
        }
        written.append(_write(output / name, _render(name, context | pictures)))
    return written[0], written[1]


def _pseudo(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what a record says of pseudo-labels; of folds, how many train in each."""
    pseudo = record.get("pseudo_labels")
    if not pseudo or not isinstance(pseudo["cases"], list):
        return pseudo
    least, most = min(pseudo["cases"]), max(pseudo["cases"])
    return {**pseudo, "cases": str(least) if least == most else f"{least} to {most}"}


def _starts(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the checkpoints that a run started from, each once; folds have several."""
    told = record.get("started_from") or []
    starts = [start for start in (told if isinstance(told, list) else [told]) if start]
    return list({start["sha256"]: start for start in starts}.values())


def _render(name: str, context: dict[str, object]) -> str:
    """Fill the template of one file; HTML escapes what the tables hold."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), undefined=jinja2.StrictUndefined,
        autoescape=name.endswith(".html"), trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip
    return environment.get_template(f"{name}.j2").render(context)


def fill_report(template_path: Path, output_path: Path, results_dir: Path) -> None:
    """Fill tables and figures between the markers of a hand-written report.

    A marker pair is ``<!-- table:NAME begin -->`` and ``<!-- table:NAME end -->``,
    or the same with ``figure``. Everything outside stays as it is, and filling
    twice changes nothing.

    Args:
        template_path: Markdown with markers.
        output_path: where the filled text goes; may be ``template_path``.
        results_dir: folder of the run.

    Raises:
        ConfigError: if a marker's name is unknown, or a marker has no partner.
        InputError: if the folder is missing or a table is damaged.
        OutputError: if the file cannot be written.
    """
    if not template_path.is_file():
        raise ConfigError(
            f"{template_path}: no such file; name the report to fill", code="E-REPORT-001"
        )
    text = template_path.read_text(encoding="utf-8")
    pairs = _marker_pairs(text, template_path)
    results = read_results(results_dir)
    wanted = dict.fromkeys(begin["name"] for begin, _ in pairs if begin["kind"] == "figure")
    figures = write_figures(results, wanted)
    filled, position = [], 0
    for begin, end in pairs:
        name = begin["name"]
        if begin["kind"] == "table":
            content = _section(name, results).markdown
        elif name in figures:
            link = _relative_link(figures[name], output_path.parent)
            content = f"![{REPORT_FIGURES[name].caption}]({link})"
        else:
            content = f"*{NOT_RUN}*"
        filled.append(f"{text[position : begin.end()]}\n{content}\n")
        position = end.start()
    _write(output_path, "".join(filled) + text[position:])


def conclude(folder: Path, *, command: str) -> str:
    """Write the report of a finished run and return what a terminal shows of it.

    Args:
        folder: of the run; the report goes into ``report`` in it.
        command: that made the run.

    Returns:
        The models' scores side by side, and where the report is.

    Raises:
        InputError: if a table is damaged.
        OutputError: if a file cannot be written.
    """
    report, page = build_report(folder, folder / REPORT, command=command)
    results = read_results(folder)
    scores = format_comparison(untouched(results) if results.metrics is None else results.metrics)
    return f"{scores}\n\nReport: {page}\n        {report}\n"


def format_comparison(table: pd.DataFrame | None) -> str:
    """Return the models' scores side by side as plain text for a terminal.

    Args:
        table: long table of scores; None where nothing was scored.

    Returns:
        One line for each source, contrast and structure, under a header; means
        with the 95 % interval of Dice.
    """
    standard = None if table is None else table[table["condition"] == "standard"]
    if standard is None or standard.empty:
        return NOT_RUN
    frame = compare_side_by_side(standard, ["source", "contrast", "structure"])
    frame = frame.drop(columns="Undefined scans")
    for column in frame.columns[frame.columns.str.endswith("(mm)")]:
        frame[column] = frame[column].str.split(" [", regex=False).str[0]  # fits a terminal
    return frame.to_string(index=False, justify="left")


def _section(name: str, results: Results) -> _Section:
    """Build one table, or the words in its place."""
    kind = REPORT_TABLES[name]
    frame = kind.build(results)
    if frame is None or frame.empty:
        state = NOT_RUN if frame is None else _NONE
        return _Section(name, kind, state, pd.DataFrame(), f"*{state}*")
    return _Section(name, kind, "", frame, _markdown_table(frame))


def _markdown_table(frame: pd.DataFrame) -> str:
    """Return a frame of text as a Markdown table."""
    lines = [list(frame.columns), ["---"] * len(frame.columns), *frame.to_numpy().tolist()]
    return "\n".join(f"| {' | '.join(_markdown_cell(cell) for cell in line)} |" for line in lines)


def _markdown_cell(text: str) -> str:
    """Return text that neither ends the cell nor becomes markup."""
    plain = html.escape(" ".join(text.split()), quote=False)
    plain = re.sub(r"([\\|*`])", r"\\\1", plain)
    plain = re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\_", plain)  # in a word it is plain
    return plain.replace("](", r"]\(")  # brackets alone are plain, with this a link


def _marker_pairs(text: str, path: Path) -> list[tuple[re.Match[str], re.Match[str]]]:
    """Return begin and end of each marker, in order, all of them known and closed."""
    names = {"table": list(REPORT_TABLES), "figure": list(REPORT_FIGURES)}
    markers = list(_MARKER.finditer(text))
    for marker in markers:
        valid = names[marker["kind"]]
        if marker["name"] not in valid:
            raise ConfigError(
                f"{path}: {marker['kind']} name must be one of {', '.join(valid)}, "
                f"got {marker['name']!r}; correct the marker",
                code="E-REPORT-002",
            )
    pairs = list(zip(markers[::2], markers[1::2], strict=False))
    closed = all(
        (begin["kind"], begin["name"], begin["end"], end["end"])
        == (end["kind"], end["name"], "begin", "end")
        for begin, end in pairs
    )
    if not closed or len(markers) % 2:
        raise ConfigError(
            f"{path}: every begin marker needs an end marker of the same name behind it, "
            f"got {', '.join(m.group() for m in markers)}; complete them",
            code="E-REPORT-003",
        )
    return pairs


def _relative_link(path: Path, folder: Path) -> str:
    """Return a link from a file in ``folder`` to ``path``."""
    link = Path(os.path.relpath(path.resolve(), folder.resolve()))
    return quote(os.fsencode(link.as_posix()))


def _inline(path: Path) -> str:
    """Return a picture as a data address."""
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"


def _write(path: Path, text: str) -> Path:
    """Write text and return its place."""
    write_text(path, text)
    return path
