"""The result as text."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.synthesis_peers.catalogue import LIBRARIES, OURS
from benchmarks.synthesis_peers.training import LIMIT_PERCENT
from benchmarks.synthesis_peers.work import Work


@dataclass(frozen=True)
class Row:
    """One library at one work."""

    work: str
    library: str
    threads: int
    median_ms: float
    peak_mib: float | None


@dataclass(frozen=True)
class StepRow:
    """What one sample of ours costs beside one training step on it."""

    work: str
    network: str
    threads: int
    step_ms: float
    share_percent: float


def format_rows(rows: list[Row], works: tuple[Work, ...]) -> str:
    """Return one block of lines a work, each library beside ours."""
    lines = [f"{'':18} {'ms':>9} {'to ours':>9} {'samples/s':>10} {'peak MiB':>9}"]
    for work in works:
        mine = {row.library: row for row in rows if row.work == work.name}
        size = "x".join(map(str, work.size))
        lines.append(f"{work.name} {size} (asked: at most {work.limit_mib:.0f} MiB)")
        for row in mine.values():
            ratio = row.median_ms / mine[OURS].median_ms
            peak = "unknown" if row.peak_mib is None else f"{row.peak_mib:.0f}"
            lines.append(
                f"  {row.library:16} {row.median_ms:9.1f} {ratio:8.1f}x "
                f"{1e3 / row.median_ms:10.1f} {peak:>9}"
            )
    return "\n".join(lines)


def format_steps(steps: list[StepRow]) -> str:
    """Return the share of each training step that one sample costs."""
    lines = [f"One sample of ours beside one training step (asked: at most {LIMIT_PERCENT:g} %)"]
    lines += [
        f"  {step.work:6} {step.network:22} {step.step_ms:9.1f} ms {step.share_percent:6.1f} %"
        for step in steps
    ]
    return "\n".join(lines)


def format_notes(versions: Mapping[str, str], skipped: Mapping[str, str]) -> str:
    """Return what each library computes, and which were left out and why."""
    lines = ["What each computes:"]
    for name, version in versions.items():
        note = textwrap.fill(
            " ".join(LIBRARIES[name].note.split()),
            width=98,
            initial_indent="    ",
            subsequent_indent="    ",
        )
        lines += [f"  {name} ({version})", note]
    lines += [f"Skipped: {name} ({reason})" for name, reason in skipped.items()]
    return "\n".join(lines)
