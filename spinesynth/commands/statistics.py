"""Commands that ask what the scores of runs mean."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spinesynth.commands.options import SaveDir, ScoredData


def statistics(
    results: Annotated[list[Path], typer.Argument(help="Folders of runs, as results/real_cpu.")],
    model: Annotated[
        str | None, typer.Option(help="Model to judge; else A. Of several runs: RUN/MODEL.")
    ] = None,
    reference: Annotated[
        str | None, typer.Option(help="Model trained on real images; else B.")
    ] = None,
    margin: Annotated[
        float, typer.Option(help="Loss of Dice that counts as none, chosen beforehand.")
    ] = 0.02,
    data: Annotated[
        Path | None,
        typer.Option("--data", "--data-dir", help="Scored data: field strength, age, sex, grades."),
    ] = None,
    overview: Annotated[
        Path | None, typer.Option(help="SPIDER's overview; else that in --data.")
    ] = None,
    gradings: Annotated[
        Path | None, typer.Option(help="SPIDER's radiological gradings; else those in --data.")
    ] = None,
    save_dir: SaveDir = None,
) -> None:
    """Compare models by patient: tests, reality gap, volumes, and strata."""
    from spinesynth.pipelines.patient_statistics import StatisticsPlan, run_statistics

    plan = StatisticsPlan(
        model=model, reference=reference, margin=margin, data=data, overview=overview,
        gradings=gradings,
    )  # fmt: skip
    folder = save_dir or (results[0] if len(results) == 1 else Path("results/statistics"))
    typer.echo(run_statistics(results, folder=folder, plan=plan))


def gap(
    checkpoint: Annotated[Path, typer.Option("--checkpoint", help="Weights of the model.")],
    data: ScoredData,
    results: Annotated[
        Path | None, typer.Option(help="Run with the model's scores, to correlate distances.")
    ] = None,
    images: Annotated[int, typer.Option(min=2, help="Synthetic images to compare with.")] = 48,
    include_seen: Annotated[
        bool, typer.Option("--include-seen", help="Take training and validation patients too.")
    ] = False,
    save_dir: SaveDir = None,
) -> None:
    """Measure without labels how far real scans are from what a model was trained on."""
    from spinesynth.pipelines.reality_gap import run_gap

    folder = save_dir or Path("results") / f"{checkpoint.stem}_gap"
    typer.echo(
        run_gap(
            checkpoint,
            data=data,
            folder=folder,
            results=results,
            images=images,
            include_seen=include_seen,
        )
    )
