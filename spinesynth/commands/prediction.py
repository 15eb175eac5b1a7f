"""The command that segments images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spinesynth.commands.options import (
    AllowNonuniform,
    Deshear,
    Engine,
    FillNonfinite,
    Magnitude,
    Scales,
    Series,
    SingleSlice,
    SkipCleaning,
    Strict,
    Volume,
    Weighting,
)


def predict(
    source: Annotated[
        Path,
        typer.Option("--input", "-i", help="Image, folder, list of paths (.txt) or cases.csv."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder; of one image also its label map.")
    ],
    weights: Annotated[
        list[str] | None,
        typer.Option(
            "--weights", "--checkpoint", "-w", help="Shipped name or file; repeat it to vote."
        ),
    ] = None,
    scheme: Annotated[
        str | None, typer.Option(help="Label scheme of the output; else the network's own.")
    ] = None,
    output_format: Annotated[
        str, typer.Option("--format", help="Of label maps: auto, nii.gz, nii, mha or nrrd.")
    ] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    engine: Engine = "torch",
    threads: Annotated[int | None, typer.Option(min=1, help="Cores; else all.")] = None,
    weighting: Weighting = "mean",
    scale: Scales = None,
    volumes: Annotated[bool, typer.Option(help="Write a table of volumes.")] = True,
    preview: Annotated[bool, typer.Option(help="Write a picture.")] = True,
    instances: Annotated[
        bool, typer.Option(help="Clean labels; tell vertebrae and discs apart and name them.")
    ] = True,
    skip_cleaning: SkipCleaning = None,
    lowest: Annotated[
        str | None, typer.Option(help="Lowest vertebra in view, as L5, if you know it.")
    ] = None,
    bids: Annotated[bool, typer.Option("--bids", help="Name files as BIDS derivatives.")] = False,
    anonymise: Annotated[
        bool, typer.Option("--anonymise", help="Leave the patient out of DICOM segmentations.")
    ] = False,
    uncertainty: Annotated[
        bool, typer.Option("--uncertainty", help="Write a map of the network's uncertainty.")
    ] = False,
    deidentify: Annotated[
        bool,
        typer.Option("--deidentify", help="Hash names of scans, tell no path; also anonymise."),
    ] = False,
    single_slice: SingleSlice = False,
    volume: Volume = None,
    magnitude: Magnitude = False,
    fill_nonfinite: FillNonfinite = None,
    deshear: Deshear = False,
    strict: Strict = False,
    series: Series = None,
    allow_nonuniform: AllowNonuniform = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the report of the run and nothing else.")
    ] = False,
) -> int:
    """Segment image files, each on its own grid."""
    import json

    from spinesynth.io.input_rules import InputRules
    from spinesynth.pipelines.ensemble import read_weighting
    from spinesynth.pipelines.predict import read_engine
    from spinesynth.pipelines.segment import segment_files
    from spinesynth.pipelines.segment_outputs import OutputOptions, read_format
    from spinesynth.postprocess import Cleaning

    run = segment_files(
        weights,
        source,
        output=output,
        scheme=scheme,
        weighting=read_weighting(weighting),
        scales=scale or (1.0,),
        device=device,
        engine=read_engine(engine),
        threads=threads,
        lowest=lowest,
        cleaning=Cleaning.skipping(skip_cleaning or ()),
        options=OutputOptions(
            read_format(output_format),
            volumes,
            preview,
            bids,
            instances,
            anonymise,
            uncertainty,
            deidentify,
        ),
        rules=InputRules(
            single_slice,
            volume,
            magnitude,
            fill_nonfinite,
            deshear,
            strict,
            series,
            allow_nonuniform,
        ),
    )
    if as_json:
        typer.echo(json.dumps(run.report, indent=2))
        return run.exit_code
    for path in run.written:
        typer.echo(path)
    for line in (*run.refused, *run.warnings):
        typer.echo(line, err=True)
    return run.exit_code
