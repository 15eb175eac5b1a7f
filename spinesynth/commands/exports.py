"""Commands that write for other tools: data sets in their layouts, networks in their formats."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from spinesynth.commands.options import ScoredData, SomeSeed, Sources

app = typer.Typer(
    name="export",
    help="Write for other tools: a data set for nnU-Net, a network as ONNX, bundle or safetensors.",
    no_args_is_help=True,
)

Model = Annotated[Path, typer.Option("--checkpoint", help="Weights that a training wrote.")]


@app.command()
def nnunet(
    data: ScoredData,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder, as nnUNet_raw.")],
    name: Annotated[str, typer.Option(help="Of the data set.")] = "LumbarSpine",
    number: Annotated[int, typer.Option("--id", help="Of the data set, 1 to 999.")] = 501,
    target_scheme: Annotated[
        str, typer.Option(help="Classes: semantic4, spine6 or binary_vertebra.")
    ] = "semantic4",
    partial: Annotated[
        Literal["ignore", "leave-out"],
        typer.Option(help="Where a source does not tell a class: ignore label, or no such case."),
    ] = "ignore",
    split: Annotated[
        Path | None, typer.Option(help="tables/split.csv of a run: the same patients test.")
    ] = None,
    source: Sources = None,
    seed: SomeSeed = 0,
) -> None:
    """Write a data set in the layout of nnU-Net version 2."""
    from spinesynth.pipelines.nnunet_export import export_nnunet

    typer.echo(
        export_nnunet(
            data,
            out,
            name=name,
            number=number,
            target_scheme=target_scheme,
            partial=partial,
            split=split,
            sources=source,
            seed=seed,
        )
    )


@app.command()
def onnx(
    checkpoint: Model,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write, .onnx.")],
    tolerance: Annotated[
        float, typer.Option(help="Largest difference of a probability from torch's.")
    ] = 1e-3,
) -> None:
    """Write a network as an ONNX file, compared with torch before it is kept."""
    from spinesynth.pipelines.onnx_export import export_onnx

    typer.echo(export_onnx(checkpoint, output, tolerance=tolerance))


@app.command()
def bundle(
    checkpoint: Model,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder, new or empty.")],
) -> None:
    """Write a network as a MONAI bundle, with all that is needed to run it there."""
    from spinesynth.pipelines.bundle_export import export_bundle

    typer.echo(export_bundle(checkpoint, output))


@app.command()
def weights(
    checkpoint: Annotated[Path, typer.Option("--checkpoint", help="That a training wrote.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="NAME.safetensors.")],
    results: Annotated[
        Path | None, typer.Option(help="Folder of a run whose scores the model card shows.")
    ] = None,
    about: Annotated[str, typer.Option(help="What they are, in a line.")] = "",
    index: Annotated[
        bool, typer.Option("--index", help="Enter them in index.json beside the file.")
    ] = False,
) -> None:
    """Write weights as safetensors, and a model card beside them."""
    from spinesynth.pipelines.weights_export import export_weights

    for path in export_weights(checkpoint, output, results=results, about=about, index=index):
        typer.echo(path)
