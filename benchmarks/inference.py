"""Time a whole prediction of one scan: torch, ONNX Runtime, and MONAI's inferer used plainly.

    python benchmarks/inference.py --repeats 3

A 2D U-Net (base 16, patches of 192 x 192 at 1 mm) labels a sagittal scan of 20 x 512 x 512
voxels on its own grid. MONAI's side does the same work as its tutorials have it: the network in
``SlidingWindowInferer`` over all slices, softmax, resizing to the scan's grid, argmax. Windows,
weights and resizing are the same, so labels must be equal but for ties; that is checked before
the times. Each row runs in a process of its own, with two threads on the clock; memory is the
peak of the process, imports and the network included.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from monai.data.meta_tensor import MetaTensor
from monai.inferers.inferer import SlidingWindowInferer
from torch import Tensor
from torch.nn import functional

if __package__ in (None, ""):  # started as a file: its siblings are found from the checkout
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.options import read_options, report
from spinesynth.io.checkpoint import Checkpoint, save_checkpoint
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.network_plan import build_network
from spinesynth.pipelines.predict import Engine, VolumePredictor, load_predictor

SHAPE, SPACING_MM = (20, 512, 512), (4.4, 0.6, 0.6)
PATCH, FEATURES, THREADS = (192, 192), 16, 2
TORCH, ONNX, MONAI = "spinesynth, torch", "spinesynth, onnxruntime", "MONAI, plainly"
Labels = Callable[[MetaTensor], Tensor]


@dataclass(frozen=True)
class Work:
    """A scan and a network for it."""

    shape: tuple[int, int, int] = SHAPE
    patch: tuple[int, int] = PATCH
    features: int = FEATURES


@dataclass(frozen=True)
class Row:
    """One way to predict.

    Attributes:
        what: the way.
        median_s: of the predictions, on the clock.
        peak_mib: largest memory of the process.
        ratio: median of MONAI's over this one.
        other_labels: share of voxels with another label than MONAI's.
    """

    what: str
    median_s: float
    peak_mib: float
    ratio: float
    other_labels: float


def make_scan(work: Work) -> MetaTensor:
    """Return smooth noise, seeded, as a canonical scan."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 1, *(max(2, n // 8) for n in work.shape), generator=generator)
    voxels = functional.interpolate(coarse, work.shape, mode="trilinear")[0]
    affine = torch.diag(torch.tensor([*SPACING_MM, 1.0], dtype=torch.float64))
    return MetaTensor(voxels, affine=affine)


def write_network(path: Path, work: Work) -> None:
    """Write a checkpoint of a network that nobody trained, seeded."""
    config = parse_config(
        {
            "name": "benchmark",
            "network": {"base_features": work.features},
            "training": {"patch_size": list(work.patch)},
        }
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        weights = build_network(config).state_dict()
    save_checkpoint(path, Checkpoint(config.model_dump(mode="json"), "spine6", "A", 0, weights))


def monai_plainly(predictor: VolumePredictor) -> Labels:
    """Return MONAI's inferer over all slices at once, and what has to follow."""
    inferer = SlidingWindowInferer(
        roi_size=predictor.inferer.roi_size,
        sw_batch_size=4,
        overlap=predictor.inferer.overlap,
        mode="gaussian",
    )

    def predict(image: MetaTensor) -> Tensor:
        with torch.inference_mode():
            logits = inferer(predictor.inputs(image), predictor.network)
            assert isinstance(logits, Tensor)
            probability = torch.softmax(logits, 1)
            native = functional.interpolate(
                probability, image.shape[-2:], mode="bilinear", antialias=True
            )
            return predictor.structures[native.argmax(1)]

    return predict


def make(what: str, checkpoint: Path) -> Labels:
    """Return one way to predict."""
    engine: Engine = "onnx" if what == ONNX else "torch"
    source = checkpoint.with_suffix(".onnx") if what == ONNX else checkpoint
    predictor, _ = load_predictor(source, engine=engine, threads=THREADS)
    return monai_plainly(predictor) if what == MONAI else predictor


def run_one(what: str, checkpoint: Path, work: Work, repeats: int, result: Path) -> None:
    """Time one way in this process, and leave times, memory and labels in files."""
    torch.set_num_threads(THREADS)
    predict, image = make(what, checkpoint), make_scan(work)
    labels, times = predict(image), []
    for _ in range(repeats):
        start = time.perf_counter()
        predict(image)
        times.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # KiB on Linux
    torch.save(labels, result.with_suffix(".pt"))
    result.write_text(json.dumps({"median_s": statistics.median(times), "peak_mib": peak}))


def measure(work: Work, repeats: int, ways: tuple[str, ...] = (MONAI, TORCH, ONNX)) -> list[Row]:
    """Return a row for each way, MONAI's first."""
    from spinesynth.pipelines.onnx_export import export_onnx

    found: list[tuple[str, dict[str, float], Tensor]] = []
    with tempfile.TemporaryDirectory() as name:
        checkpoint = Path(name) / "network.pt"
        write_network(checkpoint, work)
        if ONNX in ways:
            export_onnx(checkpoint, checkpoint.with_suffix(".onnx"))
        for number, what in enumerate(ways):
            result = Path(name) / f"{number}.json"
            process = multiprocessing.get_context("spawn").Process(
                target=run_one, args=(what, checkpoint, work, repeats, result)
            )
            process.start()
            process.join()
            if process.exitcode:
                raise RuntimeError(f"{what} ended with status {process.exitcode}")
            labels = torch.load(result.with_suffix(".pt"), weights_only=True)
            found.append((what, json.loads(result.read_text()), labels))
    slowest, reference = found[0][1]["median_s"], found[0][2]
    return [
        Row(
            what, numbers["median_s"], numbers["peak_mib"], slowest / numbers["median_s"],
            float((labels != reference).float().mean()),
        )
        for what, numbers, labels in found
    ]  # fmt: skip


def format_rows(rows: list[Row]) -> str:
    """Return the rows as a table."""
    lines = [f"{'':26}{'s':>8}{'peak MiB':>10}{'times as fast':>15}{'other labels':>14}"]
    lines += [
        f"{row.what:26}{row.median_s:8.2f}{row.peak_mib:10.0f}{row.ratio:15.2f}"
        f"{row.other_labels:14.1e}"
        for row in rows
    ]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Measure every way and print medians."""
    options = read_options(__doc__, arguments, repeats=3, of="predictions of each way")
    missing = [name for name in ("onnx", "onnxruntime", "onnxscript") if not find_spec(name)]
    if missing:
        print(f"left out: {ONNX}, which needs {', '.join(missing)}")
    rows = measure(Work(), options.repeats, (MONAI, TORCH) if missing else (MONAI, TORCH, ONNX))
    report(rows, format_rows(rows), options.json)


if __name__ == "__main__":
    main()
