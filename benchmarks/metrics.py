"""Time of all surface metrics of one scan of SPIDER's size, beside MONAI's functions.

    python benchmarks/metrics.py --repeats 5

A column of 15 instances (8 vertebrae, 7 discs) in 20 x 640 x 512 voxels is scored
instance by instance with HD95, ASSD and surface Dice at 1 and 2 mm. Ours measures
the surface distances of an instance once, in the box of both masks; MONAI's
functions are called one by one, and each measures anew. They take turns, CPU
time of one thread is counted, and the results are compared before the times.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from monai.metrics.hausdorff_distance import compute_hausdorff_distance
from monai.metrics.surface_dice import compute_surface_dice
from monai.metrics.surface_distance import compute_average_surface_distance
from numpy.typing import NDArray

from spinesynth.metrics import InstanceMatch, InstanceMatching, score_instances

SHAPE = (20, 640, 512)
SPACING_MM = (4.0, 0.55, 0.55)
INSTANCES = 15
SURFACE_METRICS = ("hd95", "assd", "nsd_1mm", "nsd_2mm")
OURS, MONAI = "spinesynth", "monai"

Scores = dict[str, list[float]]


def column(shape: tuple[int, int, int], *, instances: int, shift: float = 0.0) -> NDArray[np.uint8]:
    """Return high and low boxes with round corners on top of each other, numbered upwards.

    Args:
        shape: voxels along R, A, S.
        instances: how many share the height; odd ones are vertebrae.
        shift: in voxels along A; a shifted one is also larger by half of it.
    """
    level = shape[2] / (1.5 * instances)  # a vertebra takes two parts of the height, a disc one
    i, j, k = np.ogrid[: shape[0], : shape[1], : shape[2]]
    across = ((i - shape[0] / 2) / (0.35 * shape[0])) ** 4
    codes = np.zeros(shape, dtype=np.uint8)
    bottom = 0.25 * level
    for number in range(1, instances + 1):
        height = (1.8 if number % 2 else 0.7) * level
        along = (j - shape[1] / 2 - shift) / (1.2 * level + shift / 2)
        up = (k - bottom - height / 2 - 0.3 * shift) / (height / 2)
        codes[across + along**4 + up**4 < 1] = number
        bottom += height + 0.15 * level
    return codes


def ours(prediction: NDArray[np.uint8], reference: NDArray[np.uint8], number: int) -> Scores:
    """Score every instance with all surface metrics."""
    pairs = tuple(InstanceMatch(n, n, 1.0) for n in range(1, number + 1))
    scores = score_instances(
        prediction, reference, InstanceMatching(pairs, (), ()),
        spacing_mm=SPACING_MM, metrics=SURFACE_METRICS,
    )  # fmt: skip
    return {name: [score.values[name] for score in scores] for name in SURFACE_METRICS}


def one_hot(codes: NDArray[np.uint8], number: int) -> torch.Tensor:
    """Return the masks of all instances as MONAI takes them, ``(1, instances, I, J, K)``."""
    masks = [torch.from_numpy(codes == n) for n in range(1, number + 1)]
    return torch.stack(masks)[None]


def monai(prediction: torch.Tensor, reference: torch.Tensor) -> Scores:
    """Score every instance with MONAI's functions, one by one."""
    count = prediction.shape[1]
    spacing = list(SPACING_MM)
    hd95 = compute_hausdorff_distance(
        prediction, reference, include_background=True, percentile=95, spacing=spacing
    )
    assd = compute_average_surface_distance(
        prediction, reference, include_background=True, symmetric=True, spacing=spacing
    )
    nsd = [
        compute_surface_dice(
            prediction, reference, [limit] * count, include_background=True, spacing=spacing
        )
        for limit in (1.0, 2.0)
    ]
    return {
        name: scores[0].tolist()
        for name, scores in zip(SURFACE_METRICS, (hd95, assd, *nsd), strict=True)
    }


def largest_difference(first: Scores, second: Scores) -> float:
    """Return the largest difference of any score of any instance."""
    return max(float(np.max(np.abs(np.subtract(first[n], second[n])))) for n in SURFACE_METRICS)


def cpu_ms(call: Callable[[], object]) -> float:
    """Return the processor time of one call in ms."""
    start = time.process_time()
    call()
    return 1000 * (time.process_time() - start)


def measure(shape: tuple[int, int, int], instances: int, repeats: int) -> dict[str, float]:
    """Return the largest difference, the median times in ms and their ratio."""
    reference = column(shape, instances=instances)
    prediction = column(shape, instances=instances, shift=3.0)
    batches = [one_hot(codes, instances) for codes in (prediction, reference)]
    calls: dict[str, Callable[[], Scores]] = {
        OURS: lambda: ours(prediction, reference, instances),
        MONAI: lambda: monai(*batches),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MONAI's own deprecations are not measured
        difference = largest_difference(calls[OURS](), calls[MONAI]())
        times: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(repeats):
            for name, call in calls.items():
                times[name].append(cpu_ms(call))
    medians = {name: statistics.median(values) for name, values in times.items()}
    return {"difference": difference, **medians, "ratio": medians[MONAI] / medians[OURS]}


def main(arguments: list[str] | None = None) -> None:
    """Measure both in turn and print medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args(arguments).repeats
    if repeats < 1:
        parser.error(f"--repeats must be at least 1, got {repeats}")
    torch.set_num_threads(1)
    measured = measure(SHAPE, INSTANCES, repeats)
    print(f"largest difference of {len(SURFACE_METRICS) * INSTANCES} scores: "
          f"{measured['difference']:.1e}")  # fmt: skip
    for name in (OURS, MONAI):
        print(f"{name:12} {measured[name]:8.0f} ms (median of {repeats})")
    print(f"ratio monai / spinesynth: {measured['ratio']:.2f}")


if __name__ == "__main__":
    main()
