"""Time the phantom on the grids that are asked for, one thread each.

Every repeat draws a new record, and nothing is kept between two: the spine is
stacked, the tables are made and the maps painted anew. CPU time is counted, not
time on the clock.

    python benchmarks/phantom.py
    python benchmarks/phantom.py --repeats 40 --json phantom.json
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

if __package__ in (None, ""):  # started as a file: its siblings are found from the checkout
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.options import read_options, report
from benchmarks.synthesis_peers.measure import cpu_ms, one_thread
from spinesynth.anatomy.phantom import draw_phantom, render_phantom


@dataclass(frozen=True)
class Grid:
    """Grid to render on, and the time asked for."""

    work: str
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    asked_ms: float


GRIDS = (
    Grid("slice", (1, 256, 256), (1.0, 1.0, 1.0), 15.0),
    Grid("volume", (64, 160, 256), (2.5, 1.2, 1.2), 500.0),
    Grid("axial volume", (160, 256, 64), (1.2, 1.2, 2.5), 500.0),
)


@dataclass(frozen=True)
class Row:
    """CPU times of one grid in ms."""

    work: str
    pathology: bool
    median_ms: float
    least_ms: float
    most_ms: float
    asked_ms: float


def time_grid(grid: Grid, *, repeats: int, pathology: bool) -> Row:
    """Render a new record at every repeat; the first call, which loads code, is left out."""
    times = []
    for seed in range(repeats + 1):
        record = draw_phantom(seed, pathology=pathology)
        render = partial(render_phantom, record, shape=grid.shape, spacing_mm=grid.spacing_mm)
        times.append(cpu_ms(render))
    del times[0]
    return Row(
        grid.work, pathology, statistics.median(times), min(times), max(times), grid.asked_ms
    )


def format_rows(rows: Iterable[Row]) -> str:
    """Return the rows as a table."""
    lines = [f"{'work':14}{'pathology':>10}{'median':>9}{'least':>9}{'most':>9}{'asked':>9}   (ms)"]
    lines += [
        f"{row.work:14}{'yes' if row.pathology else 'no':>10}{row.median_ms:9.1f}"
        f"{row.least_ms:9.1f}{row.most_ms:9.1f}{row.asked_ms:9.1f}"
        for row in rows
    ]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Measure every grid, print the table and write it if asked to."""
    options = read_options(__doc__, arguments, repeats=10, of="records of each grid")
    with one_thread():
        rows = [
            time_grid(grid, repeats=options.repeats, pathology=pathology)
            for grid in GRIDS
            for pathology in (False, True)
        ]
    report(rows, format_rows(rows), options.json)


if __name__ == "__main__":
    main()
