"""The command ``spinesynth``: its app, and what becomes of errors: one line and a status.

====== ================================================================
status meaning
====== ================================================================
0      done
1      some files failed, the others are done
2      usage or configuration
3      an input was refused
4      an output could not be written
5      a checkpoint was refused
130    interrupted (SIGINT, Ctrl-C)
143    terminated (SIGTERM)
====== ================================================================

The commands are in :mod:`spinesynth.commands`.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from spinesynth import __version__
from spinesynth.commands import (
    data,
    doubt,
    exports,
    label_maps,
    measured_maps,
    other_tools,
    pictures,
    prediction,
    robustness,
    serving,
    statistics,
    strategies,
    training,
    weights,
)
from spinesynth.errors import OutputError, SpineSynthError
from spinesynth.pipelines.interrupt import exit_on_sigterm
from spinesynth.pipelines.rank_place import find_place, refuse_other_commands

app = typer.Typer(
    name="spinesynth",
    help="Segment lumbar spine MRI with networks trained on synthetic images. Not for diagnosis.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

#: In the order of the help; a name is written with a hyphen where the function has an underscore.
_COMMANDS = (
    pictures.demo,
    pictures.gallery,
    pictures.contrast_chart,
    label_maps.phantom,
    label_maps.em_labels,
    label_maps.synth,
    measured_maps.qmri_prepare,
    data.estimate_priors,
    training.train,
    training.experiment,
    training.study,
    training.finetune,
    strategies.sweep,
    strategies.soup,
    strategies.pseudo_label,
    training.evaluate,
    robustness.robustness,
    other_tools.compare,
    prediction.predict,
    serving.preannotate,
    serving.serve,
    doubt.fit_quality,
    doubt.test_quality,
    pictures.report,
    statistics.statistics,
    statistics.gap,
    data.check,
    data.info,
)
for _command in _COMMANDS:
    app.command()(_command)
app.add_typer(exports.app)
app.add_typer(weights.app)


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
    if isinstance(sys.stdout, TextIOWrapper):
        # File names that are not UTF-8 are printed byte for byte, so that a shell finds the files.
        sys.stdout.reconfigure(errors="surrogateescape")
    # Taken out wherever it stands: people add it at the end of a line that failed.
    debug = "--debug" in arguments
    words = [word for word in arguments if word != "--debug"]
    try:
        place = find_place()
        if place is None:
            return _do(words, command, debug=debug)
        refuse_other_commands(words, place)
        from spinesynth.pipelines.rank_run import run_ranks

        return run_ranks(place, lambda: _do(words, command, debug=debug))
    except SpineSynthError as error:
        if debug:
            raise
        return _say(error) if os.environ.get("RANK", "0") == "0" else error.exit_code


def _do(words: Sequence[str], command: str, *, debug: bool) -> int:
    """Run one command in this process, which leads the others if there are any."""
    try:
        with exit_on_sigterm():
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
        message, status = f"[E-OS-001] {error}; check space and permissions", OutputError.exit_code
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


def segment_spine() -> NoReturn:
    """Run ``spinesynth predict`` under a name of its own and leave with its status."""
    words = sys.argv[1:]
    sys.exit(run(["predict", *words], command=f"segment_spine {shlex.join(words)}"))


def run_script(name: str) -> NoReturn:
    """Run one command as a script of its own and leave with its status.

    Args:
        name: of the command; the script's words follow it.
    """
    words = sys.argv[1:]
    command = f"python {Path(sys.argv[0]).name} {shlex.join(words)}"
    sys.exit(run([name, *words], command=command))
