"""A data set without any data: phantoms with T1- and T2-like scans, as files.

It stands in for real scans in the demonstration and shows how the pipeline
works. It says nothing about how well a network does on real scans.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch
from monai.data.meta_tensor import MetaTensor
from monai.transforms.compose import Compose
from torch import Tensor

from spinesynth.anatomy.phantom import PhantomMaps, draw_phantom, render_phantom
from spinesynth.io.tables import write_csv
from spinesynth.io.write import write_volume
from spinesynth.seeding import derive_seed, derive_seed32
from spinesynth.transforms import (
    PercentileNormalise,
    RandAcquiredResolution,
    RandBiasGain,
    RandMagnitudeNoise,
    RandSurfaceCoil,
    RandTissueContrast,
)

PHANTOM_CONTRASTS = ("T1", "T2")
PHANTOM_SOURCE = "phantom"
#: A phantom knows all of its anatomy.
PHANTOM_ANNOTATED = frozenset({"body", "posterior", "disc", "canal", "sacrum"})
_SHAPE = (9, 208, 256)
_SPACING_MM = (4.0, 1.0, 1.0)
_PEAK = 1000.0  # magnitude images are stored as integers of about this size


def scan_phantom(maps: PhantomMaps, contrast: str, *, seed: int) -> Tensor:
    """Return a scan ``(1, I, J, K)`` float32 of a phantom.

    Args:
        maps: rendered phantom.
        contrast: ``"T1"`` or ``"T2"``.
        seed: of everything random about the scan.
    """
    name = {"T1": "t1", "T2": "t2"}[contrast]
    scanner = Compose(
        [
            RandTissueContrast(name, spread=(0.01, 0.03), texture=(0.02, 0.08)),  # type: ignore[arg-type]
            RandSurfaceCoil((120.0, 250.0), floor=(0.1, 0.3)),
            RandBiasGain((0.0, 0.15)),
            RandAcquiredResolution((1.0, 1.4), spacing_mm=_SPACING_MM, thick_axis_prob=0.0),
            RandMagnitudeNoise((0.01, 0.025)),
            PercentileNormalise(),
        ]
    ).set_random_state(derive_seed32(seed, contrast))
    return (torch.as_tensor(scanner(maps.tissue[None])) * _PEAK).round()


def write_phantom_dataset(
    folder: Path, *, patients: int, seed: int, contrasts: Sequence[str] = PHANTOM_CONTRASTS
) -> Path:
    """Write phantoms as NIfTI files with a manifest, as a user's own data would lie.

    Args:
        folder: where files go; made if missing.
        patients: number of phantoms, each scanned in every contrast.
        seed: of the data set.
        contrasts: among ``T1`` and ``T2``.

    Returns:
        Path of the manifest ``cases.csv``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(patients):
        name = f"phantom{number + 1:03d}"
        patient_seed = derive_seed(seed, "phantom", number)
        maps = render_phantom(draw_phantom(patient_seed), shape=_SHAPE, spacing_mm=_SPACING_MM)
        label = MetaTensor(maps.structure[None], affine=maps.affine)
        write_volume(folder / f"{name}_label.nii.gz", label, like=label)
        for contrast in contrasts:
            image = MetaTensor(scan_phantom(maps, contrast, seed=patient_seed), affine=maps.affine)
            write_volume(folder / f"{name}_{contrast}.nii.gz", image.to(torch.int16), like=image)
            rows.append(
                {
                    "case_id": f"{name}_{contrast}",
                    "patient_id": name,
                    "source": PHANTOM_SOURCE,
                    "contrast": contrast,
                    "annotated": " ".join(sorted(PHANTOM_ANNOTATED)),
                    "scheme": "spine6",
                    "image": f"{name}_{contrast}.nii.gz",
                    "label": f"{name}_label.nii.gz",
                }
            )
    manifest = folder / "cases.csv"
    write_csv(manifest, pd.DataFrame(rows))
    return manifest
