"""Options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Config = Annotated[
    Path | None, typer.Option("--config", help="YAML of an experiment, as in configs/.")
]
Data = Annotated[
    Path | None,
    typer.Option("--data", "--data-dir", help="Manifest (CSV) or SPIDER folder; else phantoms."),
]
ScoredData = Annotated[
    Path, typer.Option("--data", "--data-dir", help="Manifest (CSV) or SPIDER folder.")
]
SaveDir = Annotated[
    Path | None,
    typer.Option("--save-dir", "--output-dir", "-o", help="Folder; else results/<name>."),
]
Model = Annotated[
    Literal["A", "B", "both"] | None,
    typer.Option("--model", help="A: synthetic images; B: real ones. Else as configured."),
]
Dummy = Annotated[bool, typer.Option("--use-dummy-data", help="Draw phantoms: no data needed.")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Of everything random.")]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with what a stopped run left in the folder.")
]
Folds = Annotated[
    int | None,
    typer.Option("--folds", min=2, help="Cross-validate: each patient is tested in one fold."),
]
Epochs = Annotated[
    int | None, typer.Option("--epochs", min=1, help="Times training.validate_every steps.")
]
BatchSize = Annotated[int | None, typer.Option("--batch-size", min=1, help="Slices a step.")]
LearningRate = Annotated[float | None, typer.Option("--lr", help="Learning rate at the start.")]
NumClasses = Annotated[
    int | None, typer.Option("--num-classes", help="Background included: 6, 4 or 2.")
]
Factors = Annotated[
    str | None,
    typer.Option("--resolution-factors", help="Coarse over original voxel size, as 1,2,4."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="Any setting, as training.steps=100; may be repeated."
    ),
]
Sources = Annotated[
    list[str] | None, typer.Option("--source", help="Only this source; may be repeated.")
]
IncludeSeen = Annotated[
    bool, typer.Option("--include-seen", help="Score training and validation patients too.")
]
SomeSeed = Annotated[int, typer.Option("--seed", min=0, help="Of everything random.")]
OutFolder = Annotated[
    Path, typer.Option("--out", "--save-dir", "-o", help="Folder; made if it is missing.")
]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes; else one a core.")]
Checkpoints = Annotated[
    list[Path],
    typer.Option("--checkpoint", help="Weights that a training wrote; repeat it to let them vote."),
]
Weighting = Annotated[
    str,
    typer.Option(help="Of votes: mean, or certainty (one minus the entropy at each voxel)."),
]
Engine = Annotated[
    str, typer.Option(help="What runs the network: torch, or onnx (faster on a processor).")
]
SingleSlice = Annotated[bool, typer.Option("--2d", help="Read a 2D image as one sagittal slice.")]
Volume = Annotated[
    int | None, typer.Option("--volume", min=0, help="Of a 4D image, this volume, from 0.")
]
Magnitude = Annotated[
    bool, typer.Option("--magnitude", help="Read complex voxels as their magnitude.")
]
FillNonfinite = Annotated[
    Literal["median"] | None,
    typer.Option("--fill-nonfinite", help="What NaN and infinite voxels become."),
]
Deshear = Annotated[
    bool, typer.Option("--deshear", help="Read a sheared grid by an orthogonal one around it.")
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Refuse scans that are else read with a warning.")
]
Series = Annotated[
    str | None, typer.Option("--series", metavar="UID", help="Of several DICOM series, this one.")
]
AllowNonuniform = Annotated[
    bool,
    typer.Option("--allow-nonuniform", help="Read DICOM slices that are missing or uneven."),
]
Scales = Annotated[
    list[float] | None,
    typer.Option("--scale", help="Size to show the anatomy at; repeat it to let several vote."),
]
SkipCleaning = Annotated[
    list[str] | None,
    typer.Option(
        "--skip-cleaning", metavar="STEP", help="A mend to leave out, or all; may be repeated."
    ),
]
