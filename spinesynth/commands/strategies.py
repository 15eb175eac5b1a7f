"""Commands around trainings: many of them, one out of several, and more data for them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from spinesynth.commands.options import Checkpoints, SaveDir, ScoredData
from spinesynth.errors import SpineSynthError


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


def soup(
    context: typer.Context,
    checkpoint: Annotated[
        list[Path], typer.Option("--checkpoint", help="Weights to average; repeat it.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Checkpoint to write.")],
    method: Annotated[
        Literal["uniform", "greedy"],
        typer.Option(help="uniform: all; greedy: those that do not lower the Dice of --data."),
    ] = "uniform",
    data: Annotated[
        Path | None,
        typer.Option("--data", "--data-dir", help="Validation scans for greedy: manifest (CSV)."),
    ] = None,
    split: Annotated[
        Path | None,
        typer.Option(help="tables/split.csv of a run: of --data its validation cases alone."),
    ] = None,
) -> None:
    """Average the weights of checkpoints of one training or architecture."""
    from spinesynth.pipelines.soup import cook_soup

    typer.echo(
        cook_soup(
            checkpoint,
            output=output,
            command=context.obj,
            method=method,
            data=data,
            split=split,
        )
    )


def pseudo_label(
    checkpoint: Checkpoints,
    source: Annotated[
        Path, typer.Option("--input", "-i", help="Image file, folder of them, or manifest (CSV).")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder; made if missing.")],
    min_confidence: Annotated[
        float, typer.Option(help="Probability that a voxel's class must have, else it is unknown.")
    ] = 0.9,
    annotated: Annotated[
        str | None,
        typer.Option(help="What the model was taught, as 'body disc'; else all its classes."),
    ] = None,
) -> int:
    """Label scans with a model for the training of the next; again to go on where it ended."""
    from spinesynth.pipelines.pseudo_labels import write_pseudo_labels

    manifest, refused = write_pseudo_labels(
        checkpoint, source, output=output, min_confidence=min_confidence, annotated=annotated
    )
    typer.echo(f"Pseudo-labels: {manifest}")
    for line in refused:
        typer.echo(line, err=True)
    return SpineSynthError.exit_code if refused else 0
