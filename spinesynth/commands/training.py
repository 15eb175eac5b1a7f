"""Commands that train networks and test them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from spinesynth.commands.options import (
    BatchSize,
    Checkpoints,
    Config,
    Data,
    Dummy,
    Epochs,
    Factors,
    Folds,
    IncludeSeen,
    LearningRate,
    Model,
    NumClasses,
    Resume,
    SaveDir,
    Scales,
    ScoredData,
    Seed,
    Settings,
    Sources,
    Weighting,
)


def train(
    context: typer.Context,
    config: Config = None,
    data: Data = None,
    save_dir: SaveDir = None,
    model: Model = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    lr: LearningRate = None,
    num_classes: NumClasses = None,
    use_dummy_data: Dummy = False,
    seed: Seed = None,
    settings: Settings = None,
    resume: Resume = False,
) -> None:
    """Train model A on synthetic images, model B on real ones, or both."""
    _refuse_two_kinds_of_data(data, use_dummy_data)
    from spinesynth.pipelines.experiment import train_models
    from spinesynth.pipelines.options import configure

    configuration = configure(
        config,
        data=data,
        model=model,
        seed=seed,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=lr,
        num_classes=num_classes,
        settings=settings or (),
    )
    folder = save_dir or Path("results") / configuration.name
    text = train_models(configuration, data=data, folder=folder, command=context.obj, resume=resume)
    typer.echo(text)


def experiment(
    context: typer.Context,
    config: Config = None,
    data: Data = None,
    save_dir: SaveDir = None,
    model: Model = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    lr: LearningRate = None,
    num_classes: NumClasses = None,
    resolution_factors: Factors = None,
    use_dummy_data: Dummy = False,
    seed: Seed = None,
    settings: Settings = None,
    resume: Resume = False,
    folds: Folds = None,
) -> None:
    """Train, test on other contrasts and resolutions, and report."""
    _refuse_two_kinds_of_data(data, use_dummy_data)
    from spinesynth.pipelines.cross_validation import configs_of_folds, run_folds
    from spinesynth.pipelines.experiment import run_experiment
    from spinesynth.pipelines.options import configure

    configuration = configure(
        config,
        data=data,
        model=model,
        seed=seed,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=lr,
        num_classes=num_classes,
        resolution_factors=resolution_factors,
        settings=settings or (),
    )
    folder = save_dir or Path("results") / configuration.name
    common: dict[str, Any] = {
        "data": data,
        "folder": folder,
        "command": context.obj,
        "resume": resume,
    }
    if folds is not None:
        typer.echo(run_folds(configs_of_folds(configuration, folds), **common))
    else:
        typer.echo(run_experiment(configuration, **common))


def study(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="YAML of a study, as in configs/studies/.")],
    data: Data = None,
    save_dir: SaveDir = None,
    folds: Folds = None,
) -> None:
    """Train one model in several arms of one experiment and compare them by patient."""
    from spinesynth.pipelines.study import read_study, run_study

    asked = read_study(file)
    folder = save_dir or Path("results") / asked.name
    typer.echo(run_study(asked, data=data, folder=folder, command=context.obj, folds=folds))


def finetune(
    context: typer.Context,
    config: Annotated[Path, typer.Argument(help="YAML of an experiment; its model B is trained.")],
    checkpoint: Annotated[Path, typer.Option("--checkpoint", help="To start from.")],
    data: ScoredData,
    cases: Annotated[
        str, typer.Option("--cases", help="Numbers of real training patients.")
    ] = "1,5,10,20",
    scratch: Annotated[
        bool, typer.Option(help="Train from random weights on the same patients too.")
    ] = True,
    save_dir: SaveDir = None,
    settings: Settings = None,
) -> None:
    """Train a checkpoint further on few real patients and draw Dice over their number."""
    from spinesynth.pipelines.finetune import parse_counts, run_finetune
    from spinesynth.pipelines.options import configure

    counts = parse_counts(cases)
    configuration = configure(config, data=data, model="B", settings=settings or ())
    folder = save_dir or Path("results") / f"{configuration.name}_finetune"
    typer.echo(
        run_finetune(
            configuration,
            checkpoint,
            data=data,
            folder=folder,
            counts=counts,
            scratch=scratch,
            command=context.obj,
        )
    )


def evaluate(
    context: typer.Context,
    checkpoint: Checkpoints,
    data: ScoredData,
    save_dir: SaveDir = None,
    resolution_factors: Factors = None,
    source: Sources = None,
    include_seen: IncludeSeen = False,
    weighting: Weighting = "mean",
    scale: Scales = None,
) -> None:
    """Score a checkpoint, or several that vote, on every contrast and at falling resolution."""
    from spinesynth.pipelines.ensemble import read_weighting
    from spinesynth.pipelines.options import parse_factors
    from spinesynth.pipelines.robustness import DEFAULT_FACTORS
    from spinesynth.pipelines.robustness_run import run_robustness

    factors = parse_factors(resolution_factors) if resolution_factors else DEFAULT_FACTORS
    folder = save_dir or Path("results") / f"{checkpoint[0].stem}_evaluation"
    typer.echo(
        run_robustness(
            checkpoint,
            data=data,
            folder=folder,
            command=context.obj,
            factors=factors,
            sources=source,
            include_seen=include_seen,
            weighting=read_weighting(weighting),
            scales=scale or (1.0,),
        )
    )


def _refuse_two_kinds_of_data(data: Path | None, use_dummy_data: bool) -> None:
    """Raise if real data and phantoms are both asked for."""
    if data is not None and use_dummy_data:
        raise typer.BadParameter("--use-dummy-data draws phantoms: give either it or --data-dir")
