"""The command that prepares measured maps for synthesis."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spinesynth.commands.options import OutFolder

if TYPE_CHECKING:
    from spinesynth.pipelines.measured_files import MeasuredTSE


def qmri_prepare(
    t1_map: Annotated[Path, typer.Option("--t1-map", help="T1 in ms.")],
    t2_map: Annotated[Path, typer.Option("--t2-map", help="T2 in ms.")],
    label: Annotated[Path, typer.Option(help="Label map, which tells where vertebrae are.")],
    out: OutFolder,
    t1w: Annotated[Path | None, typer.Option(help="T1-weighted turbo spin echo.")] = None,
    t1w_tr: Annotated[float | None, typer.Option(help="Its repetition time, in ms.")] = None,
    t1w_te: Annotated[float | None, typer.Option(help="Its echo time, in ms.")] = None,
    t2w: Annotated[Path | None, typer.Option(help="T2-weighted turbo spin echo.")] = None,
    t2w_tr: Annotated[float | None, typer.Option(help="Its repetition time, in ms.")] = None,
    t2w_te: Annotated[float | None, typer.Option(help="Its echo time, in ms.")] = None,
    scheme: Annotated[str, typer.Option(help="Label scheme of the label map.")] = "spider",
    clip_ms: Annotated[
        float, typer.Option(help="T1 and T2 above it are outliers outside the spared structures.")
    ] = 625.0,
    spare: Annotated[
        str, typer.Option(help="Structures whose long T1 and T2 are kept.")
    ] = "vertebra,sacrum",
    resample: Annotated[
        bool, typer.Option("--resample", help="Put all onto the grid of the first TSE.")
    ] = False,
) -> None:
    """Clean measured T1 and T2 maps and estimate proton density, for SynthMRI; one patient."""
    acquired_t1w = _acquisition("--t1w", t1w, t1w_tr, t1w_te)
    acquired_t2w = _acquisition("--t2w", t2w, t2w_tr, t2w_te)
    from spinesynth.pipelines.measured_files import MeasuredFiles
    from spinesynth.pipelines.qmri_prepare import Cleaning, prepare_qmri

    written = prepare_qmri(
        MeasuredFiles(
            t1_map=t1_map, t2_map=t2_map, label=label, t1w=acquired_t1w, t2w=acquired_t2w
        ),
        output=out,
        scheme=scheme,
        cleaning=Cleaning(clip_ms=clip_ms, spare=tuple(filter(None, spare.split(",")))),
        resample=resample,
    )
    typer.echo(f"Maps: {written}")


def _acquisition(
    option: str, path: Path | None, tr_ms: float | None, te_ms: float | None
) -> MeasuredTSE | None:
    """Return a TSE that is given whole, None for one that is not given at all."""
    if path is None and tr_ms is None and te_ms is None:
        return None
    if path is None or tr_ms is None or te_ms is None:
        raise typer.BadParameter(
            f"{option} needs its times: give {option}, {option}-tr and {option}-te together"
        )
    from spinesynth.pipelines.measured_files import MeasuredTSE

    return MeasuredTSE(path=path, tr_ms=tr_ms, te_ms=te_ms)
