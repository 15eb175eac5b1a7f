"""What a run trains, validates and tests on, in a few bytes: the contents of the files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from spinesynth.io.case import Case
from spinesynth.io.file_digest import digest_file
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.split import Split


def digest_run_data(config: ExperimentConfig, split: Split) -> str:
    """Return a digest of all that a run as configured reads of a split.

    Args:
        config: the experiment.
        split: of the data, pseudo-labels among its training cases.

    Returns:
        SHA-256, hexadecimal. The version of the package is no part of it, nor where
        the files lie.

    Raises:
        OSError: if a file cannot be read.
    """
    real, chosen = reads_images(config), config.training.final_choice == "volumes"
    scans = split.scans if chosen else []
    return digest_parts(
        (split.train, real), (split.validation, real), (scans, True), (split.test, True)
    )


def table_with_digests(config: ExperimentConfig, split: Split) -> pd.DataFrame:
    """Return who trains, validates and tests, with digests of the files that are read for it.

    Args:
        config: the experiment.
        split: of the data.

    Returns:
        The table of the split with ``image_sha256`` and ``label_sha256``; empty where a
        case has no such file, or the run as configured does not read it.

    Raises:
        OSError: if a file cannot be read.
    """
    chosen = config.training.final_choice == "volumes"
    seen = [*split.test, *(split.scans if chosen else [])]
    if reads_images(config):
        seen += [*split.train, *split.validation]
    images = {case.image for case in seen}
    cases = [*split.train, *split.validation, *split.test]  # as the rows of the table
    return split.table().assign(
        image_sha256=[_digest(case.image if case.image in images else None) for case in cases],
        label_sha256=[_digest(case.label) for case in cases],
    )


def _digest(path: Path | None) -> str:
    return digest_file(path) if path is not None else ""


def reads_images(config: ExperimentConfig) -> bool:
    """Say whether images of training and validation cases are read to train."""
    return "B" in config.models or config.training.real_share > 0


def digest_parts(*parts: tuple[Sequence[Case], bool]) -> str:
    """Return a digest of cases and of the bytes of their files.

    Args:
        parts: cases, and whether their images count beside their label maps.

    Returns:
        SHA-256, hexadecimal.

    Raises:
        OSError: if a file cannot be read.
    """
    told = json.dumps([_describe(cases, images=images) for cases, images in parts])
    return hashlib.sha256(told.encode()).hexdigest()


def _describe(cases: Sequence[Case], *, images: bool) -> list[list[object]]:
    return [
        [
            case.case_id, case.patient_id, case.source, case.contrast, case.scheme,
            sorted(case.annotated), case.resamples_label,
            *(
                path and digest_file(path)
                for path in (case.image if images else None, case.label, case.instances)
            ),
        ]
        for case in cases
    ]  # fmt: skip
