"""Phantoms as data sets: readable in both layouts, the same from any number of workers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from spinesynth.anatomy.phantom import (
    PhantomMaps,
    PhantomRecord,
    draw_phantom,
    render_phantom,
)
from spinesynth.anatomy.phantom.partial import partial_instances
from spinesynth.anatomy.structures import REPORT_GROUPS, Structure
from spinesynth.errors import ConfigError
from spinesynth.io.discover import discover_cases
from spinesynth.io.load_case import load_case
from spinesynth.pipelines.check import check_data
from spinesynth.pipelines.synthesize import synthesize_cases
from spinesynth.pipelines.write_phantoms import _spider_mask, write_phantom_dataset
from spinesynth.seeding import derive_seed

GRID: dict[str, Any] = {"shape": (3, 48, 56), "spacing_mm": (8.0, 4.0, 4.0)}


def write(folder: Path, patients: int = 2, **options: Any) -> Path:  # noqa: ANN401
    return write_phantom_dataset(
        folder, **{"patients": patients, "seed": 5, "resume": True, **GRID, **options}
    )


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files that phantoms have, without the record of the whole folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in files
        if path.name != "phantoms.json"
    }


def times(folder: Path) -> dict[str, int]:
    return {
        name: (folder / name).stat().st_mtime_ns for name in contents(folder) if name != "cases.csv"
    }


def test_label_maps_are_a_data_set_without_images(tmp_path: Path) -> None:
    manifest = write(tmp_path, contrasts=())
    assert check_data(manifest).empty
    for number, case in enumerate(discover_cases(manifest)):
        phantom = draw_phantom(derive_seed(5, "phantom", number))
        maps = render_phantom(phantom, **GRID)
        loaded = load_case(case, need_image=False)
        assert loaded.structure is not None
        assert loaded.instance is not None
        assert torch.equal(loaded.structure.as_tensor()[0], maps.structure)
        assert loaded.instance.any()
        assert case.image is None
        record = json.loads((tmp_path / f"{case.case_id}.json").read_text())
        assert record["mode"] == "phantom"
        assert record["partial_instances"] == list(partial_instances(maps))
        assert record["partial_instances"]  # 224 mm cut vertebrae at the top
        assert PhantomRecord.from_json(json.dumps(record["record"])) == phantom
    assert json.loads((tmp_path / "phantoms.json").read_text())["mode"] == "phantom"
    painted = synthesize_cases(manifest, output=tmp_path / "painted", limit=1)
    assert check_data(painted).empty


def test_spider_layout_is_read_by_its_loader(tmp_path: Path) -> None:
    root = write(tmp_path / "spider", spider=True)
    plain = discover_cases(write(tmp_path / "plain", contrasts=()))
    assert check_data(root).empty
    cases = discover_cases(root)
    assert [case.case_id for case in cases] == ["1_t1", "1_t2", "2_t1", "2_t2"]
    assert {case.source for case in cases} == {"spider"}
    for case in cases:
        found, wanted = (
            load_case(case),
            load_case(plain[int(case.patient_id) - 1], need_image=False),
        )
        assert found.structure is not None
        assert found.instance is not None
        assert wanted.structure is not None
        assert wanted.instance is not None
        for group in ("vertebra", "disc", "canal"):  # what SPIDER annotates
            members = torch.tensor(sorted(REPORT_GROUPS[group]))
            one, other = (
                torch.isin(maps.structure.as_tensor(), members)
                for maps in (found, wanted)
                if maps.structure is not None
            )
            assert other.any()
            assert torch.equal(one, other)
            assert torch.equal(found.instance.as_tensor()[one], wanted.instance.as_tensor()[other])
        assert torch.allclose(found.structure.affine, wanted.structure.affine)


def test_disc_that_spider_cannot_name_is_left_out() -> None:
    disc, vertebra = int(Structure.DISC), int(Structure.VERTEBRAL_BODY)
    structure = torch.tensor([[[disc, disc, vertebra, vertebra, 0]]], dtype=torch.uint8)
    instance = torch.tensor([[[9, 10, 9, 10, 0]]], dtype=torch.uint8)
    maps = PhantomMaps(structure, instance, structure, torch.eye(4, dtype=torch.float64))
    # 110 is SPIDER's own code of a tenth vertebra that is partly visible
    assert _spider_mask(maps).tolist() == [[[209, 0, 9, 110, 0]]]


@pytest.mark.slow
@pytest.mark.parametrize("spider", [False, True])
def test_two_workers_write_what_one_writes(spider: bool, tmp_path: Path) -> None:
    for workers in (1, 2):
        write(tmp_path / str(workers), 3, spider=spider, workers=workers)
    one, two = contents(tmp_path / "1"), contents(tmp_path / "2")
    assert len(one) == 3 * 5 + (0 if spider else 3 + 1)
    assert one == two


def test_a_new_start_writes_the_same(tmp_path: Path) -> None:
    write(tmp_path / "once", contrasts=("T1",))
    write(tmp_path / "again", contrasts=("T1",), resume=False)
    before = times(tmp_path / "again")
    write(tmp_path / "again", contrasts=("T1",), resume=False)
    assert contents(tmp_path / "again") == contents(tmp_path / "once")
    assert all(now > before[name] for name, now in times(tmp_path / "again").items())


@pytest.mark.parametrize("kind", ["label.nii.gz", "T1.nii.gz", "json"])
def test_only_what_is_missing_is_written_again(kind: str, tmp_path: Path) -> None:
    write(tmp_path, contrasts=("T1",))
    lost = f"phantom002.{kind}" if kind == "json" else f"phantom002_{kind}"
    whole, before = contents(tmp_path), times(tmp_path)
    (tmp_path / lost).unlink()
    (tmp_path / ".partial-0-phantom002_T1.nii.gz").write_bytes(b"half")  # of a run that was ended
    write(tmp_path, contrasts=("T1",))
    (tmp_path / ".partial-0-phantom002_T1.nii.gz").unlink()
    assert contents(tmp_path) == whole
    assert [name for name, now in times(tmp_path).items() if now != before[name]] == [lost]


def test_more_phantoms_leave_the_others_as_they_are(tmp_path: Path) -> None:
    write(tmp_path, 1, contrasts=())
    before = times(tmp_path)
    manifest = write(tmp_path, 2, contrasts=())
    assert len(discover_cases(manifest)) == 2
    after = times(tmp_path)
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 6}, "seed is 5, not 6"),
        ({"spider": True, "contrasts": ("T1",)}, "layout is nifti"),
    ],
)
def test_folder_of_other_settings_is_refused(
    change: dict[str, Any], named: str, tmp_path: Path
) -> None:
    write(tmp_path, 1, contrasts=("T1",))
    before = contents(tmp_path)
    with pytest.raises(ConfigError, match=f"E-RUN-002.*{named}"):
        write(tmp_path, 1, **{"contrasts": ("T1",), **change})
    assert contents(tmp_path) == before


@pytest.mark.parametrize("damage", ["", "[1]", "{}"])
def test_folder_without_a_readable_record_is_refused(damage: str, tmp_path: Path) -> None:
    (tmp_path / "phantoms.json").write_text(damage)
    with pytest.raises(ConfigError, match=r"E-RUN-002.*damaged phantoms\.json; choose another"):
        write(tmp_path, 1)


def test_data_of_somebody_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "cases.csv").write_text("mine")
    with pytest.raises(ConfigError, match=r"E-RUN-002.*already holds cases\.csv"):
        write(tmp_path, 1)
    assert (tmp_path / "cases.csv").read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"shape": (0, 48, 56)}, r"shape must be .* got \(0, 48, 56\)"),
        ({"spacing_mm": (4.0, 1.0, float("nan"))}, "spacing_mm must be three sizes > 0"),
        ({"contrasts": ("T1", "T9")}, "contrasts must be among T1, T2, each once, got T1, T9"),
        ({"contrasts": ("T1", "T1")}, "contrasts must be among"),
        ({"contrasts": (), "spider": True}, "name a contrast, got none"),
    ],
)
def test_impossible_settings_are_refused(
    options: dict[str, Any], match: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=f"E-CONF-002.*{match}"):
        write(tmp_path / "out", 1, **options)
    assert not (tmp_path / "out").exists()
