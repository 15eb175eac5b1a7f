"""A data set of several sources and patients, each with files of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.fabricate import intensities, parts_codes, write_manifest, write_nifti


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
    for number, (name, _) in enumerate(names):
        write_nifti(root / f"{name}_image.nii.gz", intensities(seed=100 + number))
        write_nifti(root / f"{name}_label.nii.gz", parts_codes(number))
    return table
