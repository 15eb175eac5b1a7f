"""The commands that answer over HTTP, and that prepare the work of annotators."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from spinesynth.commands.options import SkipCleaning

_MIB, _GIB, _MINUTE_S = 2**20, 2**30, 60.0


def serve(
    weights: Annotated[
        list[str] | None,
        typer.Option("--weights", "-w", help="Shipped name or file; repeat it to vote."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address; others than loopback need a token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8000,
    token_file: Annotated[
        Path | None,
        typer.Option(help="File with the token that requests must bear; else SPINESYNTH_TOKEN."),
    ] = None,
    save_dir: Annotated[
        Path | None,
        typer.Option(help="Folder for jobs, which survive a restart then; else a temporary one."),
    ] = None,
    scheme: Annotated[
        str | None, typer.Option(help="Label scheme of the results; else the network's own.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    engine: Annotated[
        Literal["torch", "onnx"], typer.Option(help="onnx: ONNX Runtime on the CPU.")
    ] = "torch",
    threads: Annotated[int | None, typer.Option(min=1, help="Cores; else all.")] = None,
    queue: Annotated[int, typer.Option(min=1, help="Jobs that may wait.")] = 8,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds that a job may take.")] = 120,
    upload: Annotated[int, typer.Option(min=1, help="Largest request, in MiB.")] = 256,
    keep: Annotated[float, typer.Option(min=1, help="Minutes that results are kept.")] = 60,
    memory: Annotated[
        int | None, typer.Option(min=1, help="Address space of the worker, in GiB; else any.")
    ] = None,
) -> None:
    """Segment scans that come over HTTP (needs the extra serve)."""
    from functools import partial

    from spinesynth.service.extra import check_extra

    check_extra()
    from spinesynth.service import Limits, segment_with
    from spinesynth.service import serve as run_service
    from spinesynth.service.access import read_token

    run_service(
        partial(
            segment_with, weights, scheme=scheme, device=device, engine=engine, threads=threads
        ),
        host=host,
        port=port,
        token=read_token(token_file),
        folder=save_dir,
        limits=Limits(
            upload_bytes=upload * _MIB,
            queue=queue,
            job_s=timeout,
            keep_s=keep * _MINUTE_S,
            memory_bytes=None if memory is None else memory * _GIB,
        ),
        model="+".join(Path(name).stem for name in weights) if weights else "default",
        on_listening=lambda address: typer.echo(f"listening at {address}"),
    )


def preannotate(
    source: Annotated[
        Path,
        typer.Option("--input", "-i", help="Image, folder, list of paths (.txt) or cases.csv."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder; made if missing.")],
    weights: Annotated[
        list[str] | None,
        typer.Option("--weights", "-w", help="Shipped name or file; repeat it to vote."),
    ] = None,
    scheme: Annotated[
        str | None, typer.Option(help="Label scheme of the masks; else the network's own.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="Cores; else all.")] = None,
    skip_cleaning: SkipCleaning = None,
) -> int:
    """Segment scans for annotators, with a worklist that puts the most doubtful first."""
    from spinesynth.pipelines.preannotate import prepare_annotation
    from spinesynth.pipelines.segmenter import SpineSegmenter
    from spinesynth.postprocess import Cleaning

    cleaning = Cleaning.skipping(skip_cleaning or ())
    segmenter = SpineSegmenter(
        weights, scheme=scheme, device=device, threads=threads, cleaning=cleaning
    )
    made = prepare_annotation(segmenter, source, output)
    for line in made.refused:
        typer.echo(line, err=True)
    if made.worklist is not None:
        typer.echo(f"{made.worklist}: {made.done} scans; corrected, they are {made.manifest}")
    return made.exit_code
