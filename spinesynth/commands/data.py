"""Commands that read data and tell what they are, and what is installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from spinesynth.commands.options import ScoredData
from spinesynth.errors import InputError


def check(
    data: Annotated[Path, typer.Argument(help="Manifest (CSV) or SPIDER folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON alone.")] = False,
) -> int:
    """Read all of a data set, change nothing, and list every problem."""
    from spinesynth.pipelines.check import check_data

    problems = check_data(data)
    if as_json:
        typer.echo(problems.to_json(orient="records", indent=2))
    elif problems.empty:
        typer.echo(f"{data}: no problem found")
    else:
        for case_id, file, code, problem, remedy in problems.itertuples(index=False, name=None):
            typer.echo(f"[{code}] {' '.join(filter(None, (case_id, file)))}: {problem}; {remedy}")
    return 0 if problems.empty else InputError.exit_code


def estimate_priors(
    data: ScoredData,
    output: Annotated[Path, typer.Option("--output", "-o", help="YAML to write.")],
    contrast: Annotated[
        str | None, typer.Option(help="Only cases of this contrast, as in the manifest.")
    ] = None,
    distribution: Annotated[
        Literal["uniform", "normal"], typer.Option(help="What the prior draws from.")
    ] = "uniform",
) -> None:
    """Estimate a contrast prior from images with label maps."""
    from spinesynth.pipelines.estimate_priors import fit_contrast_prior

    prior = fit_contrast_prior(data, output=output, contrast=contrast, distribution=distribution)
    typer.echo(f"{output}: {', '.join(tissue.name.lower() for tissue in sorted(prior.tissues))}")


def info(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON alone.")] = False,
) -> None:
    """Tell versions, machine and structures."""
    from spinesynth.pipelines.installation import describe_installation

    facts = describe_installation()
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    typer.echo(f"spinesynth {facts['spinesynth']}, Python {facts['python']}")
    typer.echo(f"{facts['machine']}, {facts['cores']} cores")
    for name, version in facts["packages"].items():
        typer.echo(f"  {name:16} {version or 'not installed'}")
    typer.echo(f"structures: {', '.join(facts['structures'])}")
    typer.echo(f"scored as: {', '.join(facts['report_groups'])}")
