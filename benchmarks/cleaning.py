"""What each switch of Cleaning is worth on real scans: Dice after it less Dice before it.

    python -m benchmarks.cleaning --data PATH/cases.csv --model MODEL.pt --page docs/levels.md

takes the last cases of each source, and writes the table between the marks of the page.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from benchmarks.levels import write_page
from spinesynth.anatomy.annotation import report_groups
from spinesynth.io.case import Case
from spinesynth.io.discover import discover_cases
from spinesynth.io.load_case import load_case
from spinesynth.metrics import MaskPair, dice
from spinesynth.pipelines.evaluate import group_masks, spacing_of
from spinesynth.pipelines.predict import load_predictor
from spinesynth.postprocess import Cleaning, read_spine

_PLAIN = "raw"


def variants() -> dict[str, Cleaning]:
    """Return all switches together, each alone, and none."""
    switches = Cleaning().switches()
    alone = {name: Cleaning(**{n: n == name for n in switches}) for name in switches}
    return {_PLAIN: Cleaning.none(), "all": Cleaning(), **alone}


def choose(cases: Sequence[Case], most: int) -> list[Case]:
    """Return the last cases of each source and contrast, those with image and label map."""
    complete = [c for c in cases if c.image is not None and c.label is not None]
    groups: dict[tuple[str, str], list[Case]] = {}
    for case in complete:
        groups.setdefault((case.source, case.contrast), []).append(case)
    return [case for group in groups.values() for case in group[-most:]]


def measure(cases: Iterable[Case], model: Path, cache: Path | None) -> pd.DataFrame:
    """Return the Dice of each case, structure and variant.

    Args:
        cases: with image and label map.
        model: checkpoint.
        cache: folder of predictions by case, which are made if they are missing.
    """
    predictor, _ = load_predictor(model)
    rows = []
    for case in cases:
        loaded = load_case(case)
        assert loaded.image is not None  # chosen so
        assert loaded.structure is not None
        file = cache / f"{case.case_id}.pt" if cache else None
        if file is not None and file.exists():
            codes: Tensor = torch.load(file)
        else:
            codes = predictor(loaded.image)
            if file is not None:
                torch.save(codes, file)
        groups = [name for name in report_groups(case.annotated) if name in predictor.groups]
        expected = group_masks(loaded.structure.as_tensor()[0], groups)
        for variant, cleaning in variants().items():
            reading = read_spine(codes, torch.as_tensor(loaded.image.affine), cleaning=cleaning)
            found = group_masks(reading.structures, groups)
            for group in groups:
                pair = MaskPair(found[group], expected[group], spacing_mm=spacing_of(loaded.image))
                rows.append((case.case_id, case.source, case.contrast, group, variant, dice(pair)))
    names = ["case_id", "source", "contrast", "structure", "variant", "dice"]
    return pd.DataFrame(rows, columns=names)


def format_table(table: pd.DataFrame) -> str:
    """Return the table of the page: means over cases by source, contrast and structure."""
    keys = ["source", "contrast", "structure"]
    wide = table.pivot_table(index=keys, columns="variant", values="dice", aggfunc="mean")
    cases = table.groupby(keys)["case_id"].nunique()
    others = [name for name in variants() if name != _PLAIN]
    head = ["source", "contrast", "structure", "cases", _PLAIN, *others]
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for key, row in wide.iterrows():
        assert isinstance(key, tuple)
        gains = [f"{row[name] - row[_PLAIN]:+.4f}" for name in others]
        cells = [*key, str(cases[key]), f"{row[_PLAIN]:.4f}", *gains]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="cases.csv or its folder")
    parser.add_argument("--model", type=Path, required=True, help="checkpoint")
    parser.add_argument("--most", type=int, default=3, help="cases a source (default 3)")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="of predictions")
    parser.add_argument("--page", type=Path, metavar="FILE", help="put the table in this page")
    options = parser.parse_args(arguments)
    cases = choose(discover_cases(options.data), options.most)
    text = format_table(measure(cases, options.model, options.cache))
    print(text)
    if options.page:
        write_page(options.page, {"cleaning": text})


if __name__ == "__main__":
    main()
