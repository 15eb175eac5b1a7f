"""How often vertebrae are named right, on phantoms whose levels are known.

    python -m benchmarks.levels --repeats 120 --page docs/levels.md

writes the tables between the marks of the page.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.label_damage import DAMAGES, Codes, Damage
from spinesynth.anatomy.phantom import PhantomRecord, draw_phantom, render_phantom
from spinesynth.anatomy.structures import Structure
from spinesynth.postprocess import SpineReading, read_spine
from spinesynth.seeding import derive_seed

SHAPE, SPACING_MM = (20, 104, 152), (4.0, 2.0, 2.0)  # 80 x 208 x 304 mm
_IN_VIEW_MM2 = 150.0  # area of a body or sacrum in the slice that shows most of it
_IN_MAP = 0.1  # of a body that the damage has left
_MARK = "<!-- {} of the benchmarks -->"

#: Fields of view: slices, and voxels along S.
VIEWS: dict[str, tuple[slice, slice]] = {
    "20 slices of 4 mm": (slice(0, 20), slice(12, 140)),
    "3 slices of 4 mm": (slice(9, 12), slice(12, 140)),
    "one slice 14 mm beside": (slice(13, 14), slice(12, 140)),
    "160 mm high": (slice(5, 15), slice(0, 80)),
    "upper half": (slice(0, 20), slice(76, 152)),
    "upper half, 3 slices": (slice(9, 12), slice(72, 152)),
}


@dataclass(frozen=True)
class Row:
    """How one vertebra of one phantom was named."""

    phantom: int
    view: str
    damage: str
    lumbar: int
    sacrum: bool
    truth: str
    name: str
    counted: bool
    confidence: float
    confident: bool


def measure(phantoms: Sequence[int], *, seed: int = 0, damages: Sequence[str]) -> list[Row]:
    """Read phantoms in every view, and with each damage in one view, by turns.

    Args:
        phantoms: their numbers.
        seed: of the bench.
        damages: keys of :data:`DAMAGES`.

    Returns:
        A row for each vertebra of which a good part is in view.
    """
    rows = []
    for number in phantoms:
        record = draw_phantom(derive_seed(seed, "levels", number))
        maps = render_phantom(record, shape=SHAPE, spacing_mm=SPACING_MM)
        for place, (view, (slices, heights)) in enumerate(VIEWS.items()):
            codes = maps.structure[slices, :, heights].numpy()
            counts = maps.instance[slices, :, heights].numpy()
            for turn, name in enumerate(damages):
                if name != "none" and (number + turn - place) % len(VIEWS):
                    continue
                damage = Damage(codes, counts, SPACING_MM, derive_seed(seed, name, number))
                DAMAGES[name](damage)
                reading = read_spine(torch.from_numpy(damage.codes), maps.affine)
                rows += _rows(number, view, name, record, codes, counts, damage.codes, reading)
    return rows


def area_mm2(mask: np.ndarray) -> float:
    """Return the area of a mask ``(I, J, K)`` in the slice that shows most of it."""
    return float(mask.sum(axis=(1, 2)).max() * SPACING_MM[1] * SPACING_MM[2])


def _rows(
    phantom: int,
    view: str,
    damage: str,
    record: PhantomRecord,
    codes: Codes,
    counts: Codes,
    damaged: Codes,
    reading: SpineReading,
) -> list[Row]:
    """Compare the names of a reading with the truth."""
    sacrum = area_mm2(codes == Structure.SACRUM) >= _IN_VIEW_MM2
    instances = reading.instances.numpy()
    levels = {level.instance: level for level in reading.of_kind("vertebra")}
    bodies = codes == Structure.VERTEBRAL_BODY
    rows = []
    for number in np.unique(counts[bodies]):
        mask = bodies & (counts == number)
        left = (damaged[mask] == Structure.VERTEBRAL_BODY).mean()
        if area_mm2(mask) < _IN_VIEW_MM2 or left < _IN_MAP:
            continue
        votes = Counter(instances[mask & (instances > 0) & (instances < 100)].tolist())
        level = levels[votes.most_common(1)[0][0]] if votes else None
        rows.append(
            Row(
                phantom, view, damage, record.variant.lumbar_count, sacrum,
                record.vertebrae[number - 1].name,
                level.name if level else "missed",
                bool(level and level.name != "unknown" and level.instance == number),
                level.confidence if level else 0.0,
                bool(level and level.is_named),
            )
        )  # fmt: skip
    return rows


def format_rows(rows: Sequence[Row], by: str) -> str:
    """Return the table of the page: shares of vertebrae in percent, by view or damage."""
    lines = [
        f"| {by} | right place above the sacrum | right name, five lumbar "
        "| right name, four or six | right name, all "
        "| no sacrum: confident and wrong | no sacrum: unknown |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for value in dict.fromkeys(getattr(row, by) for row in rows):
        lines.append(_line(value, [row for row in rows if getattr(row, by) == value]))
    return "\n".join([*lines, _line("all", rows)])


def _line(title: str, rows: Sequence[Row]) -> str:
    seen = [row for row in rows if row.sacrum]
    hidden = [row for row in rows if not row.sacrum]
    cells = (
        _share([row.counted for row in seen]),
        _share([row.name == row.truth for row in seen if row.lumbar == 5]),
        _share([row.name == row.truth for row in seen if row.lumbar != 5]),
        _share([row.name == row.truth for row in seen]),
        _share([row.confident and row.name != row.truth for row in hidden]),
        _share([row.name == "unknown" for row in hidden]),
    )
    return f"| {title} | {' | '.join(cells)} |"


def _share(hits: Sequence[bool]) -> str:
    return f"{100 * sum(hits) / len(hits):.1f} % of {len(hits)}" if hits else "–"


def write_page(page: Path, tables: dict[str, str]) -> None:
    """Put tables between their marks in a page."""
    text = page.read_text(encoding="utf-8")
    for name, table in tables.items():
        mark = re.escape(_MARK.format(name))
        text, count = re.subn(
            rf"({mark}\n).*?(<!-- end -->)", rf"\g<1>\n{table}\n\n\g<2>", text, flags=re.DOTALL
        )
        if count != 1:
            raise ValueError(f"{page} must hold the mark of {name} once, got it {count} times")
    page.write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None) -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=120, help="phantoms (default 120)")
    parser.add_argument("--seed", type=int, default=0, help="of the bench (default 0)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows here too")
    parser.add_argument("--page", type=Path, metavar="FILE", help="put the tables in this page")
    options = parser.parse_args(arguments)
    rows = measure(range(options.repeats), seed=options.seed, damages=tuple(DAMAGES))
    plain = [row for row in rows if row.damage == "none"]
    tables = {"views": format_rows(plain, "view"), "damages": format_rows(rows, "damage")}
    print("\n\n".join(tables.values()))
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    if options.page:
        write_page(options.page, tables)


if __name__ == "__main__":
    main()
