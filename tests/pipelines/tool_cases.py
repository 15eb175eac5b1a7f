"""Predictions in the codes of other tools, and their comparison, as small as they go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spinesynth.pipelines.results import (
    METRICS_CSV,
)
from spinesynth.pipelines.tool_comparison import compare_tools
from tests.fabricate import (
    SPIDER_SERIES,
    Array,
    spider_codes,
    write_nifti,
)

#: Codes of SPIDER's anatomy in those of each tool: L5 to L3, the discs below them, the canal.
TOTALSPINESEG = {1: 45, 2: 44, 3: 43, 201: 100, 202: 95, 203: 94, 100: 2}
TPTBOX = {1: 24, 2: 23, 3: 22, 201: 124, 202: 123, 203: 122}


def recoded(codes: Mapping[int, int]) -> Array:
    spider = spider_codes()
    out = np.zeros(spider.shape, dtype=np.uint8)
    for source, target in codes.items():
        out[spider == source] = target
    return out


def predict(
    folder: Path, volume: Array, *, names: Iterable[str] = SPIDER_SERIES, end: str = ""
) -> Path:
    for name in names:
        write_nifti(folder / f"{name}{end}.nii.gz", volume)
    return folder


def compare(root: Path, *folders: Path, schemes: tuple[str, ...], **options: Any) -> Path:  # noqa: ANN401 those of compare_tools
    out = root / "out"
    compare_tools(
        folders, schemes, data=options.pop("data", root / "spider"), folder=out, command="test",
        **options,
    )  # fmt: skip
    return out


def table(folder: Path, name: Path = METRICS_CSV) -> pd.DataFrame:
    read: pd.DataFrame = pd.read_csv(folder / name, dtype={"case_id": str, "patient_id": str})
    return read
