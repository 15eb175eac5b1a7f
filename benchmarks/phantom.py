"""Time the phantom on the grids that are asked for, one thread each.

Three times of every grid, each with a new record:

- "drawn": parameters are drawn, and the record is rendered: from a seed to the labels;
- "record": from the parameters of a record to the labels; the spine is stacked, the tables are
  made and the maps painted anew;
- "spine": from a spine that is stacked, its tables made (`prepare_phantom`), to the labels on a
  grid that it has not seen; what a further slice of the same spine costs.

The times that are asked for hold for "record". CPU time is counted, not time on the clock; beside
other work it still grows, because caches are shared.

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
from spinesynth.anatomy.phantom import (
    PhantomMaps,
    PhantomRecord,
    PreparedPhantom,
    draw_phantom,
    prepare_phantom,
    render_phantom,
)


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
    """CPU times of one grid in ms.

    Attributes:
        work: name of the grid.
        start: what the time starts with: "drawn", "record" or "spine".
        pathology: whether findings are drawn.
        median_ms: of all records.
        least_ms: of all records.
        most_ms: of all records.
        asked_ms: from a record.
    """

    work: str
    start: str
    pathology: bool
    median_ms: float
    least_ms: float
    most_ms: float
    asked_ms: float


def time_grid(grid: Grid, *, repeats: int, pathology: bool) -> list[Row]:
    """Render a new record at every repeat; the first one, which loads code, is left out."""
    times: dict[str, list[float]] = {"drawn": [], "record": [], "spine": []}
    for seed in range(repeats + 1):
        record = draw_phantom(seed, pathology=pathology)
        phantom = prepare_phantom(record)
        times["drawn"].append(cpu_ms(partial(_draw_and_render, grid, seed, pathology=pathology)))
        times["record"].append(cpu_ms(partial(_render, grid, record)))
        times["spine"].append(cpu_ms(partial(_render, grid, phantom)))
    return [
        Row(
            grid.work, start, pathology,
            statistics.median(ms[1:]), min(ms[1:]), max(ms[1:]), grid.asked_ms,
        )
        for start, ms in times.items()
    ]  # fmt: skip


def _draw_and_render(grid: Grid, seed: int, *, pathology: bool) -> PhantomMaps:
    return _render(grid, draw_phantom(seed, pathology=pathology))


def _render(grid: Grid, phantom: PhantomRecord | PreparedPhantom) -> PhantomMaps:
    return render_phantom(phantom, shape=grid.shape, spacing_mm=grid.spacing_mm)


def format_rows(rows: Iterable[Row]) -> str:
    """Return the rows as a table."""
    names = ("median", "least", "most", "asked")
    heads = "".join(f"{name:>9}" for name in names)
    lines = [f"{'work':14}{'start':>8}{'pathology':>11}{heads}   (ms)"]
    lines += [
        f"{row.work:14}{row.start:>8}{'yes' if row.pathology else 'no':>11}"
        + "".join(f"{getattr(row, name + '_ms'):9.1f}" for name in names)
        for row in rows
    ]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Measure every grid, print the table and write it if asked to."""
    options = read_options(__doc__, arguments, repeats=10, of="records of each grid")
    with one_thread():
        rows = [
            row
            for grid in GRIDS
            for pathology in (False, True)
            for row in time_grid(grid, repeats=options.repeats, pathology=pathology)
        ]
    report(rows, format_rows(rows), options.json)


if __name__ == "__main__":
    main()
