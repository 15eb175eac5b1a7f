"""A segmenter that is loaded once, and writes what a client may fetch."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from spinesynth.io.input_rules import InputRules
from spinesynth.pipelines.label_legend import legend_of
from spinesynth.pipelines.preview import write_preview
from spinesynth.pipelines.segmenter import Segmentation, SpineSegmenter
from spinesynth.pipelines.structure_volumes import measure_volumes
from spinesynth.service.job import PREVIEW_FILE, RESULT_FILES

#: Of the noise that is segmented before the first job.
_WARM_UP_SHAPE = (4, 64, 64)
_TITLE = "scan"
#: What the reader of DICOM alone notes.
_SERIES = "source_series_uid"


def warm_up(segmenter: SpineSegmenter) -> None:
    """Segment noise, so that the first client need not wait for what is made only once."""
    noise = np.random.default_rng(0).random(_WARM_UP_SHAPE, dtype=np.float32)
    segmenter.segment(noise, affine=np.eye(4))


def segment_scan(segmenter: SpineSegmenter, source: Path, output: Path) -> dict[str, Any]:
    """Write label map and picture of a file, of DICOM also a segmentation; return the report.

    Args:
        segmenter: of the scan.
        source: a file from a stranger; no other file is read, whatever it names.
        output: folder, for files under the names of ``RESULT_FILES`` and ``PREVIEW_FILE``.

    Raises:
        InputError: if the file is refused.
        OutputError: if a file cannot be written.
    """
    found = segmenter.segment(source, untrusted=True, rules=InputRules(strict=True))
    found.save(output / RESULT_FILES["nifti"])
    if _SERIES in found.image.meta and not found.is_empty:  # DICOM has no empty segmentation
        found.save_dicom_seg(output / RESULT_FILES["dicom_seg"])
    write_preview(output / PREVIEW_FILE, found, title=_TITLE)
    return _report(segmenter, found) | {
        "warnings": [line.replace(str(source), source.name) for line in found.warnings]
    }


def _report(segmenter: SpineSegmenter, found: Segmentation) -> dict[str, Any]:
    """Return what is told of a scan, as plain JSON types."""
    levels = () if found.reading is None else found.reading.levels
    rows = measure_volumes(found, case_id=_TITLE).to_dict(orient="records")
    return {
        "scheme": found.scheme.name,
        "labels": {
            str(entry.code): {"name": entry.name, "structure": entry.structure}
            for entry in legend_of(found.scheme)
        },
        "levels": [
            {
                "kind": level.kind, "instance": level.instance, "name": level.name,
                "confidence": level.confidence, "partial": level.partial,
                "centre_mm": [round(mm, 2) for mm in level.centre_mm],
            }
            for level in levels
        ],
        "volumes": [
            {str(key): _plain(value) for key, value in row.items() if key != "case_id"}
            for row in rows
        ],
        **found.doubt.as_json(),
        "timings_s": {name: round(seconds, 3) for name, seconds in found.timings_s.items()},
        "weights": segmenter.weights,
        "use": "Not for diagnosis.",
    }  # fmt: skip


def _plain(value: object) -> object:
    """Return a cell as JSON knows it: undefined numbers are null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
