"""An image or mask of the training never tests, whatever file and patient it hides behind."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import pytest
import torch

from spinesynth.errors import InputError
from spinesynth.io.checkpoint import load_checkpoint
from spinesynth.io.discover import discover_cases
from spinesynth.pipelines import cross_validation, finetune, study
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.content_digest import digest_image, digest_turned, digest_voxels
from spinesynth.pipelines.cross_validation import configs_of_folds, run_folds
from spinesynth.pipelines.data_plan import read_split
from spinesynth.pipelines.experiment import train_models
from spinesynth.pipelines.leak_guard import (
    contents_of,
    find_leaks,
    find_learnt,
    find_seen_patients,
    parse_contents,
)
from spinesynth.pipelines.robustness_run import run_robustness
from spinesynth.pipelines.starting_point import refuse_tested
from spinesynth.pipelines.suite_run import run_suite
from spinesynth.pipelines.training_data import contents_behind
from tests.fabricate import intensities, metaimage_bytes, parts_codes, write_manifest, write_nifti
from tests.pipelines.many_patients import write_patients
from tests.pipelines.tiny_checkpoint import write_checkpoint

ORIENTATIONS = [
    "".join(axes)
    for order in itertools.permutations(("RL", "AP", "SI"))
    for axes in itertools.product(*order)
]
FULL = "body disc canal posterior,parts"


def tiny(*models: str, **sections: object) -> dict[str, object]:
    training = {
        "steps": 1, "validate_every": 1, "batch_size": 1, "patch_size": [32, 32],
        "val_samples": 1, "workers": 0,
    }  # fmt: skip
    data = {"train_sources": ["home"], "test_patients": 1, "val_patients": 1}
    return {
        "name": "tiny", "models": list(models), "network": {"base_features": 2},
        "training": training, "data": data,
    } | sections  # fmt: skip


def twins(root: Path, kind: str) -> Path:
    """Write three patients at home and one elsewhere who shares a file's content with them all.

    Whoever of the three trains, the one elsewhere would test.
    """
    table = write_patients(root, {"home": 3, "away": 1})
    for n in range(3):
        voxels = intensities(seed=7) if kind == "image" else parts_codes(7)
        write_nifti(root / f"home{n}_{kind}.nii.gz", voxels, ORIENTATIONS[11 * n])
    if kind == "image":  # equal masks would be found too
        return _replaced(root, table, "away0_image.nii.gz", metaimage_bytes(intensities(seed=7)))
    return _replaced(root, table, "away0_label.nii.gz", metaimage_bytes(parts_codes(7)))


def _replaced(root: Path, table: Path, name: str, content: bytes) -> Path:
    """Put a MetaImage in the place of a NIfTI file."""
    (root / name).unlink()
    other = name.replace(".nii.gz", ".mha")
    (root / other).write_bytes(content)
    table.write_text(table.read_text().replace(name, other))
    return table


def test_digest_is_of_the_voxels_whatever_the_file(tmp_path: Path) -> None:
    rows = []
    for n, orientation in enumerate(ORIENTATIONS):
        for kind, voxels in (("image", intensities()), ("label", parts_codes())):
            if n % 3 == 0:
                path = tmp_path / f"{n}_{kind}.mha"
                path.write_bytes(metaimage_bytes(voxels, orientation))
            else:
                ending = ".nii" if n % 3 == 1 else ".nii.gz"
                path = write_nifti(tmp_path / f"{n}_{kind}{ending}", voxels, orientation)
            rows.append(path.name)
    table = write_manifest(
        tmp_path, [f"c{n},c{n},made,T2,{FULL},{i},{m}," for n, (i, m) in _pairs(rows)]
    )
    found = contents_of(discover_cases(table), images=True)
    assert len(ORIENTATIONS) == 48
    assert len(found) == 2 * 48
    assert len({content.digest for content in found if content.kind == "image"}) == 1
    assert len({content.digest for content in found if content.kind == "mask"}) == 1


def _pairs(names: list[str]) -> list[tuple[int, tuple[str, str]]]:
    return list(enumerate(zip(names[::2], names[1::2], strict=True)))


def test_every_voxel_and_the_shape_count() -> None:
    volume = torch.arange(24, dtype=torch.float32).reshape(1, 2, 3, 4)
    digests = {digest_voxels(volume), digest_voxels(volume.reshape(1, 4, 3, 2))}
    for place in range(24):
        other = volume.clone()
        other.view(-1)[place] += 0.5
        digests.add(digest_voxels(other))
    assert len(digests) == 26


@pytest.mark.parametrize("shape", [(2, 3, 4), (3, 3, 3), (1, 4, 4)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8])
def test_turned_digest_is_that_of_the_48_orientations_alone(
    shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    random = torch.Generator().manual_seed(3)
    # few values: profiles tie, as those of masks may
    volume = torch.randint(-1 if dtype.is_signed else 0, 2, shape, generator=random).to(dtype)
    turned = {
        digest_turned(volume.flip(axes).permute(order)[None])
        for order in itertools.permutations(range(3))
        for count in range(4)
        for axes in itertools.combinations(range(3), count)
    }
    assert len(turned) == 1
    for place in range(volume.numel()):
        other = volume.clone()
        other.view(-1)[place] += 5
        assert digest_turned(other) not in turned


def test_header_with_another_sign_of_an_axis_hides_nothing(tmp_path: Path) -> None:
    table = write_patients(tmp_path, {"home": 2})
    voxels, codes = intensities(seed=5), parts_codes(5)
    for name, flip in (("home0", False), ("home1", True)):
        # flipped voxels under the same header are the same voxels under a flipped one
        write_nifti(tmp_path / f"{name}_image.nii.gz", voxels[::-1] if flip else voxels)
        write_nifti(tmp_path / f"{name}_label.nii.gz", codes[::-1] if flip else codes)
    one, other = (contents_of([case], images=True) for case in discover_cases(table))
    assert len(find_leaks(one, other)) == 2


def test_other_words_for_what_is_annotated_hide_nothing(tmp_path: Path) -> None:
    table = write_patients(tmp_path, {"home": 2})
    shutil.copy(tmp_path / "home0_label.nii.gz", tmp_path / "home1_label.nii.gz")
    lines = table.read_text().splitlines()
    lines[2] = lines[2].replace("body disc canal posterior", "vertebra disc canal")
    table.write_text("\n".join(lines) + "\n")
    first, second = discover_cases(table)
    assert first.annotated != second.annotated
    one, other = contents_of([first], images=False), contents_of([second], images=False)
    assert find_leaks(one, other) == ["the mask of home1 is that of home0 in the training"]


def test_contents_of_older_checkpoints_are_still_found(tmp_path: Path) -> None:
    cases = discover_cases(write_patients(tmp_path, {"home": 2}))
    image = cases[0].image
    assert image is not None
    old = parse_contents([f"{digest_image(image).plain} image x"])
    assert find_learnt(old, cases) == ["the image of home0 is that of x in the training"]


def test_one_voxel_makes_another_content_and_an_empty_mask_none(tmp_path: Path) -> None:
    cases = discover_cases(write_patients(tmp_path, {"home": 3}))
    write_nifti(tmp_path / "home1_label.nii.gz", parts_codes() * 0)
    contents = contents_of(cases, images=False)
    assert [content.case_id for content in contents] == ["home0", "home2"]
    assert contents[0].digest != contents[1].digest


@pytest.mark.parametrize("kind", ["image", "mask"])
def test_experiment_refuses_content_that_trains_and_tests(tmp_path: Path, kind: str) -> None:
    table = twins(tmp_path, "image" if kind == "image" else "label")
    with pytest.raises(InputError, match=rf"E-SPLIT-002.*the {kind} of away0 is that of home\d"):
        read_split(parse_config(tiny("B")), table)


@pytest.fixture
def never_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every training and scoring fail the test."""

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("it was begun")

    monkeypatch.setattr(cross_validation, "run_experiment", fail)
    monkeypatch.setattr(study, "run_experiment", fail)
    monkeypatch.setattr(finetune, "_score_start", fail)


@pytest.mark.usefixtures("never_trained")
def test_no_fold_is_trained_if_one_leaks(tmp_path: Path) -> None:
    table = twins(tmp_path, "label")
    data = {"train_sources": ["home"], "val_patients": 1}
    configs = configs_of_folds(parse_config(tiny("A", data=data)), 3)
    with pytest.raises(InputError, match=r"E-SPLIT-002"):
        run_folds(configs, data=table, folder=tmp_path / "run", command="test")


@pytest.mark.usefixtures("never_trained")
def test_no_arm_is_trained_if_a_later_one_leaks(tmp_path: Path) -> None:
    table = twins(tmp_path, "image")
    arms = {"first": parse_config(tiny("A")), "second": parse_config(tiny("B"))}
    asked = study.Study(name="s", description="", reference="first", arms=arms)
    with pytest.raises(InputError, match=r"E-SPLIT-002.*the image of away0"):
        study.run_study(asked, data=table, folder=tmp_path / "run", command="test")


@pytest.mark.usefixtures("never_trained")
def test_no_point_of_a_curve_is_trained_if_the_split_leaks(tmp_path: Path) -> None:
    table = twins(tmp_path, "image")
    start = write_checkpoint(tmp_path / "m.pt", seen_patients=("x",))
    with pytest.raises(InputError, match=r"E-SPLIT-002.*the image of away0"):
        finetune.run_finetune(
            parse_config(tiny("B")), start, data=table, folder=tmp_path / "run", counts=[1],
            scratch=False, command="test",
        )  # fmt: skip
    assert not (tmp_path / "run").exists()


def test_model_of_label_maps_alone_has_not_seen_an_image(tmp_path: Path) -> None:
    table = twins(tmp_path, "image")
    split = read_split(parse_config(tiny("A")), table)
    kinds = {content.kind for content in contents_behind(parse_config(tiny("A")), "A", split.train)}
    assert kinds == {"mask"}


def test_checkpoint_names_what_trained_and_validated(tmp_path: Path) -> None:
    table = write_patients(tmp_path, {"home": 3})
    config = parse_config(tiny("B"))
    train_models(config, data=table, folder=tmp_path / "run", command="test")
    saved = load_checkpoint(tmp_path / "run" / "models" / "model_B_best.pt")
    split = read_split(config, table)
    seen = {case.case_id for case in (*split.train, *split.validation)}
    found = {(content.kind, content.case_id) for content in parse_contents(saved.seen_content)}
    assert found == {(kind, name) for kind in ("image", "mask") for name in seen}


def seen_by_checkpoint(root: Path, *kinds: str) -> tuple[Path, Path]:
    """Write two patients and a checkpoint that saw the first under another name."""
    table = write_patients(root, {"home": 2})
    lines = [
        content._replace(case_id="elsewhere").as_text()
        for content in contents_of(discover_cases(table)[:1], images=True)
        if content.kind in kinds
    ]
    path = root / "m.pt"
    return table, write_checkpoint(path, seen_patients=("x",), seen_content=tuple(lines))


def score(table: Path, checkpoint: Path, *, include_seen: bool = False) -> Path:
    folder = table.parent / "out"
    run_robustness(
        [checkpoint], data=table, folder=folder, command="test", factors=(1.0,),
        include_seen=include_seen,
    )  # fmt: skip
    return folder


def test_evaluation_refuses_content_that_the_checkpoint_saw(tmp_path: Path) -> None:
    table, checkpoint = seen_by_checkpoint(tmp_path, "image", "mask")
    said = "the image of home0 is that of elsewhere.*the mask of home0 is that of elsewhere"
    with pytest.raises(InputError, match=rf"E-SPLIT-002.*{said}"):
        score(table, checkpoint)
    assert not (tmp_path / "out").exists()


def test_suite_refuses_content_that_one_of_its_models_saw(tmp_path: Path) -> None:
    table, checkpoint = seen_by_checkpoint(tmp_path, "mask")
    with pytest.raises(InputError, match=r"E-SPLIT-002.*the mask of home0 .*the training of A"):
        run_suite({"tiny": [checkpoint]}, data=table, folder=tmp_path / "out", command="test")
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("no_report")
def test_evaluation_scores_seen_content_only_if_asked(tmp_path: Path) -> None:
    table, checkpoint = seen_by_checkpoint(tmp_path, "mask")
    assert (score(table, checkpoint, include_seen=True) / "tables" / "metrics.csv").is_file()


def test_start_that_saw_content_of_the_test_is_refused(tmp_path: Path) -> None:
    table, checkpoint = seen_by_checkpoint(tmp_path, "mask")
    training = tiny("B")["training"]
    assert isinstance(training, dict)
    config = parse_config(tiny("B", training=training | {"start_from": str(checkpoint)}))
    with pytest.raises(InputError, match=r"E-SPLIT-002.*the mask of home0 .*m\.pt"):
        refuse_tested(config, discover_cases(table))


def test_content_is_read_again_where_the_file_has_changed(tmp_path: Path) -> None:
    cases = discover_cases(write_patients(tmp_path, {"home": 2}))
    before = contents_of(cases[:1], images=True)
    shutil.copy(tmp_path / "home1_image.nii.gz", tmp_path / "home0_image.nii.gz")
    after = contents_of(cases[:1], images=True)
    assert [a.digest != b.digest for a, b in zip(before, after, strict=True)] == [True, False]


@pytest.mark.parametrize(
    ("source", "seen"),
    # cases of one id: of this source, of it in capitals, of none known, of another
    [("one", True), ("ONE", True), ("", True), ("two", False)],
)
def test_patients_of_one_id_in_two_sources_are_two(
    tmp_path: Path, source: str, *, seen: bool
) -> None:
    cases = discover_cases(write_patients(tmp_path, {"one": 2}))
    found = ["patient one1 (one1) is in the training"] if seen else []
    assert find_seen_patients([(source, "one1"), (source, "nobody")], cases) == found
