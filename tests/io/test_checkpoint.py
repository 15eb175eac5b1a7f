"""Checkpoints: complete or refused, and never run as code."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import spinesynth
from spinesynth.errors import CheckpointError, OutputError
from spinesynth.io.checkpoint import (
    Checkpoint,
    load_checkpoint,
    load_training_state,
    save_checkpoint,
)
from spinesynth.networks import UNet

#: Bytes of one weight that no other part of a file holds.
_PATTERN = torch.tensor([1.2345678, -9.876543e-21, 3.1415927e17, 2.7182817])


def _checkpoint(weights: dict[str, Tensor] | None = None) -> Checkpoint:
    return Checkpoint(
        config={"name": "trial", "seed": 42, "lr": 2e-3, "patch": [192, 192], "inner": {"a": None}},
        target_scheme="spine6",
        model="A",
        step=1234,
        weights=weights if weights is not None else {"layer.weight": _PATTERN.reshape(2, 2)},
        seen_patients=("p1", "p2"),
        seen_content=("ab12 image p1", "cd34 mask p1"),
    )


def _content(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(path, weights_only=True)
    return content


def _assert_equal(one: Checkpoint, other: Checkpoint) -> None:
    names = ("config", "target_scheme", "model", "step", "version", "seen_patients")
    for name in (*names, "seen_content"):
        assert getattr(one, name) == getattr(other, name)
    assert list(one.weights) == list(other.weights)
    for name, value in one.weights.items():
        assert value.dtype == other.weights[name].dtype
        assert torch.equal(value, other.weights[name])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "best.pt"


@pytest.fixture
def saved(path: Path) -> bytes:
    save_checkpoint(path, _checkpoint())
    return path.read_bytes()


@pytest.mark.parametrize(
    "weights",
    [
        {},
        {"a": torch.rand(3, 4), "b.c": torch.tensor(5), "d": torch.zeros(0, 2)},
        {"half": torch.rand(5).bfloat16(), "flag": torch.tensor([True, False])},
        {"turned": torch.rand(4, 3).T, "step": torch.rand(10)[::2]},
    ],
    ids=["none", "plain", "types", "strides"],
)
def test_checkpoint_arrives_as_it_left(path: Path, weights: dict[str, Tensor]) -> None:
    checkpoint = _checkpoint(weights)

    save_checkpoint(path, checkpoint)

    _assert_equal(load_checkpoint(path), checkpoint)
    assert load_checkpoint(path).version == spinesynth.__version__


def test_what_chose_a_checkpoint_is_told_where_it_is_known(path: Path, saved: bytes) -> None:
    assert load_checkpoint(path).selection == ""
    assert "selection" not in _content(path)
    save_checkpoint(path, dataclasses.replace(_checkpoint(), selection="real scans"))
    assert load_checkpoint(path).selection == "real scans"


def test_network_predicts_the_same_from_its_checkpoint(path: Path) -> None:
    network, other = UNet(1, 3, 2), UNet(1, 3, 2)
    save_checkpoint(path, _checkpoint(network.state_dict()))

    other.load_state_dict(load_checkpoint(path).weights)

    image = torch.rand(1, 1, 32, 32)
    assert torch.equal(network(image), other(image))


def test_training_state_arrives_as_it_left(path: Path) -> None:
    """With what JSON would round or turn: it is kept as it is."""
    training = {"lr": 0.1 + 0.2, "best": -float("inf"), "betas": (0.9, 0.999), "rows": [{"n": 1}]}
    checkpoint = dataclasses.replace(_checkpoint(), training=training)

    save_checkpoint(path, checkpoint)

    loaded = load_training_state(path)
    _assert_equal(loaded, checkpoint)
    assert loaded.training == training


def test_training_state_is_refused_as_strictly(path: Path) -> None:
    save_checkpoint(path, dataclasses.replace(_checkpoint(), training={"step": 3}))
    content = _content(path)
    for changed, said in (
        ({"training": {"step": 4}}, "contents do not match their checksum"),
        ({"training": [3]}, "its training must be dict, got list"),
        ({"format": "spinesynth-checkpoint-2"}, "not of the format spinesynth-training-1"),
    ):
        torch.save({**content, **changed}, path)
        with pytest.raises(CheckpointError, match=said):
            load_training_state(path)
    torch.save({name: value for name, value in content.items() if name != "training"}, path)
    with pytest.raises(CheckpointError, match="it lacks training"):
        load_training_state(path)
    with pytest.raises(CheckpointError, match="not of the format spinesynth-checkpoint-2"):
        load_checkpoint(path)


def test_code_in_a_training_state_is_refused_and_never_run(path: Path) -> None:
    marker = path.with_name("ran")
    save_checkpoint(path, dataclasses.replace(_checkpoint(), training={}))
    torch.save({**_content(path), "training": {"trap": _Trap(marker)}}, path)

    with pytest.raises(CheckpointError, match=r"E-CKPT-002.*best\.pt is refused"):
        load_training_state(path)
    assert not marker.exists()


def test_weights_in_training_are_stored_without_their_gradients(path: Path) -> None:
    weight = torch.nn.Parameter(torch.rand(3))

    save_checkpoint(path, _checkpoint({"w": weight}))

    assert not load_checkpoint(path).weights["w"].requires_grad


def test_file_holds_format_configuration_scheme_and_version(path: Path, saved: bytes) -> None:
    content = _content(path)

    assert content["format"] == "spinesynth-checkpoint-2"
    assert content["version"] == spinesynth.__version__
    assert content["config"]["seed"] == 42
    assert content["target_scheme"] == "spine6"


def test_missing_file_is_named_with_the_remedy(path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"E-CKPT-001.*best\.pt; train one with"):
        load_checkpoint(path)


def test_every_truncation_is_refused(path: Path, saved: bytes) -> None:
    for size in range(0, len(saved), 41):
        path.write_bytes(saved[:size])

        with pytest.raises(CheckpointError, match=r"E-CKPT-002.*best\.pt is refused"):
            load_checkpoint(path)


def test_every_flipped_bit_of_a_weight_is_refused(path: Path, saved: bytes) -> None:
    stored = _PATTERN.numpy().tobytes()
    assert saved.count(stored) == 1
    start = saved.index(stored)
    for place in range(8 * len(stored)):
        damaged = bytearray(saved)
        damaged[start + place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)

        with pytest.raises(CheckpointError, match=r"do not match their checksum"):
            load_checkpoint(path)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning")  # a flip of its digit
def test_every_flipped_bit_is_refused_or_harmless(path: Path, saved: bytes) -> None:
    for place in range(0, 8 * len(saved), 29):
        damaged = bytearray(saved)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            loaded = load_checkpoint(path)
        except CheckpointError:
            continue
        _assert_equal(loaded, _checkpoint())


class _Trap:
    """Run code when unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("place", ["whole file", "raw pickle", "in the configuration", "a weight"])
def test_code_is_refused_and_never_run(path: Path, saved: bytes, place: str) -> None:
    marker = path.with_name("ran")
    trap, content = _Trap(marker), _content(path)
    if place == "raw pickle":
        path.write_bytes(pickle.dumps(trap, protocol=2))
    elif place == "whole file":
        torch.save(trap, path)
    elif place == "a weight":
        torch.save({**content, "weights": {**content["weights"], "trap": trap}}, path)
    else:
        torch.save({**content, "config": {"trap": trap}}, path)

    with pytest.raises(CheckpointError, match=r"E-CKPT-002.*best\.pt is refused"):
        load_checkpoint(path)
    assert not marker.exists()
    # the trap is armed: plain unpickling runs it
    pickle.loads(pickle.dumps(trap))
    assert marker.exists()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_refused(path: Path, value: float) -> None:
    save_checkpoint(path, _checkpoint({"ok": torch.ones(2), "bad": torch.tensor([1.0, value])}))

    with pytest.raises(CheckpointError, match="its weights are not finite"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    "field",
    ["version", "config", "target_scheme", "model", "step", "weights", "seen_patients", "digest"],
)
def test_missing_field_is_named(path: Path, saved: bytes, field: str) -> None:
    content = _content(path)
    del content[field]
    torch.save(content, path)

    with pytest.raises(CheckpointError, match=f"it lacks {field}"):
        load_checkpoint(path)


def _write_format_1(path: Path, weights: dict[str, Tensor]) -> None:
    """Write a file as the first format was: no patients, a digest over the weights alone."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        value = weights[name]
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    content = {
        "format": "spinesynth-checkpoint-1", "version": "0.1.0", "config": {"name": "old"},
        "target_scheme": "semantic4", "model": "B", "step": 7, "weights": weights,
        "digest": digest.hexdigest(),
    }  # fmt: skip
    torch.save(content, path)


def test_first_format_is_still_read(path: Path) -> None:
    weights = {"b": torch.rand(2, 3), "a": torch.tensor(4)}
    _write_format_1(path, weights)

    loaded = load_checkpoint(path)

    _assert_equal(loaded, Checkpoint({"name": "old"}, "semantic4", "B", 7, weights, "0.1.0"))
    assert loaded.seen_patients == ()


def test_damaged_weights_of_the_first_format_are_refused(path: Path) -> None:
    _write_format_1(path, {"a": torch.ones(2)})
    torch.save({**_content(path), "weights": {"a": torch.tensor([1.0, 2.0])}}, path)

    with pytest.raises(CheckpointError, match="weights do not match their checksum"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", "9.9"),
        ("config", {"name": "other"}),
        ("target_scheme", "semantic4"),
        ("model", "B"),
        ("step", 1235),
        ("seen_patients", ["p1"]),
        ("seen_content", []),
        ("selection", "real scans"),
    ],
)
def test_every_changed_field_is_refused(
    path: Path, saved: bytes, field: str, value: object
) -> None:
    torch.save({**_content(path), field: value}, path)

    with pytest.raises(CheckpointError, match="contents do not match their checksum"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("weights", [torch.ones(2)], "its weights must be dict, got list"),
        ("weights", {"a": 5}, "its weights must be tensors by name"),
        ("weights", {5: torch.ones(2)}, "its weights must be tensors by name"),
        ("weights", {"a": torch.ones(2).to_sparse()}, "cannot be read"),
        ("config", None, "its config must be dict, got NoneType"),
        ("step", "3", "its step must be int, got str"),
        ("seen_patients", [1], "its seen_patients must be text"),
        ("selection", 5, "its selection must be text"),
        ("ingredients", "abc", "its ingredients must be text"),
        ("ingredients", [1], "its ingredients must be text"),
        ("seen_content", [1], "its seen_content must be text"),
    ],
)
def test_field_of_another_type_is_refused(
    path: Path, saved: bytes, field: str, value: object, said: str
) -> None:
    torch.save({**_content(path), field: value}, path)

    with pytest.raises(CheckpointError, match=said):
        load_checkpoint(path)


@pytest.mark.parametrize("error", [IndexError, TypeError, AssertionError, KeyError, MemoryError])
def test_whatever_a_damaged_file_raises_is_a_refusal(
    path: Path, saved: bytes, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error("pop from empty list")

    monkeypatch.setattr(torch, "load", fail)
    with pytest.raises(CheckpointError, match=rf"cannot be read \({error.__name__}\)"):
        load_checkpoint(path)


@pytest.mark.parametrize("foreign", [{"format": "other"}, {"state_dict": {}}, [1, 2], 5])
def test_file_of_another_kind_is_refused(path: Path, foreign: object) -> None:
    torch.save(foreign, path)

    with pytest.raises(CheckpointError, match="it is not of the format spinesynth-checkpoint-2"):
        load_checkpoint(path)


@pytest.mark.parametrize("junk", [b"", b"no checkpoint", b"PK\x03\x04", bytes(range(256))])
def test_file_of_other_bytes_is_refused(path: Path, junk: bytes) -> None:
    path.write_bytes(junk)

    with pytest.raises(CheckpointError, match=r"E-CKPT-002.*best\.pt is refused"):
        load_checkpoint(path)


class _Killed(BaseException):
    """Stand for a signal in the middle of writing."""


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), _Killed()])
@pytest.mark.parametrize("before", [True, False], ids=["over an old file", "as a new file"])
def test_broken_write_leaves_what_was_there(
    path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, before: bool
) -> None:
    if before:
        save_checkpoint(path, _checkpoint())
    write = Path.write_bytes

    def write_half(self: Path, data: bytes) -> int:
        write(self, data[: len(data) // 2])
        raise error

    monkeypatch.setattr(Path, "write_bytes", write_half)
    with pytest.raises((OutputError, _Killed)):
        save_checkpoint(path, _checkpoint({"other": torch.ones(9)}))
    monkeypatch.undo()

    assert [p.name for p in path.parent.iterdir()] == (["best.pt"] if before else [])
    if before:
        _assert_equal(load_checkpoint(path), _checkpoint())


def test_missing_folder_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="check that the folder exists"):
        save_checkpoint(tmp_path / "nowhere" / "best.pt", _checkpoint())
