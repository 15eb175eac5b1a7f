"""ONNX Runtime runs what torch trained, and a file that is not what was written is refused."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.data.meta_tensor import MetaTensor

from spinesynth.cli import run
from spinesynth.errors import CheckpointError, ConfigError
from spinesynth.io.checkpoint import load_checkpoint
from spinesynth.io.discover import discover_cases
from spinesynth.io.file_digest import digest_file
from spinesynth.io.load_case import load_case
from spinesynth.io.onnx_file import DIGEST, OPEN_DIGEST, RECORD, describe_checkpoint, seal
from spinesynth.io.weights_digest import digest_weights
from spinesynth.pipelines.ensemble import load_members
from spinesynth.pipelines.onnx_network import OnnxNetwork, load_onnx
from spinesynth.pipelines.predict import VolumePredictor, load_predictor
from spinesynth.pipelines.quality_model import (
    QualityModel,
    quality_path,
    write_quality,
)
from spinesynth.pipelines.segmenter import SpineSegmenter
from tests.pipelines.tiny_checkpoint import write_checkpoint

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


def doubling(description: str) -> bytes:
    """Return a sealed file of a network that doubles its input."""
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    shape = ["batch", 1, "rows", "columns"]
    graph = helper.make_graph(
        [helper.make_node("Add", ["image", "image"], ["logits"])],
        "doubling",
        [helper.make_tensor_value_info("image", kind, shape)],
        [helper.make_tensor_value_info("logits", kind, shape)],
    )
    opsets = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    for key, value in ((RECORD, description), (DIGEST, OPEN_DIGEST)):
        model.metadata_props.add(key=key, value=value)
    return seal(model.SerializeToString())


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    checkpoint = load_checkpoint(write_checkpoint(tmp_path / "m.pt", seen_patients=("p1",)))
    path = tmp_path / "m.onnx"
    path.write_bytes(doubling(describe_checkpoint(checkpoint, digest="", multiple=(16, 16))))
    return path


@pytest.mark.parametrize("size", [(1, 1), (32, 48), (33, 47)])
def test_images_of_any_size_are_filled_up_and_cut_back(size: tuple[int, int]) -> None:
    network = OnnxNetwork(doubling(""), multiple=(16, 16), threads=1)
    image = torch.rand(3, 1, *size, generator=torch.Generator().manual_seed(0))
    assert torch.equal(network(image), 2 * image)


def test_what_cannot_be_computed_is_said_as_torch_says_it() -> None:
    network = OnnxNetwork(doubling(""), multiple=(16, 16), threads=1)
    with pytest.raises(RuntimeError, match=r"ONNX Runtime cannot run the network: .*index: 1"):
        network(torch.zeros(1, 2, 16, 16))  # two channels, of which it takes one


def test_file_says_what_its_checkpoint_said(sealed: Path) -> None:
    network, told = load_onnx(sealed, threads=1)
    written = load_checkpoint(sealed.with_suffix(".pt"))
    assert network.multiple == (16, 16)
    assert told.weights == {}
    for name in ("config", "target_scheme", "model", "step", "version", "seen_patients"):
        assert getattr(told, name) == getattr(written, name), name


def test_file_has_the_quality_model_of_its_weights(sealed: Path) -> None:
    checkpoint = load_checkpoint(sealed.with_suffix(".pt"))
    digest = digest_weights(checkpoint.weights)
    told = describe_checkpoint(checkpoint, digest="", multiple=(16, 16), weights_digest=digest)
    for name, description in (("new", told), ("old", told.replace(digest, ""))):
        path = sealed.with_name(f"{name}.onnx")
        path.write_bytes(doubling(description))
        model = QualityModel(weights_digest=digest, phantoms=1, seed=0, structures={}, limits={})
        write_quality(quality_path(path), model)
        known = SpineSegmenter(path, engine="onnx", threads=1)
        assert (known.quality == model) == (name == "new")
    assert known.made_by["quality_model"] == (
        "none: the file does not tell which weights it holds; export it again"
    )
    write_quality(
        quality_path(sealed.with_name("new.onnx")),
        model.model_copy(update={"weights_digest": "0" * 64}),
    )
    with pytest.raises(CheckpointError, match=r"E-QUAL-001.*belongs to weights"):
        SpineSegmenter(sealed.with_name("new.onnx"), engine="onnx", threads=1)


def test_one_changed_byte_is_refused(sealed: Path) -> None:
    content = bytearray(sealed.read_bytes())
    content[content.index(b"doubling")] ^= 1
    sealed.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"E-CKPT-002.*do not match its checksum"):
        load_onnx(sealed)


def test_files_of_others_and_missing_ones_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"E-CKPT-001.*no ONNX file at .*gone\.onnx"):
        load_onnx(tmp_path / "gone.onnx")
    (tmp_path / "other.onnx").write_bytes(doubling("{}"))
    with pytest.raises(CheckpointError, match=r"E-CKPT-002.*does not say what it holds"):
        load_predictor(tmp_path / "other.onnx", engine="onnx")


def test_torch_does_not_run_an_onnx_file(sealed: Path) -> None:
    with pytest.raises(CheckpointError, match=r"E-CKPT-002.*which the engine onnx runs"):
        load_predictor(sealed)


def test_members_vote_by_onnxruntime_too(sealed: Path) -> None:
    predictor, origin = load_members([sealed], engine="onnx", threads=1)
    assert isinstance(predictor, VolumePredictor)
    assert isinstance(predictor.network, OnnxNetwork)
    assert (predictor.threads, origin.seen_patients) == (1, ("p1",))


def test_without_the_extra_its_name_is_told(sealed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ConfigError, match=r"E-CONF-090.*pip install 'spinesynth\[onnx\]'"):
        load_onnx(sealed)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-o", "m.nii"), "E-OUT-003"),
        (("-o", "m.onnx", "--tolerance", "0"), "tolerance must be above 0, got 0"),
    ],
)
def test_impossible_export_is_refused(
    words: tuple[str, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(write_checkpoint(tmp_path / "m.pt"))
    assert run(["export", "onnx", "--checkpoint", path, *words], command="test") in (2, 4)
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_exported_network_gives_the_labels_of_torch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole way: command, file, predictor. Sides 50 and 46 are filled up to 64 and 48."""
    path, file = write_checkpoint(tmp_path / "m.pt"), tmp_path / "sub" / "m.onnx"
    words = ["export", "onnx", "--checkpoint", str(path), "-o", str(file)]
    model = QualityModel(
        weights_digest=digest_weights(load_checkpoint(path).weights), phantoms=1, seed=0,
        structures={}, limits={},
    )  # fmt: skip
    write_quality(quality_path(path), model)
    assert run(words, command="test") == 0
    assert SpineSegmenter(file, engine="onnx", threads=1).quality == model
    assert "largest difference of a probability from torch" in capsys.readouterr().out
    onnx.checker.check_model(file)
    metadata: dict[str, Any] = {p.key: p.value for p in onnx.load(file).metadata_props}
    assert digest_file(path) in metadata[RECORD]
    shape = onnx.load(file).graph.input[0].type.tensor_type.shape.dim
    assert [bool(axis.dim_param) for axis in shape] == [True, False, True, True]

    image = MetaTensor(torch.rand(1, 9, 50, 46, generator=torch.Generator().manual_seed(0)))
    torch_labels = load_predictor(path, threads=1)[0](image)
    for source in (file, path):
        predictor, told = load_predictor(source, engine="onnx", threads=1)
        differ = (predictor(image) != torch_labels).float().mean()
        assert differ < 1e-3  # ties of an untrained network alone
        assert told.config == load_checkpoint(path).config
    # nor is the quality model of other weights replaced
    other = quality_path(tmp_path / "other.onnx")
    write_quality(other, model.model_copy(update={"weights_digest": "0" * 64}))
    assert run([*words[:-1], str(tmp_path / "other.onnx")], command="test") == 5
    assert "E-QUAL-001" in capsys.readouterr().err
    assert not (tmp_path / "other.onnx").exists()
    # an export that differs more than it may is not kept
    kept = file.read_bytes()
    assert run([*words, "--tolerance", "1e-12"], command="test") == 5
    assert "E-CKPT-011" in capsys.readouterr().err
    assert file.read_bytes() == kept


@pytest.mark.slow
@pytest.mark.real
def test_engines_agree_on_real_scans(tmp_path: Path, real_data_dir: Path) -> None:
    """Only ties may go either way, of which an untrained network has many.

    The middle of the plane: in a window without signal its norms divide noise by noise.
    """
    path = write_checkpoint(tmp_path / "m.pt")
    by_torch = load_predictor(path, threads=1)[0]
    by_onnx = load_predictor(path, engine="onnx", threads=1)[0]
    cases = {
        case.contrast: case for case in discover_cases(real_data_dir / "cases.csv") if case.image
    }
    for contrast in ("T1", "T2", "GRE"):
        image = load_case(cases[contrast]).image
        assert image is not None  # only such cases were kept
        i, j, k = (size // 2 for size in image.shape[1:])
        slices = image[:, i : i + 2, j - 24 : j + 24, k - 24 : k + 24]
        assert isinstance(slices, MetaTensor)
        differ = by_torch(slices) != by_onnx(slices)
        assert differ.float().mean() < 1e-4
        if differ.any():
            best = by_torch.probabilities(slices)[:, differ].topk(2, dim=0).values
            assert (best[0] - best[1]).max() < 1e-4  # float32 sums in another order
