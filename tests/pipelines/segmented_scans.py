"""Segment a file with a network, and nothing beside the label map."""

from __future__ import annotations

from pathlib import Path

from spinesynth.pipelines.segment import SegmentationRun, segment_files
from spinesynth.pipelines.segment_outputs import OutputOptions

PLAIN = OutputOptions(volumes=False, preview=False, instances=False)


def segmented(
    weights: Path, source: Path, output: Path, scheme: str | None = None
) -> SegmentationRun:
    return segment_files([weights], source, output=output, scheme=scheme, options=PLAIN)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
