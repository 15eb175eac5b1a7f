"""Commands that make label maps, and images over them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from spinesynth.commands.options import OutFolder, SaveDir, ScoredData, SomeSeed, Workers


def phantom(
    out: OutFolder,
    count: Annotated[int, typer.Option("--n", min=1, help="Phantoms in all.")],
    spider: Annotated[
        bool, typer.Option("--spider", help="SPIDER's layout and codes, with T1 and T2.")
    ] = False,
    images: Annotated[
        str | None, typer.Option(help="Scans to draw, as T1,T2; else none, or both with --spider.")
    ] = None,
    shape: Annotated[
        tuple[int, int, int],
        typer.Option(help="Voxels along R, A and S."),
    ] = (9, 208, 256),
    spacing: Annotated[
        tuple[float, float, float], typer.Option(help="Voxel size along R, A and S, in mm.")
    ] = (4.0, 1.0, 1.0),
    workers: Workers = None,
    seed: SomeSeed = 42,
) -> None:
    """Write label maps of random spines, without any data; again to go on where it ended."""
    from spinesynth.pipelines.write_phantoms import write_phantom_dataset

    wanted = images if images is not None else "T1,T2" if spider else ""
    written = write_phantom_dataset(
        out,
        patients=count,
        seed=seed,
        contrasts=[name.strip() for name in wanted.split(",") if name.strip()],
        shape=shape,
        spacing_mm=spacing,
        spider=spider,
        resume=True,
        workers=workers or os.cpu_count() or 1,
    )
    typer.echo(f"Phantoms: {written}")


def em_labels(
    data: ScoredData,
    out: OutFolder,
    inside: Annotated[
        str, typer.Option(help="Clusters inside each structure; auto: 2 or 3, by BIC.")
    ] = "auto",
    outside: Annotated[
        str, typer.Option(help="Clusters outside, one label map for each number.")
    ] = "3-10",
    workers: Workers = None,
    seed: SomeSeed = 42,
) -> None:
    """Divide label maps by the intensities of their images; again to go on where it ended."""
    from spinesynth.pipelines.em_labels import write_em_labels

    if inside != "auto" and not inside.isdecimal():
        raise typer.BadParameter(f"--inside must be a number or auto, got {inside!r}")
    written = write_em_labels(
        data,
        output=out,
        inside=None if inside == "auto" else int(inside),
        outside=_first_and_last(outside),
        seed=seed,
        workers=workers or os.cpu_count() or 1,
    )
    typer.echo(f"Label maps: {written}")


def synth(
    data: ScoredData,
    save_dir: SaveDir = None,
    per_case: Annotated[int, typer.Option(min=1, help="Images for each label map.")] = 1,
    contrast: Annotated[
        Literal["T1", "T2", "interpolated", "random"], typer.Option(help="Prior of the contrast.")
    ] = "random",
    motion: Annotated[bool, typer.Option("--motion", help="Let the patient move.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many label maps.")] = None,
    seed: SomeSeed = 42,
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


def _first_and_last(text: str) -> tuple[int, int]:
    """Return both ends of ``3-10``, or the one number twice."""
    parts = text.split("-")
    if len(parts) > 2 or not all(part.strip().isdecimal() for part in parts):
        raise typer.BadParameter(f"--outside must be a number or two, as 3-10, got {text!r}")
    return int(parts[0]), int(parts[-1])
