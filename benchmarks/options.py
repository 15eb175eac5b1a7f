"""The command line that the benchmarks share: how often, and a file for the rows."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def read_options(
    doc: str | None, arguments: list[str] | None, *, repeats: int, of: str
) -> argparse.Namespace:
    """Return ``repeats`` and ``json`` as they were asked for.

    Args:
        doc: of the benchmark; its first line is the description.
        arguments: of the command; None for those of the process.
        repeats: default.
        of: what is repeated, for the help.
    """
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=repeats, help=f"{of} (default {repeats})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows here too")
    options = parser.parse_args(arguments)
    if options.repeats < 1:
        parser.error(f"--repeats must be at least 1, got {options.repeats}")
    return options


def report(rows: Sequence[DataclassInstance], text: str, file: Path | None) -> None:
    """Print a table, and write its rows, dataclasses, as JSON where a file is named."""
    print(text)
    if file:
        content = {"rows": [asdict(row) for row in rows]}
        file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
