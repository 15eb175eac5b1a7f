"""Write synthetic images of label maps to files, with the seed of each in the manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pandas as pd
import torch
from monai.data.meta_tensor import MetaTensor

from spinesynth.anatomy.label_schemes import PSEUDO_SCHEME, get_scheme
from spinesynth.anatomy.structures import Structure
from spinesynth.errors import InputError
from spinesynth.io.case import Case
from spinesynth.io.discover import discover_cases
from spinesynth.io.load_case import load_case
from spinesynth.io.tables import write_csv
from spinesynth.io.write import write_volume
from spinesynth.pipelines.readable import refuse_unreadable
from spinesynth.seeding import derive_seed32
from spinesynth.transforms import SpineSynthGenerator

SynthesisContrast = Literal["T1", "T2", "interpolated", "random"]


def synthesize_cases(
    data: Path,
    *,
    output: Path,
    per_case: int = 1,
    contrast: SynthesisContrast = "random",
    motion: bool = False,
    seed: int = 42,
    limit: int | None = None,
) -> Path:
    """Write synthetic volumes for the label maps of a data set.

    Images of the data set are never opened. Every label map is read before
    anything is written.

    Args:
        data: manifest CSV or folder of a data set.
        output: folder for images, label maps and the manifest ``cases.csv``.
        per_case: images for each label map, at least 1.
        contrast: prior of the contrast.
        motion: let the patient move.
        seed: with case id and number, decides each image.
        limit: use at most this many label maps; None for all.

    Returns:
        Path of the manifest; its column ``seed`` holds the seed of each image.

    Raises:
        InputError: if there is no label map, or one is refused.
    """
    found = discover_cases(data)
    cases = [case for case in found if case.label and case.scheme != PSEUDO_SCHEME][:limit]
    if not cases:
        raise InputError(
            f"{data} holds no label map to paint over, pseudo-labels apart, whose unknown has no "
            "tissue; add label maps",
            code="E-CASE-005",
        )
    refuse_unreadable(((case, False) for case in cases), data=data)
    output.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, str]] = []
    for case in cases:
        grid, scheme = _write_label(case, output)
        for number in range(per_case):
            name = f"{case.case_id}_synth{number:03d}"
            image_seed = derive_seed32(seed, case.case_id, number)
            image = _paint(grid, scheme, contrast=contrast, motion=motion, seed=image_seed)
            write_volume(output / f"{name}.nii.gz", image, like=grid)
            rows.append(_row(case, name, scheme=scheme, contrast=contrast, seed=image_seed))
    manifest = output / "cases.csv"
    write_csv(manifest, pd.DataFrame(rows))
    return manifest


def _write_label(case: Case, output: Path) -> tuple[MetaTensor, str]:
    """Write a case's label map and return its codes ``(1, I, J, K)`` uint8 and their scheme."""
    structure = load_case(case, need_image=False).structure
    assert structure is not None  # the case has a label map
    whole = bool((structure == Structure.VERTEBRA).any())
    scheme = get_scheme("semantic4" if whole else "spine6")
    grid = MetaTensor(scheme.encode(structure.as_tensor()), affine=structure.affine)
    write_volume(output / _label_name(case), grid, like=grid)
    return grid, scheme.name


def _paint(
    grid: MetaTensor, scheme: str, *, contrast: SynthesisContrast, motion: bool, seed: int
) -> torch.Tensor:
    """Return a synthetic image ``(I, J, K)`` of a label map ``(1, I, J, K)``."""
    generator = SpineSynthGenerator(
        contrast,
        add_motion=motion,
        spacing_mm=[float(p) for p in grid.pixdim],
        label_scheme=scheme,
        seed=seed,
    )
    return torch.from_numpy(generator.generate_synthetic_mri(grid.as_tensor()[0]))


def _label_name(case: Case) -> str:
    return f"{case.case_id}_label.nii.gz"


def _row(case: Case, name: str, *, scheme: str, contrast: str, seed: int) -> dict[str, str]:
    """Return the manifest's row of one image."""
    return {
        "case_id": name,
        "patient_id": case.patient_id,
        "source": f"synthetic_{case.source}",
        "contrast": f"synthetic_{contrast}",
        "annotated": " ".join(sorted(case.annotated)),
        "scheme": scheme,
        "image": f"{name}.nii.gz",
        "label": _label_name(case),
        "seed": str(seed),
    }
