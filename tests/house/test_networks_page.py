"""docs/networks.md names every network and loss with what they take, and its Python runs."""

from __future__ import annotations

import re
from pathlib import Path

import torch

from spinesynth.networks.losses import LOSSES
from spinesynth.networks.registry import NETWORKS

TEXT = (Path(__file__).parents[2] / "docs" / "networks.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the first table under a heading, without their back-ticks."""
    table = TEXT.split(f"## {heading}\n\n")[1].split("\n\n")[0]
    return [
        [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        for line in table.splitlines()[2:]
    ]


def test_table_of_networks_is_that_of_the_code() -> None:
    told = {name: features for name, _, _, features in rows("Networks")}
    code = {
        name: "any" if kind.features_multiple == 1 else str(kind.features_multiple)
        for name, kind in NETWORKS.items()
    }
    assert told == code


def test_table_of_losses_is_that_of_the_code() -> None:
    assert [row[0] for row in rows("Losses")] == list(LOSSES)


def test_python_of_the_page_runs() -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    with torch.random.fork_rng(devices=[]):
        exec(compile(block, "docs/networks.md", "exec"), {})
