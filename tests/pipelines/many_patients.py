"""A data set of several sources and patients, each with files of its own."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.fabricate import write_manifest


def write_patients(root: Path, sources: Mapping[str, int]) -> Path:
    """Write so many patients of each source, one scan each, and return the table.

    Args:
        root: folder to fill.
        sources: number of patients by source; patients are named ``SOURCE1`` and so on.
    """
    names = [(f"{source}{n}", source) for source, count in sources.items() for n in range(count)]
    table = write_manifest(
        root,
        [
            f"{name},{name},{source},T2,body disc canal posterior,parts,"
            f"{name}_image.nii.gz,{name}_label.nii.gz,"
            for name, source in names
        ],
    )
    for name, _ in names:
        for kind in ("image", "label"):
            shutil.copy(root / f"p1_t1_{kind}.nii.gz", root / f"{name}_{kind}.nii.gz")
    return table
