"""The study of stages asks for each stage of its recipe once."""

from __future__ import annotations

from pathlib import Path

from spinesynth.pipelines.study import read_study
from spinesynth.transforms import RandSynthesizeMRI

STUDY = Path(__file__).parents[2] / "configs" / "studies" / "stages.yaml"
#: Reads the image as prediction does: without it there is no image to train on.
_NEEDED = {"PercentileNormalise"}


def test_every_stage_is_taken_away_in_one_arm() -> None:
    arms = read_study(STUDY).arms
    taken = [name for arm in arms.values() for name in arm.synthesis.without]
    changed = {name for arm in arms.values() for name in arm.synthesis.overrides}
    whole = RandSynthesizeMRI(recipe="full", patch_size=(32, 32)).recipe.stages
    inner = [name for s in whole for member in s.parameters.get("during", ()) for name in member]
    stages = {stage.name for stage in whole} | set(inner)
    assert len(taken) == len(set(taken))
    assert set(taken) | changed == stages - _NEEDED
