"""A condition that gives another image must have another revision, or old scores are kept for new.

``condition_digests.json`` holds the statistics of each revision. Whoever changes what a condition
does raises its ``revision`` and runs this file as a program, which writes the table anew.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from monai.data.meta_tensor import MetaTensor

from spinesynth.anatomy.structures import Structure
from spinesynth.io.load_case import LoadedCase
from spinesynth.pipelines.conditions import CONDITIONS, degrade_case
from tests.pipelines.fabricated import make_case

DIGESTS = Path(__file__).with_name("condition_digests.json")
SEVERITY = 4  # slices of 6 mm: thicker than those of the phantom
SHAPE, SPACING_MM = (12, 40, 48), (4.0, 1.0, 1.2)


def _phantom() -> LoadedCase:
    """Return a vertebra, a disc and a canal in a wavy background, by formula alone."""
    s, a, b = torch.meshgrid(*(torch.arange(n).float() for n in SHAPE), indexing="ij")
    image = 60 + 10 * torch.sin(0.7 * a + 0.3 * s) + 8 * torch.cos(0.45 * b)
    codes = torch.zeros(SHAPE, dtype=torch.uint8)
    codes[2:10, 10:26, 8:20] = int(Structure.VERTEBRAL_BODY)
    codes[2:10, 10:26, 20:26] = int(Structure.DISC)
    codes[3:9, 26:33, 4:44] = int(Structure.CANAL)
    image += 20 * torch.tensor([0.0, 1, 0, 2, -1, 3, 0, 0])[codes.long().clamp(max=7)]
    image[:, :2] = 0
    affine = torch.diag(torch.tensor([*SPACING_MM, 1.0], dtype=torch.float64))
    label = MetaTensor(codes[None], affine=affine)
    return LoadedCase(make_case("phantom"), MetaTensor(image[None], affine=affine), label, None)


def _statistics(name: str) -> list[float]:
    """Return numbers that any other image would hardly have, those of platforms nearly equal."""
    degraded = degrade_case(_phantom(), name, SEVERITY, seed=0)
    assert degraded.image is not None
    assert degraded.structure is not None
    image, codes = degraded.image.as_tensor()[0].double(), degraded.structure.as_tensor()[0]
    found = [float(image.mean()), float(image.std()), float((codes > 0).sum())]
    for axis in range(3):
        place = torch.arange(SHAPE[axis], dtype=torch.double)
        profile = image.movedim(axis, 0).flatten(1).mean(1)
        found.append(float((profile * place).sum() / profile.sum()))
        found.append(float(image.diff(dim=axis).abs().mean()))
    return [float(f"{value:.6g}") for value in found]


@pytest.mark.parametrize("name", CONDITIONS)
def test_another_image_has_another_revision(name: str) -> None:
    kept = json.loads(DIGESTS.read_text(encoding="utf-8"))[name]
    how = (
        "raise its revision in CONDITIONS, then run python -m tests.pipelines."
        + Path(__file__).stem
    )
    assert kept["revision"] == CONDITIONS[name].revision, how
    same = all(
        # platforms round FFT and interpolation to some 1e-6; the smallest wilful change of a
        # level or a draw moves these numbers by more than a thousandth
        math.isclose(now, before, rel_tol=5e-4, abs_tol=5e-4)
        for now, before in zip(_statistics(name), kept["statistics"], strict=True)
    )
    assert same, f"{name} gives another image: {how}"


def test_the_table_is_of_the_conditions_that_there_are() -> None:
    assert list(json.loads(DIGESTS.read_text(encoding="utf-8"))) == list(CONDITIONS)


if __name__ == "__main__":
    table = {
        name: {"revision": condition.revision, "statistics": _statistics(name)}
        for name, condition in CONDITIONS.items()
    }
    lines = [f"  {json.dumps(name)}: {json.dumps(told)}" for name, told in table.items()]
    DIGESTS.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
