"""Write synthetic images of label maps to files, with the seed in each name's record."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pandas as pd
import torch
from monai.data.meta_tensor import MetaTensor

from spinesynth.anatomy.label_schemes import get_scheme
from spinesynth.anatomy.structures import Structure
from spinesynth.io.discover import discover_cases
from spinesynth.io.load_case import load_case
from spinesynth.io.tables import write_csv
from spinesynth.io.write import write_volume
from spinesynth.seeding import derive_seed
from spinesynth.transforms import SpineSynthGenerator

_MAX_MONAI_SEED = 2**32 - 1


def synthesize_cases(
    data: Path,
    *,
    output: Path,
    per_case: int = 1,
    contrast: Literal["T1", "T2", "interpolated", "random"] = "random",
    motion: bool = False,
    seed: int = 42,
    limit: int | None = None,
) -> Path:
    """Write synthetic volumes for the label maps of a data set.

    Images of the data set are never opened.

    Args:
        data: manifest CSV or folder of a data set.
        output: folder for images, label maps and the manifest ``cases.csv``.
        per_case: images for each label map, at least 1.
        contrast: prior of the contrast.
        motion: let the patient move.
        seed: with case id and number, decides each image.
        limit: use at most this many label maps; None for all.

    Returns:
        Path of the manifest.
    """
    output.mkdir(parents=True, exist_ok=True)
    rows = []
    for case in [c for c in discover_cases(data) if c.label][:limit]:
        structure = load_case(case, need_image=False).structure
        assert structure is not None  # the case has a label map
        spacing = [float(p) for p in structure.pixdim]
        whole = bool((structure == Structure.VERTEBRA).any())
        scheme = get_scheme("semantic4" if whole else "spine6")
        plain = structure.as_tensor()
        codes = scheme.encode(plain, torch.zeros_like(plain)).to(torch.uint8)
        grid = MetaTensor(codes, affine=structure.affine)
        label_name = f"{case.case_id}_label.nii.gz"
        write_volume(output / label_name, grid, like=grid)
        for number in range(per_case):
            generator = SpineSynthGenerator(
                contrast, add_motion=motion, spacing_mm=spacing, label_scheme=scheme.name,
                seed=derive_seed(seed, case.case_id, number) % _MAX_MONAI_SEED,
            )  # fmt: skip
            image = generator.generate_synthetic_mri(grid.as_tensor()[0])
            name = f"{case.case_id}_synth{number:03d}"
            write_volume(output / f"{name}.nii.gz", torch.from_numpy(image), like=grid)
            rows.append(
                {
                    "case_id": name,
                    "patient_id": case.patient_id,
                    "source": f"synthetic_{case.source}",
                    "contrast": f"synthetic_{contrast}",
                    "annotated": " ".join(sorted(case.annotated)),
                    "scheme": scheme.name,
                    "image": f"{name}.nii.gz",
                    "label": label_name,
                }
            )
    manifest = output / "cases.csv"
    write_csv(manifest, pd.DataFrame(rows))
    return manifest
