"""What the tests of stopped trainings share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from spinesynth.io.case import Case
from spinesynth.io.manifest import read_manifest
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.datasets import SampleKey, SliceDataset
from spinesynth.pipelines.train import Trainer
from spinesynth.pipelines.training_data import ModelName
from tests.fabricate import write_manifest
from tests.pipelines.tiny_training import Make, tiny_config


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    root = tmp_path_factory.mktemp("data")
    return [case for case in read_manifest(write_manifest(root)) if case.image and case.label]


@pytest.fixture(scope="module", autouse=True)
def _samples_once() -> Iterator[None]:
    """Draw each sample once: it depends on its name alone, as another test shows."""
    draw, drawn = SliceDataset.__getitem__, dict[Any, dict[str, Any]]()

    def remembered(data: SliceDataset, key: SampleKey) -> dict[str, Any]:
        name = (data.with_image, tuple(case.case_id for case in data.cases), key)
        if name not in drawn:
            drawn[name] = draw(data, key)
        return drawn[name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SliceDataset, "__getitem__", remembered)
        yield


@pytest.fixture(scope="module")
def make(cases: list[Case]) -> Make:
    """Return a function that makes a trainer for a folder."""

    def trainer(
        folder: Path,
        config: ExperimentConfig | None = None,
        *,
        model: ModelName = "A",
        scans: Sequence[Case] = (),
    ) -> Trainer:
        wanted = config or tiny_config()
        return Trainer(
            wanted, model, train=cases[1:], validation=cases[:1], folder=folder, scans=scans
        )

    return trainer


@pytest.fixture(scope="module")
def whole(make: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an uninterrupted run."""
    folder = tmp_path_factory.mktemp("whole")
    make(folder).run()
    return folder
