"""Time the synthesis chain beside the same chain in TorchIO, one thread each.

Both turn a label map of all tissues into an image: deform, paint a Gaussian
mixture, bias, lose resolution, noise, gamma, normalise. The two take turns in
one process, so that whatever else the machine does disturbs both alike, and
CPU time is counted, not time on the clock.

    python benchmarks/synthesis.py
    python benchmarks/synthesis.py --repeats 20 --json speed.json
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import SimpleITK
import torch
import torchio
from monai.transforms.compose import Compose
from torch import Tensor

from spinesynth.anatomy.tissues import Tissue
from spinesynth.kernels.smooth_noise import smooth_noise
from spinesynth.transforms import (
    PercentileNormalise,
    RandAcquiredResolution,
    RandBiasGain,
    RandDeformPatch,
    RandGammaCurve,
    RandMagnitudeNoise,
    RandTissueContrast,
)

# These annotate few of their functions.
_TIO: Any = torchio
_PROCESS: Any = SimpleITK.ProcessObject
_THREADPOOLS: Any = importlib.import_module("threadpoolctl")

_NOTES = """\
CPU milliseconds of one thread, median; samples/s of one thread that does nothing else.
Map of {codes} codes, 1 mm voxels. Every stage acts on every sample, ours at its defaults, without
motion.
What each computes:
  deform     ours: affine and diffeomorphic field (integrated velocity) in one sampling, at the
             size of the output, cut from the whole map; TorchIO: affine, then a B-spline field
             that is not integrated, two samplings. Its patch is cut first, so that it pulls
             padding in at the border; a patch without that costs TorchIO as much as the volume.
  contrast   both one Gaussian per label; ours has texture at three scales besides.
  resolution ours: slice profile, sampling and interpolation, on all axes or on one; TorchIO:
             a blur on all axes, then coarse sampling of one axis by nearest neighbour and
             interpolation of it.
  noise      ours: Rician, TorchIO: Gaussian; both white.
  bias       ours: exponential of a B-spline of 4 nodes an axis; TorchIO: of a cubic polynomial."""


@dataclass(frozen=True)
class Work:
    """What is made: output size, size of the map it is made from, rounds per repeat."""

    name: str
    size: tuple[int, ...]
    source: tuple[int, ...]
    rounds: int


@dataclass(frozen=True)
class Row:
    """One line of the result."""

    work: str
    library: str
    threads: int
    median_ms: float
    samples_per_s: float


WORKS = (
    Work("slice 256x256", (256, 256), (256, 256), 6),
    Work("patch 80x80x32", (80, 80, 32), (160, 256, 64), 3),
    Work("volume 160x256x64", (160, 256, 64), (160, 256, 64), 1),
)


def make_map(size: tuple[int, ...]) -> Tensor:
    """Draw a ``(1, *size)`` uint8 map in which every tissue holds some regions."""
    generator = torch.Generator().manual_seed(0)
    best = torch.full(size, -torch.inf)
    codes = torch.zeros(size, dtype=torch.uint8)
    for tissue in Tissue:
        field = smooth_noise(size, [18.0] * len(size), generator=generator)[0, 0]
        codes[field > best] = int(tissue)
        best = torch.maximum(best, field)
    return codes[None]


def build_ours(work: Work) -> Callable[[Tensor], Tensor]:
    """Return our chain, from the whole map to an image of the work's size."""
    chain = Compose(
        [
            RandDeformPatch(work.size, margin=0.0),
            RandTissueContrast("random"),
            RandBiasGain(),
            RandAcquiredResolution(),
            RandMagnitudeNoise(),
            RandGammaCurve(),
            PercentileNormalise(),
        ]
    ).set_random_state(0)

    def make(codes: Tensor) -> Tensor:
        image: Tensor = chain(codes)
        return image

    return make


def build_torchio(work: Work) -> Callable[[Tensor], Tensor]:
    """Return the same chain in TorchIO; a patch is cut from the map before it."""
    flat = len(work.size) == 2
    turn, bend = 15.0, 4.0
    affine = _TIO.RandomAffine(
        scales=(0.8, 1.2, 0.8, 1.2, 1, 1) if flat else 0.2,
        degrees=(0, 0, 0, 0, -turn, turn) if flat else (turn, turn / 3, turn / 3),
    )
    elastic = _TIO.RandomElasticDeformation(
        num_control_points=5, max_displacement=(bend, bend, 0) if flat else bend
    )
    chain = _TIO.Compose(
        [
            affine,
            elastic,
            _TIO.RandomLabelsToImage(
                label_key="label", default_mean=(0.0, 1.0), default_std=(0.005, 0.06)
            ),
            _TIO.RandomBiasField(coefficients=0.5),
            _TIO.RandomBlur(std=(0, 1.5, 0, 1.5, 0, 0) if flat else (0, 1.5)),
            _TIO.RandomAnisotropy(axes=(0, 1) if flat else (0, 1, 2), downsampling=(1.0, 4.0)),
            _TIO.RandomNoise(std=(0.01, 0.05)),
            _TIO.RandomGamma(log_gamma=(-0.4, 0.4)),
            _TIO.RescaleIntensity((0, 1), percentiles=(0.5, 99.5)),
        ]
    )

    def make(codes: Tensor) -> Tensor:
        cut = codes[(slice(None), *(slice((n - s) // 2, (n + s) // 2) for n, s in _sizes(work)))]
        volume = cut[..., None] if flat else cut
        subject = _TIO.Subject(label=_TIO.LabelMap(tensor=volume.clone()))
        image: Tensor = chain(subject)["image_from_labels"].data
        return image[..., 0] if flat else image

    return make


def _sizes(work: Work) -> list[tuple[int, int]]:
    return list(zip(work.source, work.size, strict=True))


def time_work(work: Work, repeats: int) -> list[Row]:
    """Let both libraries make the work in turns and return the median of each."""
    codes = make_map(work.source)
    makers = {"spinesynth": build_ours(work), "torchio": build_torchio(work)}
    times_ms: dict[str, list[float]] = {library: [] for library in makers}
    for maker in makers.values():  # caches fill and libraries load once
        if tuple(maker(codes).shape[1:]) != work.size:
            raise RuntimeError(f"{work.name}: output must have size {work.size}")
    for _ in range(repeats * work.rounds):
        for library, maker in makers.items():
            start = time.process_time()
            maker(codes)
            times_ms[library].append(1e3 * (time.process_time() - start))
    medians = {library: statistics.median(values) for library, values in times_ms.items()}
    return [Row(work.name, library, 1, ms, 1e3 / ms) for library, ms in medians.items()]


def format_table(rows: list[Row]) -> str:
    """Return the rows as a table in which each work has one line."""
    lines = [
        f"{'':20}{'ours':>10}{'':>12}{'TorchIO':>12}{'':>12}{'':>10}",
        f"{'work':20}{'ms':>10}{'samples/s':>12}{'ms':>12}{'samples/s':>12}{'ratio':>10}",
    ]
    for ours, other in zip(rows[::2], rows[1::2], strict=True):
        lines.append(
            f"{ours.work:20}{ours.median_ms:10.1f}{ours.samples_per_s:12.1f}"
            f"{other.median_ms:12.1f}{other.samples_per_s:12.2f}"
            f"{other.median_ms / ours.median_ms:9.1f}x"
        )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Time every work, print the table and write it if asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="repeats of each work (default 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows here too")
    options = parser.parse_args(arguments)
    if options.repeats < 1:
        parser.error(f"--repeats must be at least 1, got {options.repeats}")
    torch.set_num_threads(1)
    _PROCESS.SetGlobalDefaultNumberOfThreads(1)
    with _THREADPOOLS.threadpool_limits(limits=1):
        rows = [row for work in WORKS for row in time_work(work, options.repeats)]
    print(format_table(rows))
    print(_NOTES.format(codes=len(Tissue)))
    if options.json:
        content = {"rows": [asdict(row) for row in rows]}
        options.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
