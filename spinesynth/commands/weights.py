"""Commands about weights that come with the package."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(
    name="weights", help="List or verify the weights that are shipped.", no_args_is_help=True
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


@app.command("list")
def list_shipped(as_json: AsJson = False) -> None:
    """List the weights that are shipped."""
    import json

    from spinesynth.io.shipped_weights import list_weights

    shipped = list_weights()
    if as_json:
        facts = [
            {
                "name": w.name, "file": str(w.path), "sha256": w.sha256, "bytes": w.size_bytes,
                "about": w.about, "default": w.is_default,
            }
            for w in shipped
        ]  # fmt: skip
        typer.echo(json.dumps(facts, indent=2))
        return
    if not shipped:
        typer.echo("no weights are shipped with this installation; name a file with --weights")
    for w in shipped:
        mark = " (default)" if w.is_default else ""
        typer.echo(f"{w.name}{mark}: {w.size_bytes / 1e6:.1f} MB, sha256 {w.sha256}; {w.about}")


@app.command("verify")
def verify_shipped() -> None:
    """Compare the files of the shipped weights with their digests, and read each."""
    from spinesynth.io.checkpoint import load_checkpoint
    from spinesynth.io.shipped_weights import check_weights, list_weights

    shipped = list_weights()
    for w in shipped:
        check_weights(w)
        load_checkpoint(w.path)
        typer.echo(f"{w.name}: whole")
    if not shipped:
        typer.echo("no weights are shipped with this installation; there is nothing to verify")
