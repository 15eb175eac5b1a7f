"""Weights as safetensors say what their checkpoint said, or are refused."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch

from spinesynth.errors import CheckpointError
from spinesynth.io.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from spinesynth.io.weights_file import load_weights, save_weights
from spinesynth.pipelines.predict import load_predictor
from tests.pipelines.tiny_checkpoint import write_checkpoint


def _checkpoint(**changes: Any) -> Checkpoint:  # noqa: ANN401 any field
    fields: dict[str, Any] = {
        "config": {"name": "trial", "lr": 2e-3, "inner": {"a": None, "ü": [1, 2]}},
        "target_scheme": "spine6", "model": "A", "step": 1234,
        "weights": {
            "b": torch.tensor([[1.5, -2.25], [3e-20, 4e17]]), "a": torch.tensor([7]),
        },
        "seen_patients": ("p1", "p2"), "seen_content": ("ab12",), "mode": "phantom",
        "selection": "real scans", "ingredients": ("ff",),
    }  # fmt: skip
    return Checkpoint(**(fields | changes))


def _header(path: Path) -> tuple[dict[str, Any], bytes]:
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def _write(path: Path, header: dict[str, Any], data: bytes) -> None:
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def test_every_field_and_weight_comes_back(tmp_path: Path) -> None:
    wanted = _checkpoint()
    save_weights(tmp_path / "a.safetensors", wanted)
    found = load_checkpoint(tmp_path / "a.safetensors")
    weights = found.weights
    assert set(weights) == {"a", "b"}
    assert all(torch.equal(weights[name], value) for name, value in wanted.weights.items())
    assert weights["a"].dtype == torch.int64
    names = set(Checkpoint.__dataclass_fields__) - {"weights"}
    assert {n: getattr(found, n) for n in names} == {n: getattr(wanted, n) for n in names}


def test_same_checkpoint_gives_the_same_bytes_and_digest(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_weights(tmp_path / f"{name}.safetensors", _checkpoint())
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    save_checkpoint(tmp_path / "a.pt", _checkpoint())
    told = json.loads(_header(tmp_path / "a.safetensors")[0]["__metadata__"]["spinesynth"])
    assert told["digest"] == torch.load(tmp_path / "a.pt", weights_only=True)["digest"]


def test_state_of_a_training_is_left_out(tmp_path: Path) -> None:
    save_weights(tmp_path / "a.safetensors", _checkpoint(training={"epoch": 3}))
    assert load_weights(tmp_path / "a.safetensors").training is None


def test_both_formats_predict_alike(tmp_path: Path) -> None:
    plain = write_checkpoint(tmp_path / "m.pt")
    save_weights(tmp_path / "m.safetensors", load_checkpoint(plain))
    one, _ = load_predictor(plain)
    two, said = load_predictor(tmp_path / "m.safetensors", device=torch.device("cpu"))
    assert said.config["name"] == "tiny"
    for left, right in zip(one.network.parameters(), two.network.parameters(), strict=True):
        assert torch.equal(left, right)


def test_changed_weight_or_word_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_weights(path, _checkpoint())
    header, data = _header(path)
    _write(path, header, bytes([data[0] ^ 1]) + data[1:])
    with pytest.raises(CheckpointError, match="do not match their checksum"):
        load_weights(path)
    header["__metadata__"]["spinesynth"] = header["__metadata__"]["spinesynth"].replace("1234", "9")
    _write(path, header, data)
    with pytest.raises(CheckpointError, match="do not match their checksum"):
        load_weights(path)


@pytest.mark.parametrize(
    "metadata", [{}, {"spinesynth": "{"}, {"spinesynth": "[]"}, {"spinesynth": "{}"}], ids=str
)
def test_foreign_file_is_refused(tmp_path: Path, metadata: dict[str, str]) -> None:
    path = tmp_path / "a.safetensors"
    save_weights(path, _checkpoint())
    header, data = _header(path)
    _write(path, header | {"__metadata__": metadata}, data)
    with pytest.raises(CheckpointError, match="E-CKPT-002"):
        load_weights(path)


@pytest.mark.parametrize("keep", [0, 7, 100, -1])
def test_cut_file_is_refused(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "a.safetensors"
    save_weights(path, _checkpoint())
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match="E-CKPT-002"):
        load_weights(path)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_weights(path, _checkpoint(weights={"a": torch.tensor([float("nan")])}))
    with pytest.raises(CheckpointError, match="not finite"):
        load_weights(path)


def test_missing_file_and_other_name_are_told(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="E-CKPT-001"):
        load_checkpoint(tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match=r"must end in \.safetensors"):
        save_weights(tmp_path / "a.pt", _checkpoint())
