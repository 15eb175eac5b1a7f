"""The command that segments images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spinesynth.commands.options import Checkpoints, Scales, Weighting
from spinesynth.errors import InputError, SpineSynthError


def predict(
    checkpoint: Checkpoints,
    source: Annotated[Path, typer.Option("--input", "-i", help="Image file, or a folder of them.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the label maps.")],
    scheme: Annotated[
        str | None, typer.Option(help="Label scheme of the output; else the network's own.")
    ] = None,
    weighting: Weighting = "mean",
    scale: Scales = None,
) -> int:
    """Segment image files, each on its own grid."""
    from spinesynth.pipelines.ensemble import read_weighting
    from spinesynth.pipelines.segment import segment_files

    written, refused = segment_files(
        checkpoint,
        source,
        output=output,
        scheme=scheme,
        weighting=read_weighting(weighting),
        scales=scale or (1.0,),
    )
    for path in written:
        typer.echo(path)
    for line in refused:
        typer.echo(line, err=True)
    if refused:
        return SpineSynthError.exit_code if written else InputError.exit_code
    return 0
