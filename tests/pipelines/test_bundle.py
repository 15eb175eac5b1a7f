"""A bundle does in MONAI's hands what the predictor does in ours, and its commands accept it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from monai.inferers.inferer import SliceInferer, SlidingWindowInferer
from torch import nn

from spinesynth.bundle import ToLabelsd, ToNetworkGridd
from spinesynth.cli import run
from spinesynth.io.volume import read_image, read_label
from spinesynth.networks.centre_head import CentreHeadNetwork
from spinesynth.pipelines.bundle_config import inference, metadata
from spinesynth.pipelines.bundle_export import _plain_weights
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.network_plan import build_network
from spinesynth.pipelines.predict import VolumePredictor, load_predictor
from tests.fabricate import intensities, nib, write_nifti
from tests.pipelines.tiny_checkpoint import write_checkpoint

# MONAI's bundle tools and ignite deprecate things of their own
pytestmark = pytest.mark.filterwarnings("ignore")


def export(folder: Path) -> Path:
    words = ["--checkpoint", str(write_checkpoint(folder / "m.pt")), "-o", str(folder / "spine")]
    assert run(["export", "bundle", *words], command="test") == 0
    return folder / "spine"


@pytest.fixture
def image() -> MetaTensor:
    affine = torch.diag(torch.tensor([4.0, 0.8, 1.25, 1.0], dtype=torch.float64))
    noise = torch.rand(1, 4, 50, 44, generator=torch.Generator().manual_seed(0))
    return MetaTensor(noise, affine=affine)


@pytest.mark.parametrize("slices", [1, 3])
def test_chain_of_slices_gives_the_labels_of_the_predictor(slices: int, image: MetaTensor) -> None:
    network = nn.Conv2d(slices, 6, 3, padding=1)
    predictor = VolumePredictor(network, patch_size=(32, 32), slices=slices)
    inferer = SliceInferer(
        spatial_dim=0, roi_size=(32, 32), sw_batch_size=8, overlap=0.25, mode="gaussian"
    )
    check(image, predictor, inferer, ToNetworkGridd("image", (1.0, 1.0), slices))


def test_chain_of_volumes_gives_the_labels_of_the_predictor(image: MetaTensor) -> None:
    spacing, patch = (2.0, 1.0, 1.0), (8, 32, 32)
    predictor = VolumePredictor(nn.Conv3d(1, 6, 3, padding=1), spacing_mm=spacing, patch_size=patch)
    inferer = SlidingWindowInferer(roi_size=patch, sw_batch_size=8, overlap=0.25, mode="gaussian")
    check(image, predictor, inferer, ToNetworkGridd("image", spacing))


def check(
    image: MetaTensor,
    predictor: VolumePredictor,
    inferer: SlidingWindowInferer,
    show: ToNetworkGridd,
) -> None:
    data: dict[Any, Any] = show({"image": image})
    with torch.inference_mode():
        data["pred"] = inferer(data["image"][None], predictor.network)[0]
    labels = ToLabelsd("pred", image="image", target_scheme="spine6")(data)["pred"]
    wanted = predictor(image)
    # the windows of all slices share one map of weights here: sums in another order
    assert (labels[0] != wanted).float().mean() < 1e-3
    assert torch.equal(labels.affine, image.affine)
    assert labels.dtype == torch.uint8


def test_heatmap_of_training_is_left_out() -> None:
    config = parse_config(
        {"name": "x", "network": {"base_features": 2}, "training": {"centre_weight": 0.1}}
    )
    network = build_network(config).eval()
    assert isinstance(network, CentreHeadNetwork)
    plain = build_network(parse_config({"name": "x", "network": {"base_features": 2}})).eval()
    plain.load_state_dict(_plain_weights(network.state_dict(), config))
    image = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(plain(image), network(image))
    assert inference(config)["network_def"]["num_classes"] == 6


def test_folder_that_holds_something_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "spine").mkdir()
    (tmp_path / "spine" / "mine.txt").touch()
    words = ["--checkpoint", str(write_checkpoint(tmp_path / "m.pt")), "-o"]
    for place in ("spine", "m.pt"):
        assert run(["export", "bundle", *words, str(tmp_path / place)], command="test") == 2
        assert "[E-RUN-002]" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.pt", "spine"]


def test_metadata_and_files_are_those_of_a_bundle(tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    folder = export(tmp_path)
    assert sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()) == [
        "LICENSE", "configs/inference.json", "configs/logging.conf", "configs/metadata.json",
        "configs/train.json", "docs/README.md", "docs/meta_schema_20240725.json", "models/model.pt",
    ]  # fmt: skip
    told = json.loads((folder / "configs" / "metadata.json").read_text())
    schema = json.loads((folder / "docs" / "meta_schema_20240725.json").read_text())
    jsonschema.validate(told, schema)
    assert told["version"] in told["changelog"]
    outputs = told["network_data_format"]["outputs"]["pred"]
    assert outputs["num_channels"] == len(outputs["channel_def"]) == 6
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_metadata_of_a_volume_network_names_its_axes(tmp_path: Path) -> None:
    config = parse_config(
        {
            "name": "x", "network": {"dims": 3, "base_features": 2},
            "training": {"patch_size": [32, 32, 32]},
        }
    )  # fmt: skip
    _, saved = load_predictor(write_checkpoint(tmp_path / "m.pt"))
    formats = metadata(saved, config)["network_data_format"]["inputs"]["image"]
    assert formats["spatial_shape"] == ["16*n"] * 3
    assert inference(config)["inferer"]["_target_"] == "SlidingWindowInferer"


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for package in ("fire", "ignite", "jsonschema"):
        pytest.importorskip(package)
    folder = export(tmp_path)
    monkeypatch.chdir(folder)
    return folder


META, CONFIG = "configs/metadata.json", "configs/inference.json"


@pytest.mark.slow
def test_command_verify_metadata_accepts(bundle: Path) -> None:
    """As a user calls it, in a process of its own."""
    command = [sys.executable, "-m", "monai.bundle", "verify_metadata", "--meta_file", META]
    command += ["--filepath", "docs/meta_schema_20240725.json"]
    done = subprocess.run(command, cwd=bundle, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "verified with no error" in done.stdout + done.stderr


@pytest.mark.slow
def test_verify_net_in_out_accepts(bundle: Path) -> None:
    from monai.bundle.scripts import verify_net_in_out

    verify_net_in_out("network_def", meta_file=META, config_file=CONFIG, device="cpu", n=2)


@pytest.mark.slow
def test_onnx_export_writes_the_network(bundle: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    from monai.bundle.scripts import onnx_export

    onnx_export(
        "network_def", filepath="models/model.onnx", ckpt_file="models/model.pt", meta_file=META,
        config_file=CONFIG, input_shape=[1, 1, 32, 32],
    )  # fmt: skip
    onnx.checker.check_model(bundle / "models" / "model.onnx")


@pytest.mark.slow
def test_command_run_writes_the_labels_of_the_predictor(bundle: Path, tmp_path: Path) -> None:
    """In a process of its own: pytest's strict warnings keep ignite from being imported here."""
    scans = [
        write_nifti(tmp_path / "images" / f"{orientation}.nii.gz", intensities(), orientation)
        for orientation in ("RAS", "PIR")
    ]
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", CONFIG]
    command += ["--bundle_root", ".", "--dataset_dir", str(tmp_path / "images")]
    command += ["--output_dir", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=bundle, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    predictor, _ = load_predictor(tmp_path / "m.pt")
    for scan in scans:
        written = tmp_path / "out" / scan.name.replace(".nii", "_seg.nii")
        assert nib.load(written).shape == nib.load(scan).shape
        assert np.allclose(nib.load(written).affine, nib.load(scan).affine, atol=1e-4)
        differ = read_label(written)[0] != predictor(read_image(scan))
        assert differ.float().mean() < 1e-3  # ties of an untrained network alone


def test_configuration_has_every_property_that_monai_asks_for(tmp_path: Path) -> None:
    from monai.bundle.properties import InferProperties, MetaProperties
    from monai.utils.enums import BundleProperty, BundlePropertyConfig

    _, saved = load_predictor(write_checkpoint(tmp_path / "m.pt"))
    config = parse_config(saved.config)
    content = {**inference(config), "_meta_": metadata(saved, config)}
    for entry in [*InferProperties.values(), *MetaProperties.values()]:
        place: Any = content
        if entry[BundleProperty.REQUIRED]:
            for key in str(entry[BundlePropertyConfig.ID]).split("::"):
                assert key in place, entry
                place = place[key]
