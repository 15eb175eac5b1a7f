"""Time training steps of the preset ``cpu``: loader, loop, number format and layout.

Model A of ``configs/cpu.yaml`` trains on label maps of phantoms written to a temporary folder
and read as anybody's data are. Time is on the clock, with as many threads as torch takes: what
a loader keeps waiting is no CPU time.

    python benchmarks/training.py
    python benchmarks/training.py --repeats 40 --json training.json
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from monai.losses.dice import DiceCELoss
from torch import nn

if __package__ in (None, ""):  # started as a file: its siblings are found from the checkout
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.options import read_options, report
from benchmarks.synthesis_peers.measure import take_turns
from spinesynth.io.case import Case
from spinesynth.io.discover import discover_cases
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.config_reading import parse_config, read_values
from spinesynth.pipelines.datasets import make_loader
from spinesynth.pipelines.network_plan import build_network
from spinesynth.pipelines.train import Trainer
from spinesynth.pipelines.write_phantoms import write_phantom_dataset

PRESET = Path(__file__).parents[1] / "configs" / "cpu.yaml"
Batch = dict[str, Any]
OURS, PLAIN, WAITING = "our loop", "plain loop", "waiting for data"
_WARM, _FIXED = 3, 4  # steps that are left out; batches that the loops share
_PATIENTS = 4


@dataclass(frozen=True)
class Row:
    """Median time of a step, and over that of our loop."""

    what: str
    median_ms: float
    ratio: float


def configure(values: dict[str, Any], **training: object) -> ExperimentConfig:
    """Return the preset with few phantoms and other settings of training."""
    synthesis = {**values["synthesis"], "phantoms": 4}
    changed = {**values["training"], "val_samples": 1, **training}
    return parse_config({**values, "synthesis": synthesis, "training": changed})


def make_trainer(config: ExperimentConfig, cases: Sequence[Case], folder: Path) -> Trainer:
    """Return a training of model A that has taken no step."""
    return Trainer(config, "A", train=cases, validation=cases[:1], folder=folder)


def draw_batches(trainer: Trainer, count: int) -> list[Batch]:
    """Return the first batches of a training."""
    samples = count * trainer.config.training.batch_size
    return list(make_loader(trainer.data, samples=samples, epoch=0, config=trainer.config))


def time_loader(trainer: Trainer, steps: int) -> tuple[float, float]:
    """Return the median of a step and the mean wait for its batch, in ms."""
    samples = (steps + _WARM) * trainer.config.training.batch_size
    loader = iter(make_loader(trainer.data, samples=samples, epoch=1, config=trainer.config))
    waits, takes = [], []
    for _ in range(steps + _WARM):
        start = time.perf_counter()
        batch = next(loader)
        got = time.perf_counter()
        trainer.take_step(batch)
        waits.append(1e3 * (got - start))
        takes.append(1e3 * (time.perf_counter() - got))
    return statistics.median(takes[_WARM:]), statistics.mean(waits[_WARM:])


def plain_loop(config: ExperimentConfig) -> Callable[[Batch], object]:
    """Return a step as a training script would write it: MONAI's loss, torch's Adam."""
    network = build_network(config)
    loss = DiceCELoss(to_onehot_y=True, softmax=True)
    optimiser = torch.optim.Adam(network.parameters(), lr=config.training.learning_rate)
    half = config.training.precision == "bfloat16"

    def step(batch: Batch) -> float:
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            logits = network(batch["image"])
        error = loss(logits.float(), batch["target"].long())
        error.backward()
        nn.utils.clip_grad_norm_(network.parameters(), config.training.gradient_clip)
        optimiser.step()
        return float(error.detach())

    return step


def clock_ms(step: Callable[[Batch], object], batches: Sequence[Batch]) -> Callable[[], float]:
    """Return a timer of one step on each of some batches in turn, in ms, after two steps."""
    for batch in batches[:2]:
        step(batch)
    turn = 0

    def timer() -> float:
        nonlocal turn
        turn += 1
        start = time.perf_counter()
        step(batches[turn % len(batches)])
        return 1e3 * (time.perf_counter() - start)

    return timer


def measure(cases: Sequence[Case], folder: Path, *, repeats: int) -> list[Row]:
    """Let our loop, a plain one and other formats and layouts step in turns; then the loader."""
    values = read_values(PRESET)
    config = configure(values)
    trainer = make_trainer(config, cases, folder)
    batches = draw_batches(trainer, _FIXED)
    timers = {
        OURS: clock_ms(trainer.take_step, batches),
        PLAIN: clock_ms(plain_loop(config), batches),
    }
    for precision in ("bfloat16", "float32"):
        for last in (False, True):
            name = f"{precision}, channels {'last' if last else 'first'}"
            other = configure(values, precision=precision, channels_last=last)
            timers[name] = clock_ms(make_trainer(other, cases, folder).take_step, batches)
    medians = take_turns(timers, repeats)
    step_ms, wait_ms = time_loader(trainer, repeats)
    rows = [Row(name, median, median / medians[OURS]) for name, median in medians.items()]
    return [*rows, Row(WAITING, wait_ms, wait_ms / (step_ms + wait_ms))]


def format_rows(rows: Sequence[Row]) -> str:
    """Return the rows as a table; the wait is a share of all time, not a ratio."""
    lines = [f"{'step':28}{'ms':>10}{'ratio':>8}   (median; ratio to {OURS})"]
    lines += [f"{row.what:28}{row.median_ms:10.1f}{row.ratio:8.3f}" for row in rows[:-1]]
    wait = rows[-1]
    return "\n".join(
        [*lines, f"{wait.what:28}{wait.median_ms:10.1f}   {100 * wait.ratio:.1f} % of the time"]
    )


def main(arguments: list[str] | None = None) -> None:
    """Write phantoms, measure, print the table and write it if asked to."""
    options = read_options(__doc__, arguments, repeats=20, of="steps of each")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        manifest = write_phantom_dataset(folder / "data", patients=_PATIENTS, seed=0)
        cases = [case for case in discover_cases(manifest) if case.label is not None]
        rows = measure(cases, folder, repeats=options.repeats)
    report(rows, format_rows(rows), options.json)


if __name__ == "__main__":
    main()
