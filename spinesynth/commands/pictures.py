"""Commands that draw: pictures without any data, and the report of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from spinesynth.commands.options import SaveDir, SomeSeed


def demo(
    name: Annotated[
        Literal["synth", "contrast", "training", "inference", "all"],
        typer.Argument(help="Which pictures to draw."),
    ] = "all",
    save_dir: SaveDir = None,
    seed: SomeSeed = 42,
) -> None:
    """Draw pictures of what the package does, without any data."""
    from spinesynth.pipelines.demo import run_demo

    for picture in run_demo(name, folder=save_dir or Path("results/pictures"), seed=seed):
        typer.echo(picture)


def gallery(
    output: Annotated[
        Path, typer.Option("--output", "--save-dir", "-o", help="Folder for the pictures.")
    ] = Path("results/gallery"),
    only: Annotated[str | None, typer.Option(help="One transform or recipe; else all.")] = None,
    seed: SomeSeed = 42,
) -> None:
    """Draw each transform at several strengths and samples of each recipe, without any data."""
    from spinesynth.pipelines.gallery import draw_gallery

    for path in draw_gallery(folder=output, only=only, seed=seed):
        typer.echo(path)


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
