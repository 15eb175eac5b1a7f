"""How large each structure of a segmentation is, and each vertebra and disc of it."""

from __future__ import annotations

import math

import pandas as pd
import torch
from torch import Tensor

from spinesynth.anatomy.structures import REPORT_GROUPS
from spinesynth.pipelines.segmenter import Segmentation
from spinesynth.postprocess import SpineReading, measure_spine

_MM3_PER_ML = 1000.0
#: Kind of the table, and the end of its name.
VOLUMES_KIND, VOLUMES_SUFFIX = "volumes", "_volumes.csv"


def measure_volumes(segmentation: Segmentation, *, case_id: str) -> pd.DataFrame:
    """Return the volume of each structure, then of each vertebra and disc.

    Args:
        segmentation: of the scan.
        case_id: name of the scan, for the first column.

    Returns:
        Columns of the kind ``volumes`` in ``docs/tables.md``; absent structures have 0.
    """
    affine = segmentation.image.affine.double()
    voxel_mm3 = abs(float(torch.linalg.det(affine[:3, :3])))
    counts = torch.bincount(segmentation.structures.flatten(), minlength=_HIGHEST + 1)
    rows = [
        {
            "case_id": case_id, "structure": name, "instance": 0, "level": "",
            "confidence": math.nan, "partial": math.nan,
            "voxels": sum(int(counts[int(code)]) for code in REPORT_GROUPS[name]),
            "height_mm": math.nan,
        }
        for name in segmentation.groups
    ]  # fmt: skip
    if segmentation.reading is not None:
        rows += _instance_rows(segmentation.reading, affine, case_id)
    table = pd.DataFrame(rows)
    table.insert(7, "volume_mm3", table["voxels"] * voxel_mm3)
    table.insert(8, "volume_ml", table["volume_mm3"] / _MM3_PER_ML)
    return table


_HIGHEST = max(int(code) for codes in REPORT_GROUPS.values() for code in codes)


def _instance_rows(reading: SpineReading, affine: Tensor, case_id: str) -> list[dict[str, object]]:
    """Return a row for each vertebra and disc, upwards."""
    sizes = torch.bincount(reading.instances.flatten())
    heights_mm = {
        found.instance: found.value
        for found in measure_spine(reading, affine)
        if found.quantity == "height"
    }
    return [
        {
            "case_id": case_id, "structure": level.kind, "instance": level.instance,
            "level": level.name, "confidence": level.confidence, "partial": int(level.partial),
            "voxels": int(sizes[level.instance]),
            "height_mm": heights_mm.get(level.instance, math.nan),
        }
        for kind in ("vertebra", "disc")
        for level in reading.of_kind(kind)
    ]  # fmt: skip
