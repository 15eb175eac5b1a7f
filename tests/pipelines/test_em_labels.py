"""Label maps divided by intensity keep the structures, and can be continued and trained on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from spinesynth.errors import ConfigError, InputError
from spinesynth.io.discover import discover_cases
from spinesynth.io.load_case import load_case
from spinesynth.pipelines.chains import check_painter, synthesis_chain
from spinesynth.pipelines.check import check_data
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.data_plan import plan_split
from spinesynth.pipelines.datasets import SampleKey, SliceDataset, TargetCoder
from spinesynth.pipelines.em_labels import write_em_labels
from spinesynth.pipelines.run_record import training_mode
from tests.fabricate import (
    intensities,
    nib,
    parts_codes,
    write_manifest,
    write_nifti,
    write_spider,
)


def codes_of(path: Path) -> np.ndarray:
    return np.asarray(nib.load(path).dataobj)


def one_case(root: Path, image: np.ndarray, codes: np.ndarray) -> Path:
    row = "p1_t1,p1,made,T1,body disc canal posterior,parts,p1_t1_image.nii.gz,p1_t1_label.nii.gz,"
    data = write_manifest(root, [row])
    write_nifti(root / "p1_t1_image.nii.gz", image)
    write_nifti(root / "p1_t1_label.nii.gz", codes)
    return data


def test_parts_of_known_intensity_are_told_apart(tmp_path: Path) -> None:
    codes = parts_codes()
    draw = np.random.default_rng(0)
    upper = np.zeros(codes.shape, dtype=bool)
    upper[:, :, 24:] = True
    # bodies 300 and 700, outside 100, 500 and 900; noise of 10 leaves 20 spreads between them
    third = np.arange(codes.shape[1])[None, :, None] % 3 * np.ones(codes.shape)
    means = np.where(codes == 1, np.where(upper, 700, 300), 100 + 400 * third)
    image = means + draw.normal(0, 10, codes.shape)
    data = one_case(tmp_path / "data", image.astype(np.float32), codes)

    write_em_labels(data, output=tmp_path / "out", inside=2, outside=(3, 3))

    found = codes_of(tmp_path / "out" / "p1_t1_em03.nii.gz")
    assert (found[codes == 1] == np.where(upper, 21, 20)[codes == 1]).all()
    assert (found[codes == 0] == third[codes == 0]).all()
    record = json.loads((tmp_path / "out" / "p1_t1_em.json").read_text())
    assert record["mode"] == "label+EM"
    assert record["inside"]["vertebral_body"]["clusters"] == 2
    assert set(record["versions"]) == {"spinesynth", "scikit-learn"}


def test_structures_are_kept_on_the_grid_of_the_image(tmp_path: Path) -> None:
    data = write_spider(tmp_path / "spider")  # two orientations, masks beside them
    manifest = write_em_labels(data, output=tmp_path / "out", outside=(3, 4))
    assert check_data(manifest).empty
    made = {case.case_id: case for case in discover_cases(manifest)}
    sources = discover_cases(data)
    assert set(made) == {f"{case.case_id}_em{n:02d}" for case in sources for n in (3, 4)}
    for source in sources:
        wanted = load_case(source)
        for count in (3, 4):
            found = load_case(made[f"{source.case_id}_em{count:02d}"], need_image=False)
            assert wanted.structure is not None
            assert found.structure is not None
            assert torch.equal(found.structure.as_tensor(), wanted.structure.as_tensor())
            assert torch.allclose(found.structure.affine, wanted.structure.affine)
            codes = codes_of(tmp_path / "out" / f"{source.case_id}_em{count:02d}.nii.gz")
            assert set(codes[codes < 20].tolist()) == set(range(count))


@pytest.mark.slow
def test_two_workers_write_what_one_writes(tmp_path: Path) -> None:
    data = write_manifest(tmp_path / "data")
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        write_em_labels(data, output=folder, outside=(3, 4), workers=workers)
    one, two = (sorted((tmp_path / n).glob("p*")) for n in ("1", "2"))
    assert [path.name for path in one] == [path.name for path in two]
    assert len(one) == 9  # three cases of two maps and a record
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_only_what_is_missing_is_written_again(tmp_path: Path) -> None:
    data, folder = write_manifest(tmp_path / "data"), tmp_path / "out"
    write_em_labels(data, output=folder, outside=(3, 4))
    lost = folder / "p1_t2_em04.nii.gz"
    whole, before = lost.read_bytes(), {p: p.stat().st_mtime_ns for p in folder.glob("p*")}
    lost.unlink()
    write_em_labels(data, output=folder, outside=(3, 4))
    assert lost.read_bytes() == whole
    assert [p for p in before if p.stat().st_mtime_ns != before[p]] == [lost]


def test_folder_of_other_settings_is_refused(tmp_path: Path) -> None:
    data, folder = write_manifest(tmp_path / "data"), tmp_path / "out"
    write_em_labels(data, output=folder, outside=(3, 3), seed=1)
    with pytest.raises(ConfigError, match=r"E-RUN-002.*other settings: seed is 1, not 2"):
        write_em_labels(data, output=folder, outside=(3, 3), seed=2)
    with pytest.raises(ConfigError, match=r"E-RUN-002.*already holds cases\.csv"):
        write_em_labels(data, output=data.parent, outside=(3, 3))


def not_finite(root: Path) -> None:
    image = intensities().astype(np.float32)
    image[1, 2, 3] = np.nan
    write_nifti(root / "p2_t2_image.nii.gz", image)


def constant(root: Path) -> None:
    write_nifti(root / "p2_t2_image.nii.gz", np.full_like(intensities(), 7))


def empty(root: Path) -> None:
    write_nifti(root / "p2_t2_label.nii.gz", np.zeros_like(parts_codes()))


def full(root: Path) -> None:
    write_nifti(root / "p2_t2_label.nii.gz", np.ones_like(parts_codes()))


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (not_finite, r"E-VAL-001.*p2_t2_image.*not finite.*replace NaN"),
        (constant, r"E-VAL-002.*p2_t2_image.*constant.*check the export"),
        (empty, r"E-LAB-006.*p2_t2_label.*background alone.*give a label map"),
        (full, r"E-LAB-006.*p2_t2_label.*leaves no background.*give a label map"),
    ],
)
def test_case_that_cannot_be_divided_is_named_before_anything_is_written(
    spoil: object, match: str, tmp_path: Path
) -> None:
    data = write_manifest(tmp_path / "data")
    assert callable(spoil)
    spoil(data.parent)
    with pytest.raises(InputError, match=match):
        write_em_labels(data, output=tmp_path / "out", outside=(3, 3))
    assert not (tmp_path / "out").exists()


def test_data_without_pairs_are_refused(tmp_path: Path) -> None:
    row = "p3_map,p3,made,,body disc,parts,,p3_label.nii.gz,"
    data = write_manifest(tmp_path / "data", [row])
    with pytest.raises(InputError, match=r"E-CASE-005.*no case with image and label map"):
        write_em_labels(data, output=tmp_path / "out")


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"inside": 0}, r"inside must be in \[1, 20\], got 0"),
        ({"outside": (5, 3)}, "outside must be an ordered pair .* got 5 to 3"),
        ({"outside": (3, 21)}, "outside must be an ordered pair .* got 3 to 21"),
    ],
)
def test_impossible_numbers_are_refused(
    settings: dict[str, object], match: str, tmp_path: Path
) -> None:
    data = write_manifest(tmp_path / "data")
    with pytest.raises(ConfigError, match=match):
        write_em_labels(data, output=tmp_path / "out", **settings)  # type: ignore[arg-type]  # what is tested


def configuration(recipe: str) -> ExperimentConfig:
    return parse_config(
        {
            "name": "x",
            "data": {"train_sources": ["em_made"]},
            "synthesis": {"recipe": recipe},
            "training": {"patch_size": [32, 32]},
        }
    )


def test_training_paints_clusters_and_learns_structures(tmp_path: Path) -> None:
    manifest = write_em_labels(
        write_manifest(tmp_path / "data"), output=tmp_path / "out", outside=(3, 3)
    )
    cases, config = discover_cases(manifest)[:1], configuration("clusters")
    check_painter(config, cases)
    assert training_mode(config, cases) == "label+EM"
    data = SliceDataset(
        cases, synthesis_chain(config), run_seed=1, with_image=False, coder=TargetCoder("spine6")
    )
    drawn = [data[SampleKey(0, 0, number)] for number in range(4)]
    for sample in drawn:
        assert sample["image"].shape == sample["target"].shape == (1, 32, 32)
        assert float(sample["image"].std()) > 0
        # nothing is drawn around clusters, so no class beyond the annotated ones
        assert int(sample["target"].max()) <= 4
        assert sample["groups"] == data.coder.groups(cases[0].annotated)
    assert any(int(sample["target"].max()) > 0 for sample in drawn)


def test_recipe_of_tissues_is_refused_for_clusters(tmp_path: Path) -> None:
    manifest = write_em_labels(
        write_manifest(tmp_path / "data"), output=tmp_path / "out", outside=(3, 3)
    )
    with pytest.raises(ConfigError, match=r"E-CONF-003.*lumbar paints tissues, but p1_t1_em03"):
        check_painter(configuration("lumbar"), discover_cases(manifest))


def test_manifest_keeps_patients_together(tmp_path: Path) -> None:
    data = write_manifest(tmp_path / "data")
    manifest = write_em_labels(data, output=tmp_path / "out", outside=(3, 4))
    table = pd.read_csv(manifest)
    assert table.groupby("patient_id").size().to_dict() == {"p1": 4, "p2": 2}
    assert set(table["source"]) == {"em_made"}


def test_they_train_the_patients_of_the_images_that_divided_them(tmp_path: Path) -> None:
    data = write_manifest(
        tmp_path / "data",
        [
            f"p{n}_t1,p{n},made,T1,body disc,parts,p{n}_image.nii.gz,p{n}_label.nii.gz,"
            for n in range(4)
        ],
    )
    codes = parts_codes()
    for n in range(4):
        write_nifti(tmp_path / "data" / f"p{n}_image.nii.gz", intensities(seed=n))
        write_nifti(tmp_path / "data" / f"p{n}_label.nii.gz", codes)
    manifest = write_em_labels(data, output=tmp_path / "out", outside=(3, 4))
    settings = {"train_sources": ["made"], "test_patients": 1, "val_patients": 1}
    config = parse_config({"name": "em", "models": ["A"], "data": settings})
    split = plan_split(config, discover_cases(data))
    divided = config.model_copy(
        update={"data": config.data.model_copy(update={"training_labels": str(manifest)})}
    )
    exchanged = plan_split(divided, discover_cases(data))
    wanted = [f"{case.case_id}_em{count:02d}" for case in split.train for count in (3, 4)]
    assert [case.case_id for case in exchanged.train] == wanted
    assert exchanged.test == split.test
