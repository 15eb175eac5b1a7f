"""Time of HD95 on a volume of clinical size, side by side with MONAI.

    python benchmarks/metrics.py --repeats 5

Both compute the 95th percentile of the surface distances of one structure; ours
crops to the two masks first. MONAI crops too, and takes the surface by erosion.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from monai.metrics.hausdorff_distance import compute_hausdorff_distance
from numpy.typing import NDArray

from spinesynth.metrics import METRICS, MaskPair

SPACING_MM = (4.0, 0.9, 0.9)


def discs(radius: int, *, shift: int) -> NDArray[np.bool_]:
    """Return seven stacked round structures in a volume of 20 x 300 x 300."""
    _, j, k = np.indices((20, 300, 300))
    centres = [20 + 40 * level for level in range(7)]
    near = [(j - 150 - shift) ** 2 + (k - centre) ** 2 < radius**2 for centre in centres]
    return np.asarray(np.any(near, axis=0))


def cpu_ms(call: Callable[[], object]) -> float:
    """Return the processor time of one call in ms."""
    start = time.process_time()
    call()
    return 1000 * (time.process_time() - start)


def main() -> None:
    """Measure both in turn and print medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    first, second = discs(17, shift=0), discs(18, shift=3)
    one_hot = [torch.from_numpy(mask)[None, None].float() for mask in (first, second)]
    calls: dict[str, Callable[[], object]] = {
        # a new pair each time: it keeps its distances for the next metric
        "spinesynth": lambda: METRICS["hd95"].function(
            MaskPair(first, second, spacing_mm=SPACING_MM)
        ),
        "monai": lambda: compute_hausdorff_distance(
            one_hot[0],
            one_hot[1],
            include_background=True,
            percentile=95,
            spacing=list(SPACING_MM),
        ),
    }
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            times[name].append(cpu_ms(call))
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, median in medians.items():
        print(f"{name:12} {median:8.0f} ms (median of {repeats})")
    print(f"ratio monai / spinesynth: {medians['monai'] / medians['spinesynth']:.2f}")


if __name__ == "__main__":
    main()
