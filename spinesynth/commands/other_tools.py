"""Commands that meet other tools: their predictions scored, data sets in their layouts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from spinesynth.commands.options import SaveDir, ScoredData, SomeSeed, Sources


def compare(
    context: typer.Context,
    pred: Annotated[
        list[Path], typer.Option("--pred", help="Folder of a tool's label maps; repeat it.")
    ],
    scheme: Annotated[
        list[str],
        typer.Option(
            "--scheme",
            help="Of their codes, as totalspineseg, or dataset.json of an export; one a --pred.",
        ),
    ],
    data: ScoredData,
    name: Annotated[
        list[str] | None, typer.Option("--name", help="Of the tool; else the folder's.")
    ] = None,
    suffix: Annotated[
        list[str] | None,
        typer.Option("--suffix", help="Between case id and file ending, as _seg; one a --pred."),
    ] = None,
    save_dir: SaveDir = None,
    source: Sources = None,
    allow_missing: Annotated[
        bool,
        typer.Option("--allow-missing", help="Count failures; score cases that all tools have."),
    ] = False,
    trained_on: Annotated[
        Path | None,
        typer.Option("--trained-on", help="Data that a tool has learnt from: none may be scored."),
    ] = None,
) -> None:
    """Score what other tools predicted, side by side, with the code that scores ours."""
    from spinesynth.pipelines.tool_comparison import compare_tools

    folder = save_dir or Path("results") / "comparison"
    typer.echo(
        compare_tools(
            pred,
            scheme,
            data=data,
            folder=folder,
            command=context.obj,
            names=name or (),
            suffixes=suffix or (),
            sources=source,
            allow_missing=allow_missing,
            trained_on=trained_on,
        )
    )


def export(
    layout: Annotated[Literal["nnunet"], typer.Argument(help="Of which tool.")],
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
    """Write a data set in the layout of another tool: nnU-Net version 2."""
    from spinesynth.pipelines.nnunet_export import export_nnunet

    assert layout == "nnunet"  # typer lets nothing else pass
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
