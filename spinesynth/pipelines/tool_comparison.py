"""Score what several tools predicted with the same code, side by side.

Everything is read and checked before anything is written: one error lists all that is
wrong with the data and the predictions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from spinesynth.anatomy.annotation import report_groups, words_of
from spinesynth.anatomy.label_schemes import get_scheme
from spinesynth.errors import ConfigError, InputError
from spinesynth.few import name_few
from spinesynth.io.case import Case
from spinesynth.io.discover import scan_cases
from spinesynth.io.file_digest import digest_file
from spinesynth.io.load_case import LoadedCase, load_case
from spinesynth.io.tables import write_csv
from spinesynth.pipelines.evaluate import (
    FAILURE_COLUMNS,
    LONG_COLUMNS,
    Evaluation,
    concatenate,
    evaluate_cases,
)
from spinesynth.pipelines.experiment import remove_outputs, write_evaluation
from spinesynth.pipelines.instance_evaluation import (
    INSTANCE_COLUMNS,
    KINDS,
    InstanceEvaluation,
    evaluate_instances,
)
from spinesynth.pipelines.leak_guard import (
    contents_of,
    find_learnt,
    find_seen_patients,
    leak_error,
)
from spinesynth.pipelines.nnunet_record import is_nnunet_record, read_nnunet_record
from spinesynth.pipelines.report import conclude
from spinesynth.pipelines.report_figures import REPORT_FIGURES
from spinesynth.pipelines.results import (
    CURVES,
    DETECTION_CSV,
    FAILURES_CSV,
    INSTANCES_CSV,
    METRICS_CSV,
    REPORT,
    RUN_JSON,
    read_results,
)
from spinesynth.pipelines.run_lock import hold_folder
from spinesynth.pipelines.run_record import describe_run, write_json
from spinesynth.pipelines.tool_predictions import (
    Learnt,
    ToolPredictions,
    find_predictions,
    refuse_missing,
)

#: Key of the record that tells a comparison from other runs.
_TOOLS = "tools"
#: Longest list of files that an error message spells out.
_MAX_LISTED = 5
#: All that a comparison leaves in its folder.
_OUTPUTS = frozenset(
    {
        *(RUN_JSON, METRICS_CSV, FAILURES_CSV, DETECTION_CSV, INSTANCES_CSV),
        *(CURVES / f"{name}.png" for name in REPORT_FIGURES),
        *(REPORT / name for name in ("report.md", "report.html")),
    }
)


def compare_tools(
    folders: Sequence[Path],
    schemes: Sequence[str],
    *,
    data: Path,
    folder: Path,
    command: str,
    names: Sequence[str] = (),
    suffixes: Sequence[str] = (),
    sources: Sequence[str] | None = None,
    allow_missing: bool = False,
    trained_on: Path | None = None,
) -> str:
    """Score the label maps of one tool or several on the cases of a data set.

    A tool is scored on the structures that its scheme and the reference both have, and on
    vertebrae and discs one by one where both count them.

    Args:
        folders: of label maps, one a tool, each on the grid of the image.
        schemes: of their codes, one a tool: names of label schemes, or the ``dataset.json``
            of a data set exported for nnU-Net.
        data: manifest CSV or folder of a data set.
        folder: where tables and report go.
        command: the command that started the run, for its record.
        names: of the tools; the folders' names if none are given.
        suffixes: between case id and file ending, one a tool; none if none are given.
        sources: only these sources of the data.
        allow_missing: count cases without a prediction as failures, and score all tools on
            the cases that every tool has predicted.
        trained_on: manifest or folder of what a tool was trained on; a patient, image or
            mask that is in both refuses.

    Returns:
        The scores as plain text, and where the report is.

    Raises:
        ConfigError: if the options do not fit together, a scheme is unknown, or the folder
            holds the results of something else.
        InputError: one, which lists all that is wrong with data and predictions.
    """
    asked = _pair_options(folders, schemes, names, suffixes)
    _refuse_another_run(folder)
    scan = scan_cases(data)
    problems: list[InputError] = [*scan.problems]
    cases = [
        case
        for case in scan.cases
        if case.image and case.label and (sources is None or case.source in sources)
    ]
    tools: list[ToolPredictions] = []
    for name, place, scheme, suffix in asked:
        files, wrong = find_predictions(place, scan.cases, suffix=suffix)
        problems += wrong
        tools.append(_tool(name, place, scheme, files))
        if place.is_dir() and not allow_missing:
            problems += refuse_missing(tools[-1], cases)
    problems += _unreadable(tools, cases)
    if trained_on is not None:
        learnt = _learnt(trained_on, problems)
        tools = [replace(tool, learnt=tool.learnt | learnt) for tool in tools]
    problems += _leaks(tools, cases) if not problems else []
    _refuse(problems)
    if not cases:
        raise InputError(
            f"{data} holds no case with image and label map to score", code="E-CASE-005"
        )
    _refuse_nothing_shared(tools, cases)
    with hold_folder(folder):
        _score(tools, cases, folder)
        write_json(folder / RUN_JSON, _record(tools, cases, folder, command))
        return conclude(folder, command=command) + _count_missing(tools, cases)


def _pair_options(
    folders: Sequence[Path], schemes: Sequence[str], names: Sequence[str], suffixes: Sequence[str]
) -> list[tuple[str, Path, str, str]]:
    """Return name, folder, scheme and suffix of each tool."""
    for word, given in (("--scheme", schemes), ("--name", names), ("--suffix", suffixes)):
        needed = word == "--scheme"
        if (given or needed) and len(given) != len(folders):
            raise ConfigError(
                f"{word} must be given once for each --pred, got {len(given)} for {len(folders)}",
                code="E-CONF-080",
            )
    called = list(names) or [place.resolve().name for place in folders]
    twice = sorted({name for name in called if called.count(name) > 1})
    if twice:
        raise ConfigError(
            f"two tools are called {', '.join(twice)}; give each a --name of its own",
            code="E-CONF-080",
        )
    return list(zip(called, folders, schemes, suffixes or [""] * len(folders), strict=True))


def _refuse_another_run(folder: Path) -> None:
    """Raise if the folder holds anything but a comparison: its files would be lost or mixed up."""
    own: frozenset[Path] = frozenset()
    if (folder / RUN_JSON).exists():
        manifest = read_results(folder).manifest or {}
        if _TOOLS not in manifest:
            raise ConfigError(
                f"{folder} holds the run {manifest.get('name', '')!r}; choose another --save-dir",
                code="E-RUN-002",
            )
        own = _OUTPUTS
    there = (path for path in sorted(folder.rglob("*")) if path.is_file())
    inside = (path.relative_to(folder) for path in there if not path.name.startswith("."))
    foreign = [path.as_posix() for path in inside if path not in own]
    if foreign:
        raise ConfigError(
            f"{folder} holds what no comparison wrote: {name_few(foreign, limit=_MAX_LISTED)}; "
            "choose another --save-dir, or take it away",
            code="E-RUN-002",
        )


def _tool(name: str, folder: Path, scheme: str, files: dict[str, Path]) -> ToolPredictions:
    if is_nnunet_record(scheme):
        known, learnt = read_nnunet_record(Path(scheme))
        return ToolPredictions(name, folder, known, files, learnt)
    try:
        return ToolPredictions(name, folder, get_scheme(scheme), files)
    except ValueError as error:
        raise ConfigError(
            f"{error}; or name the dataset.json of a data set exported for nnU-Net",
            code="E-CONF-005",
        ) from error


def _unreadable(tools: Sequence[ToolPredictions], cases: Sequence[Case]) -> list[InputError]:
    """Read every case and every prediction of it, and return what is refused."""
    problems: list[InputError] = []
    for case in cases:
        try:
            loaded = load_case(case)
        except InputError as error:
            problems.append(error)
            continue
        assert loaded.image is not None  # it was asked for
        for tool in tools:
            if case.case_id in tool.files:
                try:
                    tool.predictor(case)(loaded.image)
                except InputError as error:
                    problems.append(error)
    return problems


def _learnt(data: Path, problems: list[InputError]) -> Learnt:
    """Return what stands in a data set that trained a tool, adding what is wrong with it."""
    scan = scan_cases(data)
    problems += scan.problems
    try:
        contents = contents_of(scan.cases, images=True)
    except InputError as error:
        problems.append(error)
        contents = []
    patients = frozenset((case.source, case.patient_id) for case in scan.cases)
    return Learnt(patients, tuple(contents))


def _leaks(tools: Sequence[ToolPredictions], cases: Sequence[Case]) -> list[InputError]:
    """Return the error that names what trained a tool and would test it."""
    if not any(tool.learnt != Learnt() for tool in tools):
        return []
    leaks = [
        text
        for tool in tools
        for text in (
            *find_seen_patients(tool.learnt.patients, cases),
            *find_learnt(tool.learnt.contents, cases, where=f"the training of {tool.name}"),
        )
    ]
    return [leak_error(leaks)] if leaks else []


def _refuse(problems: Sequence[InputError]) -> None:
    """Raise one error that lists all problems."""
    if len(problems) == 1:
        raise problems[0]
    if problems:
        listed = " ".join(f"({number}) {error}" for number, error in enumerate(problems, start=1))
        raise InputError(
            f"nothing was scored, {len(problems)} things are wrong: {listed}", code="E-CMP-001"
        )


def _shared(tools: Sequence[ToolPredictions], cases: Sequence[Case]) -> list[Case]:
    """Return the cases that every tool has predicted: only they compare the tools."""
    return [case for case in cases if all(case.case_id in tool.files for tool in tools)]


def _refuse_nothing_shared(tools: Sequence[ToolPredictions], cases: Sequence[Case]) -> None:
    if not _shared(tools, cases):
        raise InputError(
            f"no case has a prediction of every tool ({', '.join(tool.name for tool in tools)}); "
            "compare them one by one",
            code="E-CMP-002",
        )


def _count_missing(tools: Sequence[ToolPredictions], cases: Sequence[Case]) -> str:
    """Say how many cases each tool left out, and on how many all were scored."""
    shared = len(_shared(tools, cases))
    if shared == len(cases):
        return ""
    lines = [
        f"{tool.name}: no prediction of {count} of {len(cases)} cases"
        for tool in tools
        if (count := sum(case.case_id not in tool.files for case in cases))
    ]
    said = f"Scores are those of the {shared} cases that every tool has predicted."
    return "\n".join(["", *lines, said, ""])


def _score(tools: Sequence[ToolPredictions], cases: Sequence[Case], folder: Path) -> None:
    """Score every tool and write the tables."""
    run = folder.resolve().name
    standard: list[Evaluation] = []
    counted: list[InstanceEvaluation] = []
    shared = _shared(tools, cases)
    for tool in tools:
        parts = [
            evaluate_cases(tool.predictor(case), [case], run=run, model=tool.name)
            for case in cases
            if case in shared or case.case_id not in tool.files
        ]
        counted.append(_score_instances(tool, shared, run))
        failures = (*(part.failures for part in parts), counted[-1].failures)
        standard.append(
            Evaluation(
                concatenate([part.table for part in parts], LONG_COLUMNS),
                concatenate(failures, FAILURE_COLUMNS),
            )
        )
    remove_outputs(folder, training_of=())  # not before: a stopped comparison loses nothing
    write_evaluation(folder, standard, [])
    for path, columns, tables in (
        (DETECTION_CSV, LONG_COLUMNS, [part.cases for part in counted]),
        (INSTANCES_CSV, INSTANCE_COLUMNS, [part.instances for part in counted]),
    ):
        write_csv(folder / path, concatenate(tables, columns))


def _score_instances(tool: ToolPredictions, cases: Sequence[Case], run: str) -> InstanceEvaluation:
    """Score vertebrae and discs one by one, where the tool and the reference count them."""
    counted = (code.structure for code in tool.scheme.codes.values() if code.instance is not None)
    words = words_of(counted)
    kinds = set(report_groups(words)) & set(KINDS)
    references = [
        case for case in cases if _counts(case) and kinds & set(report_groups(case.annotated))
    ]
    predictions = [
        replace(
            case, image=None, label=tool.files[case.case_id], instances=None, annotated=words,
            scheme=tool.scheme.name,
        )
        for case in references
    ]  # fmt: skip
    return evaluate_instances(
        predictions, references, run=run, model=tool.name, loader=_load_on_the_image
    )


def _counts(case: Case) -> bool:
    return case.instances is not None or get_scheme(case.scheme).is_counted


def _load_on_the_image(case: Case) -> LoadedCase:
    """Load a case; a reference on another grid than its image is brought onto it."""
    return load_case(case, need_image=case.image is not None)


def _record(
    tools: Sequence[ToolPredictions], cases: Sequence[Case], folder: Path, command: str
) -> dict[str, Any]:
    return {
        **describe_run(), "command": command, "name": folder.resolve().name,
        "cases": len(cases), "scored": len(_shared(tools, cases)),
        _TOOLS: [
            {
                "name": tool.name, "folder": str(tool.folder), "scheme": tool.scheme.name,
                "missing": [case.case_id for case in cases if case.case_id not in tool.files],
                "training_known": tool.learnt != Learnt(),
                "sha256": {name: digest_file(path) for name, path in sorted(tool.files.items())},
            }
            for tool in tools
        ],
    }  # fmt: skip
