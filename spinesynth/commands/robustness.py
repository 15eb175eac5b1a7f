"""The command of the robustness suite."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spinesynth.commands.options import (
    Engine,
    IncludeSeen,
    SaveDir,
    Scales,
    ScoredData,
    SomeSeed,
    Sources,
    Weighting,
)


def robustness(
    context: typer.Context,
    data: ScoredData,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model", metavar="NAME=FILE", help="Checkpoint to score; NAME=FILE,FILE vote. Repeat."
        ),
    ] = None,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option("--checkpoint", help="One model under its own name; several vote."),
    ] = None,
    predictions: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FOLDER", help="What a tool made of exported images. Repeat."),
    ] = None,
    scheme: Annotated[str, typer.Option(help="Label scheme of --predictions.")] = "spine6",
    exported: Annotated[
        Path | None,
        typer.Option(help="Folder that --export wrote, which --predictions are of."),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(help="Only write the degraded images into this folder, for another tool."),
    ] = None,
    save_dir: SaveDir = None,
    condition: Annotated[
        list[str] | None, typer.Option(help="Only this condition; may be repeated.")
    ] = None,
    severities: Annotated[str, typer.Option(help="Of 1 to 5, as 1,3,5.")] = "1,2,3,4,5",
    max_cases: Annotated[
        int | None, typer.Option(min=1, help="The first so many cases of the data alone.")
    ] = None,
    source: Sources = None,
    include_seen: IncludeSeen = False,
    weighting: Weighting = "mean",
    scale: Scales = None,
    engine: Engine = "torch",
    seed: SomeSeed = 0,
) -> None:
    """Score models side by side on degraded scans; again to go on where it ended."""
    from spinesynth.errors import ConfigError
    from spinesynth.pipelines.conditions import CONDITIONS, parse_severities
    from spinesynth.pipelines.ensemble import read_weighting
    from spinesynth.pipelines.predict import read_engine
    from spinesynth.pipelines.suite_export import export_suite
    from spinesynth.pipelines.suite_run import (
        SuiteOptions,
        offered_cases,
        parse_models,
        parse_predictions,
        run_suite,
    )

    options = SuiteOptions(
        conditions=tuple(condition or CONDITIONS),
        severities=parse_severities(severities),
        seed=seed,
        sources=tuple(source) if source else None,
        max_cases=max_cases,
        include_seen=include_seen,
        weighting=read_weighting(weighting),
        scales=tuple(scale or (1.0,)),
        engine=read_engine(engine),
    )
    if export is not None:
        if model or checkpoint or predictions or exported:
            raise ConfigError(
                "--export only writes images: give it without --model, --checkpoint, --predictions "
                "and --exported",
                code="E-CONF-072",
            )
        cases = offered_cases(data, options)
        table = export_suite(
            cases, export, conditions=options.conditions, severities=options.severities, seed=seed
        )
        typer.echo(f"Images: {table}")
        return
    models = parse_models(model or ())
    if checkpoint:
        models[""] = checkpoint
    typer.echo(
        run_suite(
            models,
            data=data,
            folder=save_dir or Path("results") / "robustness",
            command=context.obj,
            predictions=parse_predictions(predictions or ()),
            scheme=scheme,
            exported=exported,
            options=options,
        )
    )
