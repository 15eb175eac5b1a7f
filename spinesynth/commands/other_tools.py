"""The command that meets other tools: their predictions scored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spinesynth.commands.options import SaveDir, ScoredData, Sources


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
