"""The fused chain: the same as its stages one by one, replayed bit for bit."""

from __future__ import annotations

import json
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.data.dataloader import DataLoader
from monai.data.dataset import Dataset
from monai.data.meta_tensor import MetaTensor
from monai.transforms.compose import Compose
from torch import Tensor

from spinesynth.anatomy.tissues import Tissue
from spinesynth.seeding import derive_seed32
from spinesynth.transforms import (
    RandChemicalShift,
    RandChemicalShiftd,
    RandSynthesizeMRI,
    RandSynthesizeMRId,
    list_recipes,
)
from spinesynth.transforms.spatial import RandomSpatial
from spinesynth.transforms.synthesize_mri import SynthesisRecord
from spinesynth.transforms.tissue_painter import TissuePainter
from tests.transforms.contract_case import make_structure, make_tissue

SIZES = [((40, 44), (24, 28)), ((8, 40, 44), (4, 24, 28))]
every_recipe = pytest.mark.parametrize(
    ("recipe", "size", "patch"),
    [(r, *s) for r in list_recipes() for s in SIZES if r != "thesis_synthseg" or s == SIZES[1]],
)


def blocks(size: tuple[int, ...]) -> Tensor:
    """Draw a tissue map of blocks, so that borders are few."""
    index = [torch.arange(n) // 6 for n in size[-2:]]
    codes = (index[0][:, None] * 3 + index[1][None]) % len(Tissue)
    return codes.expand(1, *size).contiguous().to(torch.uint8)


@every_recipe
def test_chain_of_the_stages_gives_what_the_fused_form_gives(
    recipe: str, size: tuple[int, ...], patch: tuple[int, ...]
) -> None:
    tissue = blocks(size)
    for seed in range(6):
        fused = RandSynthesizeMRI(recipe, patch_size=patch).set_random_state(seed)
        wanted = fused(tissue)
        assert isinstance(fused.record, SynthesisRecord)
        sample: dict[Hashable, Any] = {"tissue": tissue}
        for stage in RandSynthesizeMRI(recipe, patch_size=patch).stages:
            name = type(stage).__name__
            if hasattr(stage, "set_random_state"):
                stage.set_random_state(derive_seed32(fused.record.seed, name))
            if isinstance(stage, RandomSpatial):
                sample["tissue"] = stage(sample["tissue"])
            elif isinstance(stage, TissuePainter):
                sample["image"] = stage(sample["tissue"])
            elif name == "RandChemicalShift":
                form = RandChemicalShiftd("image", tissue_key="tissue")
                assert isinstance(stage, RandChemicalShift)
                form.transform = stage
                sample = form(sample)
            else:
                sample["image"] = stage(sample["image"])
        assert torch.equal(sample["image"], wanted)


@every_recipe
def test_replay_gives_the_sample_bit_for_bit(
    recipe: str, size: tuple[int, ...], patch: tuple[int, ...]
) -> None:
    data: dict[Hashable, Any] = {"tissue": blocks(size), "label": make_tissue(*size).long()}
    made = RandSynthesizeMRId("label", recipe=recipe, patch_size=patch).set_random_state(3)
    for _ in range(3):
        sample = made(data)
        record = sample["image_record"]
        fresh = RandSynthesizeMRId("label", recipe=recipe, patch_size=patch)
        again = fresh.replay(data, record)
        assert all(torch.equal(sample[key], again[key]) for key in ("image", "tissue", "label"))
        assert again["image_record"] == record


def test_switching_a_stage_off_leaves_the_other_draws_as_they_were() -> None:
    tissue = blocks((40, 44))
    whole = RandSynthesizeMRI("full", patch_size=(24, 28)).set_random_state(1)
    without = RandSynthesizeMRI(
        "full", patch_size=(24, 28), without=("RandBiasGain",)
    ).set_random_state(1)
    whole(tissue)
    without(tissue)
    assert isinstance(whole.record, SynthesisRecord)
    assert isinstance(without.record, SynthesisRecord)
    kept = {name: fields for name, fields in whole.record.stages.items() if name != "RandBiasGain"}
    assert without.record.stages == kept
    with pytest.raises(ValueError, match="without must name stages of"):
        RandSynthesizeMRI("full", patch_size=(24, 28), without=("RandNoise",))


def test_label_maps_go_with_the_tissue_map_and_keep_their_codes() -> None:
    tissue = blocks((40, 44))
    far = torch.tensor([0, 7, 90, 201])[tissue.long() % 4]
    made = RandSynthesizeMRId("label", recipe="full", patch_size=(24, 28)).set_random_state(0)
    sample = made({"tissue": tissue, "label": far})
    assert sample["label"].dtype == torch.int64
    assert torch.equal(sample["label"], torch.tensor([0, 7, 90, 201])[sample["tissue"].long() % 4])
    with pytest.raises(ValueError, match="must share one grid"):
        made({"tissue": tissue, "label": far[:, :20]})


def test_voxel_size_comes_from_the_affine_and_goes_into_it() -> None:
    affine = torch.diag(torch.tensor([2.0, 0.5, 1.0], dtype=torch.float64))
    tissue = MetaTensor(make_structure(60, 80), affine=affine)
    made = RandSynthesizeMRI("lumbar", patch_size=(16, 20), spacing_mm=0.8).set_random_state(0)
    image = made(tissue)
    assert isinstance(image, MetaTensor)
    torch.testing.assert_close(image.pixdim, torch.tensor([0.8, 0.8], dtype=torch.float64))
    assert isinstance(made.record, SynthesisRecord)
    fields = made.record.stages["RandDeformPatch"]
    assert fields is not None
    assert list(fields["spacing_in_mm"]) == [2.0, 0.5]


@pytest.mark.parametrize("threads", [1, 2])
def test_number_of_threads_changes_nothing(threads: int) -> None:
    before = torch.get_num_threads()
    tissue = blocks((8, 80, 88))
    images = []
    try:
        for number in (threads, 1):
            torch.set_num_threads(number)
            made = RandSynthesizeMRI("full", patch_size=(4, 64, 72)).set_random_state(2)
            images.append(made(tissue))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*images)


def test_sides_are_exchanged_in_label_maps_and_not_in_the_tissue_map() -> None:
    tissue = blocks((8, 40, 44))
    sided = torch.where(torch.arange(8)[:, None, None] < 4, 1, 2).expand(1, 8, 40, 44)
    still = {"rotation_deg": 0, "scale": 0, "shear": 0, "elastic_mm": [0, 0], "margin": 0}
    flip = {"probs": [1, 0, 0], "swap": [[1, 2]]}
    made = RandSynthesizeMRId(
        "label",
        recipe="synthseg",
        patch_size=(8, 40, 44),
        overrides={"RandDeformPatch": still, "RandSideFlip": flip},
    ).set_random_state(0)
    sample = made({"tissue": tissue, "label": sided})
    assert torch.equal(sample["tissue"], tissue.flip(1))
    assert torch.equal(sample["label"], sided)  # turned over and renamed


@pytest.mark.parametrize(
    "dtype", [torch.uint8, torch.int16, torch.int32, torch.int64, torch.float32, torch.float64]
)
def test_maps_of_any_dtype_give_one_image_and_are_left_alone(dtype: torch.dtype) -> None:
    tissue = blocks((40, 44))
    overrides = {"RandContrast": {"spread": (0.1, 0.1)}, "RandChemicalShift": {"prob": 1.0}}
    images = []
    for kind in (torch.uint8, dtype):
        given: dict[Hashable, Any] = {"tissue": tissue.to(kind), "label": tissue.to(kind)}
        made = RandSynthesizeMRId(
            "label", recipe="full", patch_size=(24, 28), overrides=overrides
        ).set_random_state(4)
        sample = made(given)
        images.append(sample["image"])
        assert torch.equal(given["tissue"], tissue.to(kind))
        assert sample["tissue"].dtype == sample["label"].dtype == kind
        assert set(sample["label"].flatten().tolist()) <= set(tissue.flatten().tolist())
    assert torch.equal(*images)


def test_fractions_in_a_map_are_refused() -> None:
    made = RandSynthesizeMRId("label", recipe="lumbar", patch_size=(24, 28))
    maps: dict[Hashable, Any] = {"tissue": blocks((40, 44)), "label": blocks((40, 44)) + 0.5}
    with pytest.raises(ValueError, match="label must hold whole numbers"):
        made(maps)


def test_map_of_two_channels_is_refused() -> None:
    made = RandSynthesizeMRId("label", recipe="lumbar", patch_size=(24, 28))
    maps: dict[Hashable, Any] = {
        "tissue": blocks((40, 44)).repeat(2, 1, 1),
        "label": blocks((40, 44)).repeat(2, 1, 1),
    }
    with pytest.raises(ValueError, match="have one channel"):
        made(maps)


def test_fat_is_that_of_the_tissues_whatever_their_codes() -> None:
    tissue = blocks((40, 44))
    far = (tissue.long() * 6 + 100).to(torch.int64)
    images = []
    for codes, labels in ((tissue, None), (far, {6 * t + 100: t.name.lower() for t in Tissue})):
        overrides: dict[str, Any] = {
            "RandContrast": {"labels": labels},
            "RandChemicalShift": {"prob": 1.0},
        }
        made = RandSynthesizeMRI("full", patch_size=(24, 28), overrides=overrides).set_random_state(
            1
        )
        made.stages[0].fill = 100 if labels else 0  # type: ignore[attr-defined]  # of the deformation
        images.append(made(codes))
    assert torch.equal(*images)


def test_slices_are_drawn_where_labels_are(tmp_path: Path) -> None:
    path = tmp_path / "oblique.yaml"
    path.write_text(
        "description: d\nsource: s\nstages:\n  - RandObliqueSlice: {any_slice_prob: 0}\n"
        "  - RandTissueContrast\n"
    )
    label = torch.zeros(1, 20, 40, 44, dtype=torch.uint8)
    label[:, 9:11] = 1
    made = RandSynthesizeMRId("label", recipe=path, patch_size=(24, 28)).set_random_state(0)
    for _ in range(20):
        made({"tissue": blocks((20, 40, 44)), "label": label})
        assert isinstance(made.record, SynthesisRecord)
        fields = made.record.stages["RandObliqueSlice"]
        assert fields is not None
        assert 8.5 <= fields["centre_vox"][0] <= 10.5


def test_slice_is_cut_before_it_is_deformed(tmp_path: Path) -> None:
    path = tmp_path / "sagittal.yaml"
    path.write_text(
        "description: d\nsource: s\nstages:\n  - RandSagittalSlice\n  - RandDeformPatch\n"
        "  - RandTissueContrast\n"
    )
    affine = torch.diag(torch.tensor([4.0, 2.0, 0.5, 1.0], dtype=torch.float64))
    tissue = MetaTensor(blocks((6, 40, 44)), affine=affine)
    made = RandSynthesizeMRI(path, patch_size=(24, 28)).set_random_state(0)
    image = made(tissue)
    assert isinstance(image, MetaTensor)
    assert image.affine.shape == (3, 3)
    assert isinstance(made.record, SynthesisRecord)
    fields = made.record.stages["RandDeformPatch"]
    assert fields is not None
    assert list(fields["spacing_in_mm"]) == [2.0, 0.5]
    fresh = RandSynthesizeMRI(path, patch_size=(24, 28))
    again = fresh.replay(tissue, made.record.to_dict())
    assert torch.equal(again, image)
    assert torch.equal(again.affine, image.affine)  # type: ignore[attr-defined]  # a MetaTensor too


def test_record_of_another_chain_is_refused() -> None:
    tissue = blocks((40, 44))
    drawn = RandSynthesizeMRI("lumbar", patch_size=(24, 28)).set_random_state(0)
    drawn(tissue)
    assert drawn.record is not None
    with pytest.raises(ValueError, match="record must hold the stages of recipe full"):
        RandSynthesizeMRI("full", patch_size=(24, 28)).replay(tissue, drawn.record.to_dict())


def test_samples_with_their_records_can_be_collated() -> None:
    chain = Compose([RandSynthesizeMRId("label", recipe="full", patch_size=(24, 28))])
    chain.set_random_state(0)
    data = [{"tissue": blocks((40, 44)), "label": blocks((40, 44))} for _ in range(4)]
    for batch in DataLoader(Dataset(data, chain), batch_size=2):
        assert batch["image"].shape == (2, 1, 24, 28)
        assert [json.loads(text)["recipe"] for text in batch["image_record"]] == ["full"] * 2


def test_missing_tissue_map_says_what_makes_one() -> None:
    made = RandSynthesizeMRId("label", recipe="full", patch_size=(24, 28))
    with pytest.raises(KeyError, match="put RandFillContextd before"):
        made({"label": blocks((40, 44))})


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"patch_size": 24}, "one size for each axis"),
        ({"without": "RandBiasGain"}, "list of names"),
    ],
)
def test_arguments_of_the_wrong_kind_are_refused(parameters: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        RandSynthesizeMRI("full", **{"patch_size": (24, 28), **parameters})
