"""The table of the images that the robustness suite exported: which they are, and their digests."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from spinesynth.errors import ConfigError, InputError
from spinesynth.io.case import Case
from spinesynth.io.tables import read_ids_csv, require_columns

EXPORT_CSV = Path("images.csv")
EXPORT_COLUMNS = ("file", "case_id", "condition", "severity", "seed", "digest")


def task_name(case_id: str, condition: str, severity: int) -> str:
    """Return the name of a degraded image, as its file has it.

    Example:
        >>> task_name("patient 7", "low_snr", 3)
        'patient_7__low_snr__3'
    """
    return f"{re.sub('[^A-Za-z0-9._-]', '_', case_id)}__{condition}__{severity}"


def refuse_shared_names(cases: Sequence[Case]) -> None:
    """Raise if the images of two cases would share the names of files.

    Raises:
        InputError: names both.
    """
    names: dict[str, str] = {}
    for case in cases:
        other = names.setdefault(task_name(case.case_id, "", 0), case.case_id)
        if other != case.case_id:
            raise InputError(
                f"cases {other} and {case.case_id} would share names of files; rename one",
                code="E-CASE-004",
            )


def read_export(folder: Path, *, seed: int) -> Mapping[str, str]:
    """Return the digest of each exported image by the name of its task.

    Args:
        folder: that ``export_suite`` wrote.
        seed: of the scoring, which must be that of the export.

    Raises:
        ConfigError: if the images were drawn from another seed.
        InputError: if there is no table, or it is damaged.
    """
    table = read_ids_csv(folder / EXPORT_CSV)
    require_columns(folder / EXPORT_CSV, table, *EXPORT_COLUMNS)
    others = sorted(set(table["seed"]) - {str(seed)})
    if others:
        raise ConfigError(
            f"the images of {folder} were drawn from --seed {others[0]}, got --seed {seed}; "
            "score with the seed of the export",
            code="E-CONF-072",
        )
    names = (Path(file).name.removesuffix(".nii.gz") for file in table["file"])
    return dict(zip(names, table["digest"], strict=True))
