"""Commands around trainings: many of them, one out of several, and more data for them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from spinesynth.commands.options import SaveDir, ScoredData


def sweep(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="YAML of a sweep, as configs/sweep.yaml.")],
    data: ScoredData,
    save_dir: SaveDir = None,
    sampler: Annotated[
        Literal["grid", "tpe"] | None,
        typer.Option(help="grid: every combination; tpe: what looks likely. Else as in the file."),
    ] = None,
    trials: Annotated[
        int | None, typer.Option(min=1, help="Trainings in all; else as in the file.")
    ] = None,
) -> None:
    """Try settings, score each training on real scans; again to go on where it ended."""
    from spinesynth.pipelines.sweep import check_optuna, run_sweep
    from spinesynth.pipelines.sweep_plan import read_sweep

    check_optuna()
    asked = read_sweep(file, sampler=sampler, trials=trials)
    folder = save_dir or Path("results") / asked.name
    typer.echo(run_sweep(asked, data=data, folder=folder, command=context.obj))
