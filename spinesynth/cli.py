"""The command ``spinesynth``: options in, one call of a pipeline, a message and a status out.

====== ================================================================
status meaning
====== ================================================================
0      done
1      some files failed, the others are done
2      usage or configuration
3      an input was refused
4      an output could not be written
5      a checkpoint was refused
130    interrupted
====== ================================================================

Everything heavy is imported within the commands, so that help comes at once.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from spinesynth import __version__
from spinesynth.errors import SpineSynthError

SOME_FAILED, INPUT_REFUSED, OUTPUT_FAILED = 1, 3, 4  # Typer itself turns Ctrl-C into 130

app = typer.Typer(
    name="spinesynth",
    help="Segment lumbar spine MRI with networks trained on synthetic images. Not for diagnosis.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

Config = Annotated[
    Path | None, typer.Option("--config", help="YAML of an experiment, as in configs/.")
]
Data = Annotated[
    Path | None,
    typer.Option("--data", "--data-dir", help="Manifest (CSV) or SPIDER folder; else phantoms."),
]
ScoredData = Annotated[
    Path, typer.Option("--data", "--data-dir", help="Manifest (CSV) or SPIDER folder.")
]
SaveDir = Annotated[
    Path | None,
    typer.Option("--save-dir", "--output-dir", "-o", help="Folder; else results/<name>."),
]
Model = Annotated[
    Literal["A", "B", "both"] | None,
    typer.Option("--model", help="A: synthetic images; B: real ones. Else as configured."),
]
Dummy = Annotated[bool, typer.Option("--use-dummy-data", help="Draw phantoms: no data needed.")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Of everything random.")]
Epochs = Annotated[
    int | None, typer.Option("--epochs", min=1, help="Times training.validate_every steps.")
]
BatchSize = Annotated[int | None, typer.Option("--batch-size", min=1, help="Slices a step.")]
LearningRate = Annotated[float | None, typer.Option("--lr", help="Learning rate at the start.")]
NumClasses = Annotated[
    int | None, typer.Option("--num-classes", help="Background included: 6, 4 or 2.")
]
Factors = Annotated[
    str | None,
    typer.Option("--resolution-factors", help="Coarse over original voxel size, as 1,2,4."),
]
Sources = Annotated[
    list[str] | None, typer.Option("--source", help="Only this source; may be repeated.")
]
Checkpoint = Annotated[Path, typer.Option("--checkpoint", help="Weights that a training wrote.")]


def _show_version(wanted: bool) -> None:
    """Print the version and leave."""
    if wanted:
        typer.echo(f"spinesynth {__version__}")
        raise typer.Exit


@app.callback()
def _options_of_all(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error arose.")] = False,
) -> None:
    """Segment lumbar spine MRI with networks trained on synthetic images. Not for diagnosis."""


@app.command()
def demo(
    name: Annotated[
        Literal["synth", "contrast", "training", "inference", "all"],
        typer.Argument(help="Which pictures to draw."),
    ] = "all",
    save_dir: SaveDir = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of everything random.")] = 42,
) -> None:
    """Draw pictures of what the package does, without any data."""
    from spinesynth.pipelines.demo import run_demo

    for picture in run_demo(name, folder=save_dir or Path("results/pictures"), seed=seed):
        typer.echo(picture)


@app.command()
def gallery(
    output: Annotated[
        Path, typer.Option("--output", "--save-dir", "-o", help="Folder for the pictures.")
    ] = Path("results/gallery"),
    only: Annotated[str | None, typer.Option(help="One transform or recipe; else all.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of everything random.")] = 42,
) -> None:
    """Draw each transform at several strengths and samples of each recipe, without any data."""
    from spinesynth.pipelines.gallery import draw_gallery

    for path in draw_gallery(folder=output, only=only, seed=seed):
        typer.echo(path)


@app.command()
def synth(
    data: ScoredData,
    save_dir: SaveDir = None,
    per_case: Annotated[int, typer.Option(min=1, help="Images for each label map.")] = 1,
    contrast: Annotated[
        Literal["T1", "T2", "interpolated", "random"], typer.Option(help="Prior of the contrast.")
    ] = "random",
    motion: Annotated[bool, typer.Option("--motion", help="Let the patient move.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many label maps.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of everything random.")] = 42,
) -> None:
    """Write synthetic images for the label maps of a data set."""
    from spinesynth.pipelines.synthesize import synthesize_cases

    manifest = synthesize_cases(
        data,
        output=save_dir or Path("results/synthetic"),
        per_case=per_case,
        contrast=contrast,
        motion=motion,
        seed=seed,
        limit=limit,
    )
    typer.echo(f"Images and label maps: {manifest}")


@app.command(name="estimate-priors")
def estimate_priors(
    data: ScoredData,
    output: Annotated[Path, typer.Option("--output", "-o", help="YAML to write.")],
    contrast: Annotated[
        str | None, typer.Option(help="Only cases of this contrast, as in the manifest.")
    ] = None,
    distribution: Annotated[
        Literal["uniform", "normal"], typer.Option(help="What the prior draws from.")
    ] = "uniform",
) -> None:
    """Estimate a contrast prior from images with label maps."""
    from spinesynth.pipelines.estimate_priors import fit_contrast_prior

    prior = fit_contrast_prior(data, output=output, contrast=contrast, distribution=distribution)
    typer.echo(f"{output}: {', '.join(tissue.name.lower() for tissue in sorted(prior.tissues))}")


@app.command()
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
) -> None:
    """Train model A on synthetic images, model B on real ones, or both."""
    _refuse_two_kinds_of_data(data, use_dummy_data)
    from spinesynth.pipelines.experiment import train_models
    from spinesynth.pipelines.options import configure

    settings = configure(
        config,
        data=data,
        model=model,
        seed=seed,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=lr,
        num_classes=num_classes,
    )
    folder = save_dir or Path("results") / settings.name
    typer.echo(train_models(settings, data=data, folder=folder, command=context.obj))


@app.command()
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
) -> None:
    """Train, test on other contrasts and resolutions, and report."""
    _refuse_two_kinds_of_data(data, use_dummy_data)
    from spinesynth.pipelines.experiment import run_experiment
    from spinesynth.pipelines.options import configure

    settings = configure(
        config,
        data=data,
        model=model,
        seed=seed,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=lr,
        num_classes=num_classes,
        resolution_factors=resolution_factors,
    )
    folder = save_dir or Path("results") / settings.name
    typer.echo(run_experiment(settings, data=data, folder=folder, command=context.obj))


@app.command()
def evaluate(
    context: typer.Context,
    checkpoint: Checkpoint,
    data: ScoredData,
    save_dir: SaveDir = None,
    resolution_factors: Factors = None,
    source: Sources = None,
    include_seen: Annotated[
        bool, typer.Option("--include-seen", help="Score training and validation patients too.")
    ] = False,
) -> None:
    """Score a checkpoint on every contrast and at falling resolution."""
    from spinesynth.pipelines.options import parse_factors
    from spinesynth.pipelines.robustness import DEFAULT_FACTORS
    from spinesynth.pipelines.robustness_run import run_robustness

    factors = parse_factors(resolution_factors) if resolution_factors else DEFAULT_FACTORS
    folder = save_dir or Path("results") / f"{checkpoint.stem}_evaluation"
    typer.echo(
        run_robustness(
            checkpoint,
            data=data,
            folder=folder,
            command=context.obj,
            factors=factors,
            sources=source,
            include_seen=include_seen,
        )
    )


@app.command()
def predict(
    checkpoint: Checkpoint,
    source: Annotated[Path, typer.Option("--input", "-i", help="Image file, or a folder of them.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the label maps.")],
    scheme: Annotated[
        str | None, typer.Option(help="Label scheme of the output; else the network's own.")
    ] = None,
) -> int:
    """Segment image files, each on its own grid."""
    from spinesynth.pipelines.segment import segment_files

    written, refused = segment_files(checkpoint, source, output=output, scheme=scheme)
    for path in written:
        typer.echo(path)
    for line in refused:
        typer.echo(line, err=True)
    if refused:
        return SOME_FAILED if written else INPUT_REFUSED
    return 0


@app.command()
def report(
    context: typer.Context,
    results: Annotated[Path, typer.Argument(help="Folder of a run, as results/demo.")],
    fill: Annotated[
        Path | None,
        typer.Option(help="Fill the marked tables and figures of this Markdown file instead."),
    ] = None,
    save_dir: Annotated[
        Path | None,
        typer.Option("--save-dir", "--output-dir", "-o", help="Folder; else <run>/report."),
    ] = None,
    embed_scans: Annotated[
        bool, typer.Option("--embed-scans", help="Put pictures of scans into the HTML itself.")
    ] = False,
) -> None:
    """Make the report of a run from its tables."""
    from spinesynth.pipelines.report import build_report, fill_report

    if fill is not None:
        fill_report(fill, fill, results)
        typer.echo(fill)
        return
    folder = save_dir or results / "report"
    for path in build_report(results, folder, command=context.obj, embed_scans=embed_scans):
        typer.echo(path)


@app.command()
def check(
    data: Annotated[Path, typer.Argument(help="Manifest (CSV) or SPIDER folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON alone.")] = False,
) -> int:
    """Read all of a data set, change nothing, and list every problem."""
    from spinesynth.pipelines.check import check_data

    problems = check_data(data)
    if as_json:
        typer.echo(problems.to_json(orient="records", indent=2))
    elif problems.empty:
        typer.echo(f"{data}: no problem found")
    else:
        for case_id, file, code, problem, remedy in problems.itertuples(index=False, name=None):
            typer.echo(f"[{code}] {' '.join(filter(None, (case_id, file)))}: {problem}; {remedy}")
    return 0 if problems.empty else INPUT_REFUSED


@app.command()
def info(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON alone.")] = False,
) -> None:
    """Tell versions, machine and structures."""
    from spinesynth.pipelines.installation import describe_installation

    facts = describe_installation()
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    typer.echo(f"spinesynth {facts['spinesynth']}, Python {facts['python']}")
    typer.echo(f"{facts['machine']}, {facts['cores']} cores")
    for name, version in facts["packages"].items():
        typer.echo(f"  {name:16} {version or 'not installed'}")
    typer.echo(f"structures: {', '.join(facts['structures'])}")
    typer.echo(f"scored as: {', '.join(facts['report_groups'])}")


def _refuse_two_kinds_of_data(data: Path | None, use_dummy_data: bool) -> None:
    """Raise if real data and phantoms are both asked for."""
    if data is not None and use_dummy_data:
        raise typer.BadParameter("--use-dummy-data draws phantoms: give either it or --data-dir")


def run(arguments: Sequence[str], *, command: str) -> int:
    """Run one command and return its status.

    Args:
        arguments: words after the name of the program.
        command: the whole command line, for the records of a run.

    Returns:
        The status; what went wrong has been said in one line.
    """
    # Threads that spin while they wait take the cores from the process that loads the data: on two
    # busy cores a training step was three times slower. Must be set before torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Taken out wherever it stands: people add it at the end of a line that failed.
    debug = "--debug" in arguments
    words = [word for word in arguments if word != "--debug"]
    try:
        status = app(args=words, prog_name="spinesynth", standalone_mode=False, obj=command)
    except (SpineSynthError, OSError, typer.TyperException) as error:
        if debug:
            raise
        return _say(error)
    return status if isinstance(status, int) else 0


def _say(error: SpineSynthError | OSError | typer.TyperException) -> int:
    """Print an error in one line and return its status."""
    if isinstance(error, SpineSynthError):
        message, status = str(error), error.exit_code
    elif isinstance(error, OSError):
        message, status = f"[E-OS-001] {error}; check space and permissions", OUTPUT_FAILED
    else:
        message, status = error.format_message(), error.exit_code
        if not message:  # help was shown instead
            return status
        message = (
            message.rstrip(".")
            + "; 'spinesynth --help' lists the commands, 'spinesynth COMMAND --help' options"
        )
    typer.echo(f"spinesynth: {' '.join(message.split())}", err=True)
    return status


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its status.

    Args:
        arguments: words after the name of the program; None for the process's own.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(run(words, command=f"spinesynth {shlex.join(words)}"))


def run_script(name: str) -> NoReturn:
    """Run one command as a script of its own and leave with its status.

    Args:
        name: of the command; the script's words follow it.
    """
    words = sys.argv[1:]
    command = f"python {Path(sys.argv[0]).name} {shlex.join(words)}"
    sys.exit(run([name, *words], command=command))
