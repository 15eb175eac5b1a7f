"""Time the synthesis chain beside the same chain in other libraries, one thread each.

All turn a label map of 20 labels into an image: warp, paint a Gaussian
mixture, bias, blur, lose resolution, noise, gamma, normalise. They take turns,
so that whatever else the machine does disturbs all alike, and CPU time is
counted, not time on the clock.

    python benchmarks/synthesis.py
    python benchmarks/synthesis.py --repeats 20 --json speed.json
    python benchmarks/synthesis.py --torchio2 FOLDER
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

if __package__ in (None, ""):  # started as a file: its siblings are found from the checkout
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.synthesis_peers.catalogue import LIBRARIES, NOT_MEASURED, OURS, TORCHIO2
from benchmarks.synthesis_peers.measure import Timer, one_thread, take_turns, warm_timer
from benchmarks.synthesis_peers.table import (
    Row,
    StepRow,
    format_notes,
    format_rows,
    format_steps,
)
from benchmarks.synthesis_peers.training import STEPS, time_step
from benchmarks.synthesis_peers.work import LABELS, WORKS, Work, make_map
from benchmarks.synthesis_peers.worker import Worker

_PEAK_CALLS = 3
_HEAD = """\
CPU milliseconds of one thread, median; samples/s of one thread that does nothing else; growth of
resident memory by one call, the largest of {calls}. Map of {codes} codes, 1 mm voxels. Every stage
acts on every sample."""


def choose(torchio2: Path | None) -> tuple[list[str], dict[str, str]]:
    """Return the libraries that can run here, and why the others cannot."""
    skipped = dict(NOT_MEASURED)
    for library in LIBRARIES.values():
        if library.name == TORCHIO2 and torchio2 is None:
            skipped[library.name] = "no --torchio2 FOLDER; see benchmarks/README.md"
        elif not library.installed():
            skipped[library.name] = "not installed; pip install '.[bench]'"
    return [name for name in LIBRARIES if name not in skipped], skipped


def _folder(library: str, torchio2: Path | None) -> Path | None:
    return torchio2 if library == TORCHIO2 else None


def time_work(
    work: Work, libraries: Iterable[str], *, repeats: int, torchio2: Path | None = None
) -> dict[str, float]:
    """Let the libraries make the work in turns and return the median of each in ms."""
    codes = make_map(work.source)
    timers: dict[str, Timer] = {}
    with contextlib.ExitStack() as stack:
        for name in libraries:
            folder = _folder(name, torchio2)
            if folder is None:
                timers[name] = warm_timer(work, LIBRARIES[name].build(work), codes)
            else:
                timers[name] = stack.enter_context(Worker(name, work, first=folder)).time_ms
        return take_turns(timers, repeats * work.rounds)


def measure_peak(work: Work, library: str, torchio2: Path | None = None) -> float | None:
    """Return the largest memory growth of a call in a fresh process, in MiB."""
    with Worker(library, work, first=_folder(library, torchio2)) as worker:
        peaks = [worker.peak_mib() for _ in range(_PEAK_CALLS)]
    known = [peak for peak in peaks if peak is not None]
    return max(known) if known else None


def measure_rows(
    works: Iterable[Work], libraries: list[str], *, repeats: int, torchio2: Path | None = None
) -> list[Row]:
    """Return time and memory of every library at every work."""
    rows = []
    for work in works:
        able = [name for name in libraries if work.name in LIBRARIES[name].works]
        medians_ms = time_work(work, able, repeats=repeats, torchio2=torchio2)
        for name in able:
            peak = measure_peak(work, name, torchio2)
            rows.append(Row(work.name, name, 1, medians_ms[name], peak))
    return rows


def measure_steps(rows: list[Row], works: Iterable[Work], *, repeats: int) -> list[StepRow]:
    """Return the cost of a sample of ours as share of a training step on it."""
    sizes = {work.name: work.size for work in works}
    ours_ms = {row.work: row.median_ms for row in rows if row.library == OURS}
    steps = []
    for step in STEPS:
        if step.work in sizes:
            step_ms = time_step(step.build(), sizes[step.work], repeats)
            share = 100 * ours_ms[step.work] / step_ms
            steps.append(StepRow(step.work, step.network, 1, step_ms, share))
    return steps


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="repeats of each work (default 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows here too")
    parser.add_argument(
        "--torchio2", type=Path, metavar="FOLDER", help="folder that TorchIO 2 is installed in"
    )
    parser.add_argument(
        "--work",
        action="append",
        choices=[work.name for work in WORKS],
        help="only this work; may be repeated (default: all)",
    )
    options = parser.parse_args(arguments)
    if options.repeats < 1:
        parser.error(f"--repeats must be at least 1, got {options.repeats}")
    if options.torchio2 and not (options.torchio2 / "torchio").is_dir():
        parser.error(f"--torchio2 must hold the package torchio, got {options.torchio2}")
    return options


def main(arguments: list[str] | None = None) -> None:
    """Measure every work, print the table and write it if asked to."""
    options = _options(arguments)
    works = tuple(work for work in WORKS if not options.work or work.name in options.work)
    libraries, skipped = choose(options.torchio2)
    with one_thread():
        rows = measure_rows(works, libraries, repeats=options.repeats, torchio2=options.torchio2)
        steps = measure_steps(rows, works, repeats=options.repeats)
    versions = {
        name: LIBRARIES[name].version(_folder(name, options.torchio2))
        for name in dict.fromkeys(row.library for row in rows)
    }
    head = _HEAD.format(calls=_PEAK_CALLS, codes=len(LABELS))
    notes = format_notes(versions, skipped)
    print(head, format_rows(rows, works), format_steps(steps), notes, sep="\n\n")
    if options.json:
        content = {
            "rows": [asdict(row) for row in rows],
            "steps": [asdict(step) for step in steps],
            "versions": versions,
            "skipped": skipped,
        }
        options.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
