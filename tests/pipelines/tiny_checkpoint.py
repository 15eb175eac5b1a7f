"""A checkpoint of an untrained network, made at test time."""

from __future__ import annotations

from pathlib import Path

import torch

from spinesynth.io.checkpoint import Checkpoint, save_checkpoint
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.network_plan import build_network


def write_checkpoint(
    path: Path,
    *,
    target_scheme: str = "spine6",
    seen_patients: tuple[str, ...] = (),
    seen_content: tuple[str, ...] = (),
) -> Path:
    """Write a checkpoint of a network with two features that nobody trained."""
    config = parse_config(
        {
            "name": "tiny",
            "target_scheme": target_scheme,
            "network": {"base_features": 2},
            "training": {"patch_size": [32, 32]},
        }
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        weights = build_network(config).state_dict()
    save_checkpoint(
        path,
        Checkpoint(
            config.model_dump(mode="json"), target_scheme, "A", 3, weights,
            seen_patients=seen_patients, seen_content=seen_content,
        ),
    )  # fmt: skip
    return path
