"""Shipped weights are found by name and used only whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from spinesynth.errors import CheckpointError
from spinesynth.io.shipped_weights import add_weights, check_weights, find_weights, list_weights

_ENTRY = '{"default": null, "weights": {"a": {"file": %s, "sha256": "", "bytes": %s, "about": ""}}}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("one", "two"):
        (tmp_path / f"{name}.safetensors").write_bytes(name.encode() * 5)
        add_weights(tmp_path / f"{name}.safetensors", about=f"the\n{name}")
    return tmp_path


def test_first_is_the_default_until_another_is_named(folder: Path) -> None:
    assert [(w.name, w.is_default, w.size_bytes) for w in list_weights(folder)] == [
        ("one", True, 15),
        ("two", False, 15),
    ]
    assert list_weights(folder)[0].about == "the one"
    assert find_weights(folder=folder).name == "one.safetensors"
    add_weights(folder / "two.safetensors", about="the two", default=True)
    assert find_weights(folder=folder).name == "two.safetensors"


def test_name_or_path_is_taken(folder: Path, tmp_path: Path) -> None:
    assert find_weights("two", folder=folder) == folder / "two.safetensors"
    own = tmp_path / "own.pt"
    own.write_bytes(b"x")
    assert find_weights(own, folder=folder) == own
    assert find_weights("no/such.pt", folder=folder) == Path("no/such.pt")
    with pytest.raises(CheckpointError, match=r"E-CKPT-003.*'three'.*one, two"):
        find_weights("three", folder=folder)


def test_changed_file_is_never_used(folder: Path) -> None:
    (folder / "one.safetensors").write_bytes(b"eno" * 5)
    with pytest.raises(CheckpointError, match="SHA-256"):
        find_weights("one", folder=folder)
    (folder / "one.safetensors").write_bytes(b"one")
    with pytest.raises(CheckpointError, match="3 bytes, the index says 15"):
        find_weights(folder=folder)
    (folder / "one.safetensors").unlink()
    with pytest.raises(CheckpointError, match="cannot be read"):
        check_weights(list_weights(folder)[0])


def test_without_weights_one_clear_line_says_so(tmp_path: Path) -> None:
    assert list_weights(tmp_path) == []
    with pytest.raises(CheckpointError, match="no default weights: shipped are none"):
        find_weights(folder=tmp_path)


@pytest.mark.parametrize(
    "index",
    [
        "{",
        "[]",
        '{"default": "x", "weights": {}}',
        _ENTRY % ('"../a"', "1"),
        _ENTRY % ('"a"', '"1"'),
    ],
)
def test_damaged_index_is_refused(tmp_path: Path, index: str) -> None:
    (tmp_path / "index.json").write_text(index)
    with pytest.raises(CheckpointError, match=r"index\.json cannot be used"):
        list_weights(tmp_path)


def test_index_of_the_package_names_files_that_are_whole() -> None:
    for weights in list_weights():
        check_weights(weights)
        assert weights.path.with_suffix(".md").is_file()
        assert weights.size_bytes <= 8_000_000
