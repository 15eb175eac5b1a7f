"""A sweep as small as it goes, and trainings that only pretend."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from spinesynth.pipelines.config import ExperimentConfig
from tests.pipelines.tiny_training import tiny_values

BASE = tiny_values(
    name="base",
    models=["A"],
    data={"train_sources": ["made"], "test_patients": 1, "val_patients": 1},
)
RATE = {"setting": "training.learning_rate", "low": 1e-4, "high": 1e-2, "log": True}
BATCH = {"setting": "training.batch_size", "choices": [1, 2]}


def write_sweep(folder: Path, **sweep: object) -> Path:
    """Write a sweep of two parameters and its base; others replace what it says."""
    (folder / "base.yaml").write_text(yaml.safe_dump(BASE))
    content = {
        "name": "s", "base": "base.yaml", "sampler": "grid",
        "parameters": {"rate": RATE, "batch": BATCH}, **sweep,
    }  # fmt: skip
    path = folder / "sweep.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


class Pretended:
    """Stand in for ``train_models``: score by the configuration, and keep what was asked.

    Args:
        dice: of a configuration.
        basis: what it says that it was scored on.
    """

    def __init__(
        self, dice: Callable[[ExperimentConfig], float], *, basis: str = "real scans"
    ) -> None:
        self.dice, self.basis = dice, basis
        self.configs: list[ExperimentConfig] = []
        self.calls: list[dict[str, Any]] = []
        self.before: Callable[[int], None] = lambda call: None

    def __call__(self, config: ExperimentConfig, **options: Any) -> str:  # noqa: ANN401 any
        self.configs.append(config)
        self.calls.append(options)
        self.before(len(self.calls))
        folder: Path = options["folder"]
        folder.mkdir(parents=True, exist_ok=True)
        outcome = {"step": 1, "dice": self.dice(config), "basis": self.basis, "note": ""}
        mode = "label-only+real-images" if config.training.real_share else "label-only+real-choice"
        record = {"final_choice": {"A": outcome}, "seconds": {"train_A": 2.5}, "mode": mode}
        (folder / "run.json").write_text(json.dumps(record))
        return ""
