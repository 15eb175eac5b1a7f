"""Physics puts tissues in the order in which real scans of the same protocol show them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage
from scipy.stats import spearmanr

from spinesynth.anatomy.tissues import Tissue
from spinesynth.io.case import Case
from spinesynth.io.load_case import load_case
from spinesynth.io.manifest import read_manifest
from spinesynth.transforms import RandFillContext, RandSequenceContrast

_SEQUENCES = {"T2_SPACE": "t2_space", "T1": "t1_tse", "T2": "t2_tse"}
_GROUPS = {
    "canal": (Tissue.CSF, Tissue.CORD),
    "disc": (Tissue.NUCLEUS, Tissue.NUCLEUS_DRY, Tissue.ANNULUS),
    "body": (Tissue.MARROW_BODY,),
    "posterior": (Tissue.MARROW_POSTERIOR,),
}
#: Slices beside the canal: behind their bodies lie foramina, full of fat.
_LATERAL = ("spider106_t1_sl04", "spider106_t1_sl11")
_BEHIND_MM = 25.0  # of the canal: only fat, muscle, ligaments and processes
_DRAWS = 8


def _regions(tissue: np.ndarray, spacing_mm: float) -> dict[str, np.ndarray]:
    """Return each group's voxels without their border, and what lies behind the canal."""
    masks = {name: np.isin(tissue, group) for name, group in _GROUPS.items()}
    behind = np.zeros_like(masks["canal"])
    for row in np.flatnonzero(masks["canal"].any(0)):
        first = int(np.flatnonzero(masks["canal"][:, row])[0])
        behind[max(0, first - round(_BEHIND_MM / spacing_mm)) : first, row] = True
    bone = np.isin(tissue, [Tissue.MARROW_POSTERIOR, Tissue.CORTEX])
    inner = {n: ndimage.binary_erosion(m, np.ones((3, 3))) for n, m in masks.items()}
    return {n: m for n, m in inner.items() if m.any()} | {"behind": behind & ~bone}


def _intensities(image: np.ndarray, regions: dict[str, np.ndarray]) -> list[float]:
    """Return the median of each group, and fat and muscle as extremes behind the canal."""
    found = [float(np.median(image[mask])) for n, mask in regions.items() if n != "behind"]
    muscle, fat = np.percentile(image[regions["behind"]], [20, 90])
    return [*found, float(muscle), float(fat)]


def _agreement(case: Case) -> float:
    """Return the mean rank correlation of the middle slice with synthetic scans of it."""
    loaded = load_case(case)
    assert loaded.image is not None
    assert loaded.structure is not None
    middle, spacing_mm = loaded.structure.shape[1] // 2, [float(s) for s in loaded.structure.pixdim]
    fill = RandFillContext(annotated=case.annotated, spacing_mm=spacing_mm[-2:])
    maps = fill.set_random_state(1)(loaded.structure.as_tensor()[:, middle])
    regions = _regions(maps[1].numpy(), spacing_mm[-2])
    real = _intensities(loaded.image[0, middle].numpy(), regions)
    paint = RandSequenceContrast((_SEQUENCES[case.contrast],), texture=(0, 0), spread=(0, 0.02))
    ranks = []
    for seed in range(_DRAWS):
        image = paint.set_random_state(seed)(maps[1:]).numpy()[0]
        ranks.append(spearmanr(real, _intensities(image, regions)).statistic)
    return float(np.mean(ranks))


@pytest.mark.real
@pytest.mark.parametrize(
    ("source", "contrast"),
    [("spider_t2space", "T2_SPACE"), ("spider_t1t2_2d", "T1"), ("spider_t1t2_2d", "T2")],
)
def test_order_of_intensities_is_that_of_real_scans(
    real_data_dir: Path, source: str, contrast: str
) -> None:
    cases = [
        case
        for case in read_manifest(real_data_dir / "cases.csv")
        if (case.source, case.contrast) == (source, contrast) and case.case_id not in _LATERAL
    ]
    with torch.random.fork_rng(devices=[]):
        found = {case.case_id: round(_agreement(case), 3) for case in cases}

    assert np.mean(list(found.values())) >= 0.8, found
