"""Time the contrasts beside each other, one thread: the stage alone, and a whole recipe.

Mixture and physics take turns, so that whatever else the machine does disturbs all alike,
and CPU time is counted. Physics is to cost at most 1.5 times the mixture.

    python benchmarks/contrast.py
    python benchmarks/contrast.py --repeats 40 --json contrast.json
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

if __package__ in (None, ""):  # started as a file: its siblings are found from the checkout
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.options import read_options, report
from benchmarks.synthesis_peers.measure import cpu_ms, one_thread
from spinesynth.anatomy.phantom import draw_phantom, render_phantom
from spinesynth.transforms import RandContrast, RandSynthesizeMRI

CONTRASTS = ("random", "interpolated", "physics", "hybrid")
_WARM = 2  # calls that load code and fill caches


@dataclass(frozen=True)
class Work:
    """Size of a tissue map; the recipe makes a patch as large as a slice of it."""

    name: str
    shape: tuple[int, int, int]
    rounds: int


WORKS = (Work("slice", (1, 256, 256), 8), Work("volume", (64, 160, 256), 1))


@dataclass(frozen=True)
class Row:
    """CPU times of one contrast in ms, and over those of the random mixture."""

    work: str
    what: str
    contrast: str
    median_ms: float
    least_ms: float
    ratio: float
    least_ratio: float


def time_work(work: Work, what: str, *, repeats: int) -> list[Row]:
    """Let the contrasts make the work in turns."""
    flat = work.shape[0] == 1
    maps = render_phantom(draw_phantom(0), shape=work.shape, spacing_mm=(2.5, 1.2, 1.2)).tissue
    data = maps if flat else maps[None]
    calls: dict[str, Callable[[], object]] = {}
    for name in CONTRASTS:
        if what == "stage":
            stage = RandContrast(name)  # type: ignore[arg-type]  # one of its literals
            calls[name] = partial(stage.set_random_state(0), data)
        else:
            size = work.shape[1:] if flat else work.shape
            chain = RandSynthesizeMRI(name, patch_size=size)
            calls[name] = partial(chain.set_random_state(0), data)
    times: dict[str, list[float]] = {name: [] for name in CONTRASTS}
    for _ in range(repeats * work.rounds + _WARM):
        for name, call in calls.items():
            times[name].append(cpu_ms(call))
    medians = {name: statistics.median(taken[_WARM:]) for name, taken in times.items()}
    least = {name: min(taken[_WARM:]) for name, taken in times.items()}
    first = CONTRASTS[0]
    return [
        Row(
            work.name, what, name, medians[name], least[name],
            medians[name] / medians[first], least[name] / least[first],
        )
        for name in CONTRASTS
    ]  # fmt: skip


def format_rows(rows: list[Row]) -> str:
    """Return the rows as a table."""
    head = (
        f"{'work':8}{'what':8}{'contrast':14}{'median':>9}{'least':>9}{'ratio':>8}{'of least':>10}"
    )
    lines = [
        f"{row.work:8}{row.what:8}{row.contrast:14}{row.median_ms:9.2f}{row.least_ms:9.2f}"
        f"{row.ratio:8.2f}{row.least_ratio:10.2f}"
        for row in rows
    ]
    return "\n".join([head + "   (ms of CPU)", *lines])


def main(arguments: list[str] | None = None) -> None:
    """Measure every work, print the table and write it if asked to."""
    options = read_options(__doc__, arguments, repeats=10, of="repeats")
    with one_thread():
        rows = [
            row
            for work in WORKS
            for what in ("stage", "recipe")
            for row in time_work(work, what, repeats=options.repeats)
        ]
    report(rows, format_rows(rows), options.json)


if __name__ == "__main__":
    main()
