"""The commands that learn and test when predictions are to be doubted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spinesynth.commands.options import SaveDir, ScoredData, SomeSeed, Sources

Weights = Annotated[Path, typer.Option("--checkpoint", help="Weights of the network.")]


def fit_quality(
    checkpoint: Weights,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="JSON file; else NAME.quality.json beside them."),
    ] = None,
    phantoms: Annotated[int, typer.Option(min=20, help="Scans to learn on.")] = 100,
    seed: SomeSeed = 0,
) -> None:
    """Learn on phantoms when predictions are to be doubted."""
    from spinesynth.pipelines.fit_quality import fit_quality_model

    path, model = fit_quality_model(checkpoint, output=output, phantoms=phantoms, seed=seed)
    typer.echo(path)
    for name, quality in model.structures.items():
        rank = "–" if quality.spearman is None else f"{quality.spearman:.2f}"
        typer.echo(
            f"{name}: Spearman {rank}, mean absolute error {quality.mean_absolute_error:.3f} on "
            f"{quality.cases} phantoms left out"
        )
    if model.false_alarms is not None:
        typer.echo(f"flags on usable predictions of phantoms left out: {model.false_alarms:.0%}")
    for name, share in model.hits.items():
        typer.echo(f"flags on {name.replace('_', ' ')}: {share:.0%}")


def test_quality(
    checkpoint: Weights,
    data: ScoredData,
    quality: Annotated[
        Path | None, typer.Option(help="JSON file; else NAME.quality.json beside the weights.")
    ] = None,
    save_dir: SaveDir = None,
    source: Sources = None,
    max_cases: Annotated[
        int | None, typer.Option(min=1, help="The first so many of each source.")
    ] = None,
    slices: Annotated[
        int, typer.Option(min=0, help="Of each scan, evenly across it; 0 for all.")
    ] = 0,
    spoilt: Annotated[
        int,
        typer.Option(min=0, help="So many of each source also negative, turned and as noise."),
    ] = 0,
    seed: SomeSeed = 0,
) -> None:
    """Compare predicted with true Dice, and count flags, on scans with references."""
    from spinesynth.pipelines.measure_doubt import DoubtTest, run_doubt_test

    folder = save_dir or Path("results") / "doubt"
    asked = DoubtTest(
        sources=source, max_cases=max_cases, slices=slices, spoilt=spoilt, seed=seed
    )  # fmt: skip
    table = run_doubt_test(checkpoint, data=data, folder=folder, quality=quality, asked=asked)
    typer.echo(table.to_string(index=False, float_format="%.3f"))
    typer.echo(f"Tables: {folder / 'tables'}")
