"""Segment scans for annotators: what the network doubts most comes first.

Annotators correct the label maps where they lie, in 3D Slicer or ITK-SNAP; the manifest beside
them then is a data set like any other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from spinesynth.anatomy.annotation import words_of
from spinesynth.errors import ConfigError, SpineSynthError
from spinesynth.io.case import Case
from spinesynth.io.discover import MANIFEST_NAME
from spinesynth.io.manifest import scan_manifest
from spinesynth.io.tables import path_in_table, write_csv
from spinesynth.io.write import write_volume
from spinesynth.pipelines.doubt import Doubt
from spinesynth.pipelines.label_legend import write_legends
from spinesynth.pipelines.replaced_inputs import refuse_replaced_inputs
from spinesynth.pipelines.scan_errors import SCAN_ERRORS, exit_status, with_code
from spinesynth.pipelines.scan_list import Scan, find_scans, image_suffix, refuse_namesakes
from spinesynth.pipelines.segment_outputs import CaseFiles, OutputOptions, name_files, write_case
from spinesynth.pipelines.segmenter import SpineSegmenter

WORKLIST_NAME, WORKLIST_KIND = "worklist.csv", "worklist"
_SOURCE = "preannotated"
#: A map of instances would contradict a label map once it is corrected.
_OPTIONS = OutputOptions(instances=False)
_NOT_IN_ID = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True)
class Preannotation:
    """Tell what was prepared for annotators.

    Args:
        worklist: table of the scans, the most doubtful first; None if no scan is done.
        manifest: ``cases.csv`` of them; None if no scan is done.
        done: scans in both.
        refused: one line for each scan that is in neither.
        exit_code: 0 if all are done, 1 if some are, else that of the first refusal.
    """

    worklist: Path | None
    manifest: Path | None
    done: int
    refused: tuple[str, ...]
    exit_code: int


@dataclass(frozen=True)
class _Row:
    """One scan that is done."""

    case_id: str
    patient_id: str
    contrast: str
    image: str
    label: Path
    preview: Path
    doubt: Doubt
    warnings: str


def prepare_annotation(segmenter: SpineSegmenter, source: Path, output: Path) -> Preannotation:
    """Segment scans and write a worklist sorted by doubt and a manifest of the label maps.

    Args:
        segmenter: of the scans; they are ranked by the doubt that it tells of each.
        source: an image, a folder, a list or a manifest, as ``spinesynth predict`` takes.
        output: folder, which must not hold a worklist: what is corrected is never replaced.

    Returns:
        What was prepared. One bad scan does not stop the others.

    Raises:
        ConfigError: if the folder holds a worklist already, there is no scan, two would
            have one name, or an output would replace an input.
        InputError: if a list or manifest cannot be read.
        OutputError: if the worklist, the manifest or the legends cannot be written.
    """
    if (output / WORKLIST_NAME).exists():
        raise ConfigError(
            f"{output} holds a {WORKLIST_NAME}, and perhaps masks that were corrected since; "
            "choose another --output",
            code="E-RUN-002",
        )
    scans, problems = find_scans(source)
    known = _known_cases(source)
    refuse_namesakes(output, [_id_of(scan) for scan in scans])
    outputs = [path for scan in scans for path in _outputs_of(scan, output)]
    refuse_replaced_inputs(outputs, [scan.path for scan in scans])
    output.mkdir(parents=True, exist_ok=True)
    rows, errors = list[_Row](), list[SpineSynthError](problems)
    for scan in scans:
        try:
            rows.append(_prepare(segmenter, scan, output, known.get(scan.name)))
        except SCAN_ERRORS as error:
            errors.append(with_code(scan.path, error))
    if rows:
        write_legends(output, segmenter.scheme)
        _write_manifest(rows, segmenter, output)
        _write_worklist(rows, output)  # last: it says that all is there
    return Preannotation(
        output / WORKLIST_NAME if rows else None,
        output / MANIFEST_NAME if rows else None,
        len(rows),
        tuple(str(error) for error in errors),
        exit_status(len(rows), [error.exit_code for error in errors]),
    )


def _known_cases(source: Path) -> Mapping[str, Case]:
    """Return what a manifest knows of its cases; nothing of anything else."""
    if source.suffix.lower() != ".csv":
        return {}
    return {case.case_id: case for case in scan_manifest(source).cases}


def _id_of(scan: Scan) -> str:
    """Return the name of a scan as a manifest takes it."""
    name = _NOT_IN_ID.sub("_", scan.name)
    return name if name[:1].isalnum() else f"scan{name}"


def _files_of(scan: Scan, output: Path) -> tuple[CaseFiles, Path]:
    """Return what is written of a scan, and the image for its manifest: of DICOM one more."""
    case_id = _id_of(scan)
    labels = output / f"{case_id}_seg{_OPTIONS.suffix_for(scan.path)}"
    # a manifest names files, and the viewers of label maps want one too
    image = output / f"{case_id}.nii.gz" if image_suffix(scan.path) is None else scan.path
    return name_files(labels, _OPTIONS, of_dicom=False), image


def _outputs_of(scan: Scan, output: Path) -> list[Path]:
    files, image = _files_of(scan, output)
    return files.all if image == scan.path else [*files.all, image]


def _prepare(segmenter: SpineSegmenter, scan: Scan, output: Path, case: Case | None) -> _Row:
    """Segment one scan and write its files, all or none."""
    case_id, (files, image) = _id_of(scan), _files_of(scan, output)
    image_name = path_in_table(image.absolute(), output.absolute())
    found = segmenter.segment(scan.path)
    if image != scan.path:
        write_volume(image, found.image.as_tensor(), like=found.image)
    write_case(files, found, case_id=case_id, made_by=segmenter.made_by)
    assert files.preview is not None  # as the options ask
    return _Row(
        case_id,
        case.patient_id if case else case_id,
        case.contrast if case else "",
        image_name, files.labels, files.preview, found.doubt, "; ".join(found.warnings),
    )  # fmt: skip


def _write_worklist(rows: Sequence[_Row], output: Path) -> None:
    """Write the scans, the most doubtful first, and those in which nothing was found before."""
    ordered = sorted(rows, key=lambda row: (not row.doubt.is_empty, -row.doubt.degree, row.case_id))
    table = pd.DataFrame(
        {
            "rank": rank, "case_id": row.case_id, "doubt": row.doubt.degree,
            "flags": " ".join(flag.name for flag in row.doubt.flags),
            "image": row.image, "label": row.label.name,
            "preview": row.preview.name, "warnings": row.warnings,
        }
        for rank, row in enumerate(ordered, start=1)
    )  # fmt: skip
    write_csv(output / WORKLIST_NAME, table, kind=WORKLIST_KIND)


def _write_manifest(rows: Sequence[_Row], segmenter: SpineSegmenter, output: Path) -> None:
    scheme = segmenter.scheme
    words = words_of(code.structure for code in scheme.codes.values())
    table = pd.DataFrame(
        {
            "case_id": row.case_id, "patient_id": row.patient_id, "source": _SOURCE,
            "contrast": row.contrast, "annotated": " ".join(sorted(words)),
            "scheme": scheme.name, "image": row.image, "label": row.label.name,
        }
        for row in rows
    )  # fmt: skip
    write_csv(output / MANIFEST_NAME, table, kind="manifest")
