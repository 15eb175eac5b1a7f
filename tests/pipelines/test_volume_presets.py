"""The shipped configurations of 3D training say what their sources say."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from spinesynth.pipelines.config_reading import read_config
from spinesynth.pipelines.network_plan import build_network

CONFIGS = Path(__file__).parents[2] / "configs"


def test_preset_of_the_thesis_is_the_thesiss() -> None:
    config = read_config(CONFIGS / "thesis_3d.yaml")
    network = build_network(config)
    kinds = [type(module).__name__ for module in network.modules()]
    assert kinds.count("ConvTranspose3d") == kinds.count("MaxPool3d") == 4  # five levels
    assert {m.p for m in network.modules() if isinstance(m, nn.Dropout)} == {0.1}
    assert {"InstanceNorm3d", "LeakyReLU"} < set(kinds)
    widths = {m.out_channels for m in network.modules() if isinstance(m, nn.Conv3d)}
    assert widths == {2, 32, 64, 128, 256}
    training = config.training
    assert (training.patch_size, training.spacing_mm) == ((32, 80, 80), (2.2, 0.7, 0.7))
    assert (training.learning_rate, training.batch_size, training.loss) == (1e-4, 40, "dice")
    assert config.evaluation.overlap == 0.5
    assert training.plateau_patience > training.steps / training.validate_every  # never lowered


def test_preset_of_the_roadmap_is_the_roadmaps() -> None:
    config = read_config(CONFIGS / "roadmap_3d.yaml")
    network = build_network(config)
    widths = {m.out_channels for m in network.modules() if isinstance(m, nn.Conv3d)}
    assert widths == {6, 32, 64, 128, 256, 512}
    training = config.training
    assert (training.patch_size, training.spacing_mm) == ((96, 96, 96), 1.0)
    assert (training.schedule, training.batch_size) == ("cosine", 2)
    assert training.warmup_steps * 20 == training.steps  # 10 of 200 epochs
