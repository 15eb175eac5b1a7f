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


def contrast_chart(
    out: Annotated[Path, typer.Option("--out", "-o", help="PNG file.")] = Path(
        "results/contrast_chart.png"
    ),
    field: Annotated[Literal["1.5", "3.0"], typer.Option(help="Field strength in tesla.")] = "1.5",
    tissues: Annotated[
        list[str] | None,
        typer.Option(help="Two tissues to compare, as csf,cord; may be repeated."),
    ] = None,
    table: Annotated[
        Path | None, typer.Option("--csv", help="CSV file for the signals of the images' tissues.")
    ] = None,
    seed: SomeSeed = 42,
) -> None:
    """Draw tissue contrast over TR and TE and images of a phantom, without any data."""
    pairs = [_two_tissues(words) for words in tissues or ()]
    from spinesynth.pipelines.contrast_chart import DEFAULT_PAIRS, draw_contrast_chart

    for path in draw_contrast_chart(
        out, pairs=pairs or DEFAULT_PAIRS, field_t=float(field), seed=seed, table=table
    ):
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


def _two_tissues(text: str) -> tuple[str, str]:
    """Return both names of ``csf,cord``."""
    names = [name.strip() for name in text.split(",")]
    if len(names) != 2 or not all(names):
        raise typer.BadParameter(f"--tissues must be two names, as csf,cord, got {text!r}")
    return names[0], names[1]
