"""Pictures of one seed never come from the network of another."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from spinesynth.errors import ConfigError
from spinesynth.pipelines import demo, write_phantom_dataset
from spinesynth.pipelines.demo import run_demo
from spinesynth.pipelines.predict import load_predictor


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train for two steps on few, small phantoms."""
    training = {
        **{"steps": 2, "validate_every": 2, "batch_size": 1, "patch_size": [64, 64]},
        **{"val_samples": 1, "workers": 0},
    }
    data = {"phantom_patients": 4, "test_patients": 1, "val_patients": 1}
    small = {**demo._CONFIG, "data": data, "training": training, "network": {"base_features": 2}}
    monkeypatch.setattr(demo, "_CONFIG", small)
    coarse = partial(write_phantom_dataset, shape=(3, 72, 88), spacing_mm=(8.0, 3.0, 3.0))
    monkeypatch.setattr(demo, "write_phantom_dataset", coarse)


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_each_seed_has_its_own_network_and_trains_it_once(tmp_path: Path) -> None:
    for seed in (42, 7):
        pictures = run_demo("inference", folder=tmp_path, seed=seed)
        assert all(picture.is_file() for picture in pictures)
    checkpoints = sorted(tmp_path.rglob("model_A_best.pt"))
    assert sorted(load_predictor(path)[1].config["seed"] for path in checkpoints) == [7, 42]
    written = [path.stat().st_mtime_ns for path in checkpoints]
    run_demo("inference", folder=tmp_path, seed=7)
    assert [path.stat().st_mtime_ns for path in checkpoints] == written


def test_unknown_demonstration_lists_the_others(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"E-CONF-006.*synth, contrast, training, inference"):
        run_demo("nonsense", folder=tmp_path)
