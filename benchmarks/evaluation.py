"""Time of scoring predictions of many scans of SPIDER's size, files in, report out.

Every case is read, checked, guarded against leaks, and scored by structure and by instance,
as ``spinesynth compare`` does; the report is drawn. The same files are scored with MONAI's
functions in a plain loop, for a few of the cases: no checks, no instances matched, no tables.
Wall-clock time with as many threads as the libraries take.

    python benchmarks/evaluation.py
    python benchmarks/evaluation.py --repeats 20
"""

from __future__ import annotations

import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

if __package__ in (None, ""):  # started as a file: its siblings are found from the checkout
    import sys

    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.metrics import INSTANCES, SHAPE, SPACING_MM, column, monai, one_hot
from benchmarks.options import read_options, report
from spinesynth.pipelines.tool_comparison import compare_tools

_NIFTI: Any = nibabel  # it annotates few of its functions
_PLAIN_CASES = 3
_CASES = 100
#: SPIDER's codes of the column's pieces: vertebrae 1 to 8 upwards, discs from 201.
_SPIDER = np.array([0, *(n // 2 + 1 if n % 2 else 200 + n // 2 for n in range(1, INSTANCES + 1))])


@dataclass(frozen=True)
class EvaluationRow:
    """Tell how long one way took.

    Args:
        way: ours or a plain loop.
        cases: that were scored.
        total_s: wall-clock time of all of them.
        case_s: of one.
    """

    way: str
    cases: int
    total_s: float
    case_s: float


def _write(path: Path, volume: NDArray[np.generic]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    _NIFTI.Nifti1Image(volume, np.diag([*SPACING_MM, 1.0])).to_filename(path)


def write_cases(root: Path, count: int) -> tuple[Path, Path]:
    """Write scans, references and predictions, each patient's his own.

    Returns:
        Manifest and folder of predictions.
    """
    generator = np.random.default_rng(0)
    rows = []
    for number in range(count):
        name = f"case{number:03d}"
        # a few voxels apart, so that no patient has the mask of another
        reference = column(SHAPE, instances=INSTANCES, shift=0.05 * number)
        prediction = column(SHAPE, instances=INSTANCES, shift=3.0 + 0.05 * number)
        image = reference.astype(np.int16) * 50
        image[::2] += generator.integers(0, 30, image[::2].shape, dtype=np.int16)
        _write(root / "images" / f"{name}.nii.gz", image)
        _write(root / "labels" / f"{name}.nii.gz", _SPIDER[reference].astype(np.uint8))
        _write(root / "tool" / f"{name}.nii.gz", _SPIDER[prediction].astype(np.uint8))
        rows.append(
            {"case_id": name, "patient_id": name, "source": "made", "contrast": "T2",
             "annotated": "vertebra disc", "scheme": "spider",
             "image": f"images/{name}.nii.gz", "label": f"labels/{name}.nii.gz"}
        )  # fmt: skip
    pd.DataFrame(rows).to_csv(root / "cases.csv", index=False)
    return root / "cases.csv", root / "tool"


def _ours(manifest: Path, tool: Path, count: int) -> EvaluationRow:
    start = time.perf_counter()
    compare_tools([tool], ["spider"], data=manifest, folder=manifest.parent / "out", command="")
    total = time.perf_counter() - start
    return EvaluationRow("spinesynth compare", count, total, total / count)


def _codes(path: Path) -> NDArray[np.uint8]:
    stored = np.asanyarray(_NIFTI.load(path).dataobj)
    codes = np.zeros(256, dtype=np.uint8)
    codes[_SPIDER] = np.arange(INSTANCES + 1)
    found: NDArray[np.uint8] = codes[stored]
    return found


def _plain(manifest: Path, tool: Path, count: int) -> EvaluationRow:
    files = sorted(tool.glob("*.nii.gz"))[: min(_PLAIN_CASES, count)]
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MONAI's own deprecations are not measured
        for file in files:
            reference = _codes(manifest.parent / "labels" / file.name)
            monai(one_hot(_codes(file), INSTANCES), one_hot(reference, INSTANCES))
    total = time.perf_counter() - start
    return EvaluationRow("plain loop, MONAI", len(files), total, total / len(files))


def main(arguments: list[str] | None = None) -> None:
    """Write the cases, score them both ways, and print the times."""
    options = read_options(__doc__, arguments, repeats=_CASES, of="cases")
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as folder:
        manifest, tool = write_cases(Path(folder), options.repeats)
        rows = [way(manifest, tool, options.repeats) for way in (_ours, _plain)]
    lines = ["way                   cases   total s   s a case"]
    lines += [f"{r.way:20} {r.cases:6d} {r.total_s:9.1f} {r.case_s:10.2f}" for r in rows]
    lines.append(f"ratio a case, plain loop / ours: {rows[1].case_s / rows[0].case_s:.2f}")
    report(rows, "\n".join(lines), options.json)


if __name__ == "__main__":
    main()
