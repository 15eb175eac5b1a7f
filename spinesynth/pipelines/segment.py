"""Segment image files, each on its own grid: one bad scan never stops the others."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from spinesynth import __version__
from spinesynth.errors import ConfigError, SpineSynthError
from spinesynth.io.atomic import write_text
from spinesynth.io.input_rules import PLAIN, InputRules
from spinesynth.pipelines.bids_names import bids_stem, write_dataset_description
from spinesynth.pipelines.deidentify import hide_name, hide_paths, hide_reason
from spinesynth.pipelines.ensemble import Weighting
from spinesynth.pipelines.label_legend import write_legends
from spinesynth.pipelines.predict import Engine
from spinesynth.pipelines.replaced_inputs import refuse_replaced_inputs
from spinesynth.pipelines.scan_errors import SCAN_ERRORS, exit_status, with_code
from spinesynth.pipelines.scan_list import Scan, find_scans, image_suffix, refuse_namesakes
from spinesynth.pipelines.segment_outputs import (
    CaseFiles,
    OutputOptions,
    name_files,
    refuse_unwritable,
    write_case,
)
from spinesynth.pipelines.segmenter import SpineSegmenter
from spinesynth.postprocess import Cleaning

REPORT_NAME = "run_report.json"


@dataclass(frozen=True)
class SegmentationRun:
    """Tell what became of some scans.

    Args:
        written: label maps, one for each scan that is done.
        refused: one line for each that is not.
        report: all of it as plain JSON types.
        exit_code: 0 if all are done, 1 if some are, else that of the first refusal.
    """

    written: tuple[Path, ...]
    refused: tuple[str, ...]
    report: dict[str, Any]
    exit_code: int

    @property
    def warnings(self) -> list[str]:
        """Return what should be known of scans that are done, a line each."""
        return [
            f"{case['case']}: {line}" for case in self.report["cases"]
            for line in case.get("warnings", ())
        ]  # fmt: skip


def segment_files(
    weights: Sequence[Path | str] | None,
    source: Path,
    *,
    output: Path,
    scheme: str | None = None,
    weighting: Weighting = "mean",
    scales: Sequence[float] = (1.0,),
    device: str = "auto",
    engine: Engine = "torch",
    threads: int | None = None,
    lowest: str | None = None,
    cleaning: Cleaning | None = None,
    options: OutputOptions | None = None,
    rules: InputRules = PLAIN,
) -> SegmentationRun:
    """Segment one image, or each of several.

    Args:
        weights: files, or names of shipped ones; several vote. None for the default.
        source: as of :func:`spinesynth.pipelines.scan_list.find_scans`.
        output: folder, for ``<name>_seg`` in the format of the input and what goes with it;
            or of one image the name of the label map.
        scheme: label scheme of the output, which must not count vertebrae unless instances
            are wanted; None for the one that the network was trained on.
        weighting: of the votes, ``mean`` or ``certainty``.
        scales: that each network votes at.
        device: that it runs on.
        engine: what runs the network, ``torch`` or ``onnx``.
        threads: of the processor; None for as many as torch has.
        lowest: name of the lowest vertebra in view of all scans, if a user knows it.
        cleaning: what is mended of each label map, where instances are wanted.
        options: what is written.
        rules: what of unusual scans is read.

    Returns:
        What became of each scan, as is written to ``run_report.json`` too.

    Raises:
        CheckpointError: if weights are refused.
        ConfigError: if the scheme is unknown, or cannot hold what the network
            finds, or the weights do not fit together; there is no image, two would be written
            under one name, or an output would replace an input. Nothing has been written then.
        InputError: if a list or manifest cannot be read.
        OutputError: if the report cannot be written.
    """
    options = options or OutputOptions()
    scans, problems = find_scans(source)
    if options.deidentify:
        scans = [hide_name(scan) for scan in scans]
    plan = _plan(scans, output, options)
    several = weights if weights else None
    segmenter = SpineSegmenter(
        several, scheme=scheme, device=device, weighting=weighting, scales=scales,
        engine=engine, threads=threads, instances=options.instances, lowest=lowest,
        cleaning=cleaning, rules=rules,
    )  # fmt: skip
    home = output.parent if image_suffix(output) else output
    home.mkdir(parents=True, exist_ok=True)
    made_by = {
        **segmenter.made_by,
        "engine": engine,
        "threads": threads or torch.get_num_threads(),
    }
    cases = [_segment_one(segmenter, scan, files, made_by, options) for scan, files in plan]
    cases += [_failure(Scan("", problem.path), problem, options) for problem in problems]
    if not image_suffix(output) and any(case["status"] == "done" for case in cases):
        write_legends(home, segmenter.scheme)
        if options.bids:
            write_dataset_description(home)
    run = _sum_up(cases, segmenter, {**made_by, "input_rules": rules.as_json()})
    report = home / REPORT_NAME
    if not image_suffix(output):
        write_text(report, json.dumps(run.report, indent=2) + "\n")
    return run


def _plan(
    scans: Sequence[Scan], output: Path, options: OutputOptions
) -> list[tuple[Scan, CaseFiles]]:
    """Return the files of each scan, refusing what would be written twice or over an input."""
    refuse_unwritable(output, options)
    if image_suffix(output):
        if len(scans) > 1 or options.bids:
            raise ConfigError(
                f"--output must be a folder for {len(scans)} scans or BIDS, got a file {output}",
                code="E-CONF-094",
            )
        plan = [(scans[0], name_files(output, options, of_dicom=_is_dicom(scans[0])))]
    else:
        plan = [
            (
                scan,
                name_files(output / _label_name(scan, options), options, of_dicom=_is_dicom(scan)),
            )
            for scan in scans
        ]
    refuse_namesakes(output, [str(path) for _, files in plan for path in files.all])
    refuse_replaced_inputs(
        (path for _, files in plan for path in files.all),
        (path for scan in scans for path in _files_of(scan.path)),
    )
    return plan


def _files_of(path: Path) -> Iterator[Path]:
    """Yield the files that a scan is read from: all of a DICOM folder, at any depth."""
    for parent, _, names in os.walk(path):
        yield from (file for name in names if (file := Path(parent) / name).exists())
    if path.is_file():
        yield path


def _is_dicom(scan: Scan) -> bool:
    """Say whether a scan is read as DICOM: a folder, an archive, or a file of no other type."""
    return image_suffix(scan.path) is None


def _label_name(scan: Scan, options: OutputOptions) -> Path:
    stem = bids_stem(scan.name) if options.bids else Path(f"{scan.name}_seg")
    return stem.with_name(stem.name + options.suffix_for(scan.path))


def _segment_one(
    segmenter: SpineSegmenter,
    scan: Scan,
    files: CaseFiles,
    made_by: dict[str, Any],
    options: OutputOptions,
) -> dict[str, Any]:
    """Segment one scan and write all of it, or nothing, and tell which."""
    try:
        found = segmenter.segment(scan.path, uncertainty=files.uncertainty is not None)
        if options.deidentify:
            found = replace(found, warnings=hide_paths(found.warnings, scan.path))
        files.labels.parent.mkdir(parents=True, exist_ok=True)
        anonymise = options.anonymise or options.deidentify
        written = write_case(files, found, case_id=scan.name, made_by=made_by, anonymise=anonymise)
    except SCAN_ERRORS as error:
        return _failure(scan, with_code(scan.path, error), options)
    return {
        **_named(scan, options),
        "status": "done",
        "labels": str(files.labels),
        "files": [str(path) for path in written],
        "converted": list(found.converted),
        **found.doubt.as_json(),
        "warnings": list(found.warnings),
        "timings_s": {name: round(seconds, 3) for name, seconds in found.timings_s.items()},
    }


def _failure(scan: Scan, error: SpineSynthError, options: OutputOptions) -> dict[str, Any]:
    """Return what is told of a scan that could not be segmented."""
    return {
        **_named(scan, options),
        "status": "failed",
        "code": error.code,
        "exit_code": error.exit_code,
        "message": hide_reason(scan, error) if options.deidentify else str(error),
    }


def _named(scan: Scan, options: OutputOptions) -> dict[str, str]:
    """Return how a scan is called, and where it lies unless that may name a patient."""
    return {"case": scan.name} | ({} if options.deidentify else {"input": str(scan.path)})


def _sum_up(
    cases: list[dict[str, Any]], segmenter: SpineSegmenter, made_by: dict[str, Any]
) -> SegmentationRun:
    """Return what became of all scans."""
    done = [case for case in cases if case["status"] == "done"]
    failed = [case for case in cases if case["status"] == "failed"]
    status = exit_status(len(done), [case["exit_code"] for case in failed])
    report = {
        "spinesynth": __version__,
        "scheme": segmenter.scheme.name,
        **made_by,
        "device": str(segmenter.device),
        "done": len(done),
        "failed": len(failed),
        "exit_code": status,
        "cases": cases,
    }
    return SegmentationRun(
        tuple(Path(case["labels"]) for case in done),
        tuple(case["message"] for case in failed),
        report,
        status,
    )
