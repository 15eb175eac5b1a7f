"""A 3D training from its first step to the outline on a scan of another grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from spinesynth.io.checkpoint import load_training_state
from spinesynth.io.manifest import read_manifest
from spinesynth.io.volume import read_image
from spinesynth.pipelines.checkpoint_shelf import checkpoint_path
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.predict import load_predictor
from spinesynth.pipelines.segment import segment_files
from spinesynth.pipelines.train import Trainer
from spinesynth.pipelines.training_data import ModelName
from spinesynth.pipelines.training_state import state_path
from tests.fabricate import intensities, nib, ras_affine, write_manifest
from tests.pipelines.tiny_training import Snapshots, differences

PHANTOM = {"phantom_share": 1, "phantoms": 1}


def tiny_volumes(**synthesis: object) -> ExperimentConfig:
    """Return four steps of 3D training with dropout, validations after 3 and 4."""
    return parse_config(
        {
            "name": "tiny",
            "network": {
                "name": "basic_unet", "dims": 3, "base_features": 2,
                "parameters": {"dropout": 0.1},
            },
            "synthesis": synthesis,
            "training": {
                "steps": 4, "validate_every": 3, "batch_size": 2, "patch_size": [16, 32, 32],
                "spacing_mm": [4.0, 1.5, 1.5], "foreground_share": 0.5, "val_samples": 1,
                "checkpoint_every": 1, "workers": 0, "keep_last": 2, "final_choice": "volumes",
            },
            "evaluation": {"overlap": 0.5, "batch_size": 2},
        }
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "synthesis"), [("A", PHANTOM), ("A", {}), ("B", {})], ids=["phantom", "masks", "real"]
)
def test_training_of_volumes_goes_on_bit_for_bit_and_predicts_another_grid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: ModelName, synthesis: dict[str, object]
) -> None:
    table = read_manifest(write_manifest(tmp_path))
    cases = [case for case in table if case.image and case.label]

    def make(folder: Path) -> Trainer:
        config = tiny_volumes(**synthesis)
        return Trainer(
            config, model, train=cases[1:], validation=cases[:1], folder=folder, scans=cases[:1]
        )

    with monkeypatch.context() as patch:
        snapshots = Snapshots(tmp_path / "at", patch)
        make(tmp_path / "whole").run()
    stopped = [
        folder
        for folder in snapshots.folders
        if load_training_state(state_path(folder, model)).step == 2
    ]
    torch.rand(3)  # the global generator stands elsewhere now
    make(stopped[0]).run(resume=True)
    assert differences(tmp_path / "whole", stopped[0], model=model) == []

    best = checkpoint_path(tmp_path / "whole", model, "best")
    scan = write_turned(tmp_path / "turned.nii.gz")
    done = segment_files([best], scan, output=tmp_path / "out", scales=(1.0, 1.1))
    assert done.refused == ()
    outline, source = nib.load(done.written[0]), nib.load(scan)
    assert outline.shape == source.shape
    assert np.array_equal(outline.affine, source.affine)
    probabilities = load_predictor(best)[0].probabilities(read_image(scan))
    # softmax, and linear weights that sum to 1, but for rounding
    torch.testing.assert_close(probabilities.sum(0), torch.ones(5, 30, 48), rtol=0, atol=1e-5)


def write_turned(path: Path) -> Path:
    """Write a scan of other voxels and axes: superior, left, posterior."""
    affine = ras_affine() @ np.diag([0.5, 1.2, 0.9, 1.0])
    turn = nib.orientations.ornt_transform(
        nib.orientations.io_orientation(affine), nib.orientations.axcodes2ornt("SLP")
    )
    nib.save(nib.Nifti1Image(intensities()[:5, 5:35], affine).as_reoriented(turn), path)
    return path
