"""Cases on the disk are those of memory, bit for bit, whatever happened to their files."""

from __future__ import annotations

import dataclasses
import multiprocessing
import random
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from spinesynth.errors import ConfigError, InputError
from spinesynth.io.case import Case
from spinesynth.io.manifest import read_manifest
from spinesynth.pipelines import case_cache
from spinesynth.pipelines.case_cache import DiskCache, LoadCased, content_key
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.data_digest import digest_cases
from spinesynth.pipelines.datasets import SampleKey
from spinesynth.pipelines.training_data import ModelName, make_dataset
from tests.fabricate import intensities, parts_codes, write_manifest, write_nifti
from tests.pipelines.tiny_training import differences, tiny_config

MODELS: tuple[ModelName, ...] = ("A", "B")


@pytest.fixture
def cases(tmp_path: Path) -> list[Case]:
    """Return a few cases, and one whose axes are turned in the file."""
    root = tmp_path / "data"
    given = [case for case in read_manifest(write_manifest(root)) if case.image and case.label]
    first = next(case for case in given if case.scheme == "parts")
    turned = dataclasses.replace(
        first,
        case_id="turned",
        image=write_nifti(root / "turned.nii.gz", intensities(3), "PIR"),
        label=write_nifti(root / "turned_label.nii.gz", parts_codes(), "PIR"),
    )
    return [*given, turned]


def with_cache(folder: Path | None, **more: Any) -> ExperimentConfig:  # noqa: ANN401 sections
    data = {} if folder is None else {"cache": "disk", "cache_dir": str(folder)}
    training = {"batch_size": 1, "patch_size": [32, 32], "val_samples": 1, "workers": 0}
    return parse_config(
        {"name": "x", "network": {"base_features": 2}, "data": data, "training": training} | more
    )


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the ids of the cases that are loaded from their own files."""
    seen: list[str] = []
    load = LoadCased.__call__

    def counted(self: LoadCased, data: dict[str, Case]) -> dict[str, Any]:
        seen.append(data["case"].case_id)
        return load(self, data)

    monkeypatch.setattr(LoadCased, "__call__", counted)
    return seen


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("dims", [2, 3])
def test_samples_are_those_of_the_memory(
    cases: list[Case], tmp_path: Path, model: ModelName, dims: int
) -> None:
    size = [4, 16, 16] if dims == 3 else [24, 24]
    more = {
        "network": {"base_features": 2, "dims": dims},
        "training": {"patch_size": size, "foreground_share": 0.5},
    }
    memory = make_dataset(cases, with_cache(None, **more), model=model)
    for _ in range(2):  # written, then found
        disk = make_dataset(cases, with_cache(tmp_path / "cache", **more), model=model)
        assert digest_cases(disk) == digest_cases(memory)
        for number in range(len(cases)):
            one, other = (data[SampleKey(0, number, number)] for data in (memory, disk))
            assert torch.equal(one["image"], other["image"])
            assert torch.equal(one["target"], other["target"])
            assert one["groups"] == other["groups"]


def test_each_case_is_loaded_once_and_another_content_is_another_case(
    cases: list[Case], tmp_path: Path, loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "cache"
    DiskCache(cases[-1:], with_image=False, folder=folder)
    DiskCache(cases[-1:], with_image=False, folder=folder)
    assert loads == ["turned"]
    renamed = dataclasses.replace(cases[-1], case_id="other", patient_id="other")
    DiskCache([renamed], with_image=False, folder=folder)
    assert len(loads) == 1  # names decide nothing of what is loaded
    DiskCache(cases[-1:], with_image=True, folder=folder)
    assert len(loads) == 2
    fewer = dataclasses.replace(cases[-1], annotated=frozenset({"disc"}))
    DiskCache([fewer], with_image=False, folder=folder)
    assert len(loads) == 3
    assert cases[-1].label is not None
    write_nifti(cases[-1].label, parts_codes()[:, :, ::-1].copy(), "PIR")
    DiskCache(cases[-1:], with_image=False, folder=folder)
    assert len(loads) == 4
    monkeypatch.setattr(case_cache, "LOADER_VERSION", case_cache.LOADER_VERSION + 1)
    DiskCache(cases[-1:], with_image=False, folder=folder)
    assert len(loads) == 5


def test_cases_of_model_a_open_no_image(cases: list[Case], tmp_path: Path) -> None:
    for case in cases:
        assert case.image is not None
        case.image.unlink(missing_ok=True)
    make_dataset(cases, with_cache(tmp_path / "cache"), model="A")[SampleKey(0, 0, 0)]
    with pytest.raises(InputError, match="no such file"):
        make_dataset(cases, with_cache(tmp_path / "cache"), model="B")


@pytest.mark.parametrize("damage", ["cut", "emptied", "flipped", "another's"])
def test_damaged_file_is_made_again(cases: list[Case], tmp_path: Path, damage: str) -> None:
    cache = DiskCache(cases, with_image=True, folder=tmp_path)
    path, whole = cache.path(0), cache.path(0).read_bytes()
    path.write_bytes(
        {
            "cut": whole[:-1], "emptied": b"", "another's": b"spam" * 100,
            "flipped": whole[:-100] + bytes([whole[-100] ^ 1]) + whole[-99:],
        }[damage]
    )  # fmt: skip
    DiskCache(cases, with_image=True, folder=tmp_path)
    assert path.read_bytes() == whole


def test_file_that_goes_while_it_is_used_is_made_again_from_the_same_data_alone(
    cases: list[Case], tmp_path: Path
) -> None:
    cache = DiskCache(cases, with_image=False, folder=tmp_path / "cache")
    before = cache[0]["label"].clone()
    cache.path(0).unlink()
    assert torch.equal(cache[0]["label"], before)
    cache.path(0).write_bytes(cache.path(0).read_bytes()[:-1])
    assert torch.equal(cache[0]["label"], before)
    cache.path(0).unlink()
    assert cases[0].label is not None
    cases[0].label.write_bytes(cases[0].label.read_bytes() + b"\0")
    with pytest.raises(InputError, match=r"E-CASE-006.* have changed since the training began"):
        cache[0]


def _fill(cases: list[Case], folder: Path) -> None:
    DiskCache(cases, with_image=True, folder=folder)


def test_two_writers_that_are_killed_at_any_time_leave_nothing_wrong(
    cases: list[Case], tmp_path: Path
) -> None:
    start = time.monotonic()
    wanted = DiskCache(cases, with_image=True, folder=tmp_path / "alone")
    seconds = time.monotonic() - start
    fork, draw = multiprocessing.get_context("fork"), random.Random(0)
    folder = tmp_path / "shared"
    for _ in range(6):
        writers = [fork.Process(target=_fill, args=(cases, folder)) for _ in range(2)]
        for writer in writers:
            writer.start()
        time.sleep(draw.uniform(0, seconds))
        for writer in writers:
            writer.kill()
            writer.join()
        for path in folder.glob("[!.]*.case"):  # named only when it is complete
            assert path.read_bytes() == (tmp_path / "alone" / path.name).read_bytes()
        if draw.random() < 0.5:
            for path in folder.glob("[!.]*.case"):
                path.unlink()
    found = DiskCache(cases, with_image=True, folder=folder)
    for number in range(len(cases)):
        for name in ("label", "image"):
            assert torch.equal(found[number][name], wanted[number][name])


@pytest.mark.slow
def test_training_goes_on_with_the_other_cache(cases: list[Case], tmp_path: Path) -> None:
    from spinesynth.pipelines.train import Trainer

    config = tiny_config(steps=3, validate_every=3, checkpoint_every=1)
    data = config.data.model_copy(update={"cache": "disk", "cache_dir": str(tmp_path / "cache")})
    disk = config.model_copy(update={"data": data})
    short = tiny_config(steps=3, validate_every=3, checkpoint_every=1)

    def train(folder: Path, wanted: ExperimentConfig, *, resume: bool = False) -> Trainer:
        trainer = Trainer(wanted, "B", train=cases[1:], validation=cases[:1], folder=folder)
        trainer.run(resume=resume)
        return trainer

    train(tmp_path / "memory", short)
    train(tmp_path / "disk", disk)
    train(tmp_path / "disk", short, resume=True)
    assert differences(tmp_path / "memory", tmp_path / "disk", model="B", exact=False) == []


def test_cache_on_the_disk_needs_a_folder() -> None:
    with pytest.raises(ConfigError, match="cache_dir must name a folder with cache: disk"):
        parse_config({"name": "x", "data": {"cache": "disk"}})
    assert parse_config({"name": "x"}).data.cache_folder is None


def test_key_says_nothing_of_where_files_lie(cases: list[Case], tmp_path: Path) -> None:
    case = cases[0]
    assert case.label is not None
    moved = tmp_path / "elsewhere.nii.gz"
    moved.write_bytes(case.label.read_bytes())
    other = dataclasses.replace(case, label=moved)
    assert content_key(case, with_image=False) == content_key(other, with_image=False)
