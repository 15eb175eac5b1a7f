"""Write the images of the robustness suite for a tool that runs elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from spinesynth.io.case import Case
from spinesynth.io.load_case import load_case
from spinesynth.io.tables import write_csv
from spinesynth.io.write import write_volume
from spinesynth.pipelines.conditions import (
    CONDITIONS,
    ORIGINAL,
    SEVERITIES,
    check_conditions,
    check_severities,
    degrade_case,
    obstacle,
)
from spinesynth.pipelines.content_digest import digest_voxels
from spinesynth.pipelines.exported_images import (
    EXPORT_COLUMNS,
    EXPORT_CSV,
    refuse_shared_names,
    task_name,
)


def export_suite(
    cases: Sequence[Case],
    folder: Path,
    *,
    conditions: Sequence[str] = tuple(CONDITIONS),
    severities: Sequence[int] = SEVERITIES,
    seed: int = 0,
) -> Path:
    """Write each case untouched and as each condition leaves it, on its own grid.

    The tool's label maps go into one folder under the names of the images, which the
    suite then scores as ``SavedPredictions``: it makes the same references again, and
    compares its images with the digests of the table.

    Args:
        cases: with image and label map each.
        folder: for ``images/<case>__<condition>__<severity>.nii.gz``; made if missing.
        conditions: keys of ``CONDITIONS``.
        severities: from 1 to 5.
        seed: of everything that is drawn.

    Returns:
        The table ``images.csv``: file, case, condition, severity, seed and digest of the voxels.

    Raises:
        ConfigError: if a condition or severity is unknown.
        InputError: if a case cannot be read, or two would share names of files.
        OutputError: if a file cannot be written.
    """
    asked = [(ORIGINAL, 0)]
    asked += [(n, s) for n in check_conditions(conditions) for s in check_severities(severities)]
    refuse_shared_names(cases)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rows = []
    for case in cases:
        loaded = load_case(case)
        for condition, severity in asked:
            if condition != ORIGINAL and obstacle(loaded, condition, severity):
                continue
            file = Path("images") / f"{task_name(case.case_id, condition, severity)}.nii.gz"
            image = degrade_case(loaded, condition, severity, seed=seed).image
            assert image is not None  # load_case was asked for it
            write_volume(folder / file, image.as_tensor(), like=image)
            told = (case.case_id, condition, severity, seed, digest_voxels(image.float()))
            rows.append((file.as_posix(), *told))
    write_csv(folder / EXPORT_CSV, pd.DataFrame(rows, columns=list(EXPORT_COLUMNS)))
    return folder / EXPORT_CSV
