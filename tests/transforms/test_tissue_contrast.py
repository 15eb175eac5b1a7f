"""Contrast beyond the named priors: a user's own, saturation, merging, splitting, mixed borders."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from spinesynth.anatomy.contrast_prior import ContrastPrior, TissuePrior, write_contrast_prior
from spinesynth.anatomy.tissues import Tissue
from spinesynth.errors import ConfigError
from spinesynth.kernels.partial_volume import blend_borders
from spinesynth.transforms.tissue_contrast import ContrastRecord, RandTissueContrast
from tests.transforms.contract_case import make_tissue

_FLAT: dict[str, Any] = {"spread": (0.0, 0.0), "texture": (0.0, 0.0)}
_NONE = torch.zeros(1, 4, 4, dtype=torch.uint8)


def _prior(**changes: Any) -> ContrastPrior:  # noqa: ANN401  # arguments of a prior
    ranges = {
        tissue: TissuePrior(mean=(0.04 * tissue, 0.04 * tissue + 0.02), spread=(0.01, 0.02))
        for tissue in Tissue
    }
    return ContrastPrior(**({"name": "mine", "tissues": ranges} | changes))


def _make(*, seed: int, **parameters: Any) -> RandTissueContrast:  # noqa: ANN401
    paint = RandTissueContrast(**parameters)
    paint.set_random_state(seed)
    return paint


def _paint(data: Tensor, **parameters: Any) -> tuple[Tensor, ContrastRecord]:  # noqa: ANN401
    """Paint once and return the image with its record."""
    paint = _make(seed=1, **parameters)
    image = paint(data)
    assert isinstance(paint.record, ContrastRecord)
    return image, paint.record


def _records(count: int = 50, **parameters: Any) -> list[ContrastRecord]:  # noqa: ANN401
    paint = _make(seed=3, **parameters)
    return [paint.draw(_NONE) for _ in range(count)]


def test_uniform_prior_is_drawn_within_its_ranges() -> None:
    for record in _records(contrast=_prior()):
        for tissue in Tissue:
            assert 0.04 * tissue <= record.means[tissue] <= 0.04 * tissue + 0.02
            assert 0.01 <= record.spreads[tissue] <= 0.02
        assert record.prior == "mine"


def test_normal_prior_has_its_mean_and_standard_deviation() -> None:
    prior = _prior(
        tissues={Tissue.CSF: TissuePrior(mean=(0.7, 0.05), spread=(0.04, 0.001))},
        distribution="normal",
        default="random",
    )
    records = _records(2000, contrast=prior)
    csf = torch.tensor([record.means[Tissue.CSF] for record in records])
    fat = torch.tensor([record.means[Tissue.FAT] for record in records])

    # five standard errors over 2000 draws
    assert float(csf.mean()) == pytest.approx(0.7, abs=5 * 0.05 / 2000**0.5)
    assert float(csf.std()) == pytest.approx(0.05, rel=5 / 4000**0.5)
    assert float(fat.std()) == pytest.approx(12**-0.5, rel=5 / 4000**0.5)


def test_normal_draws_are_never_negative() -> None:
    wide = dict.fromkeys(Tissue, TissuePrior(mean=(0.01, 1.0), spread=(0.01, 1.0)))

    records = _records(contrast=_prior(tissues=wide, distribution="normal"))

    assert min(min(*record.means, *record.spreads) for record in records) == 0


def test_groups_share_one_draw() -> None:
    shared = (Tissue.MARROW_BODY, Tissue.MARROW_POSTERIOR, Tissue.CSF)
    wide = dict.fromkeys(Tissue, TissuePrior(mean=(0.0, 1.0), spread=(0.0, 0.1)))

    for record in _records(contrast=_prior(tissues=wide, groups=(shared,))):
        assert len({(record.means[tissue], record.spreads[tissue]) for tissue in shared}) == 1
        assert len(set(record.means)) == len(Tissue) - 2


def test_path_of_a_prior_paints_as_the_prior_does(tmp_path: Path) -> None:
    write_contrast_prior(_prior(), tmp_path / "mine.yaml")
    data = make_tissue(20, 24)

    one, two, three = (
        _paint(data, contrast=contrast)[0]
        for contrast in (_prior(), tmp_path / "mine.yaml", str(tmp_path / "mine.yaml"))
    )

    assert torch.equal(one, two)
    assert torch.equal(one, three)


def test_path_that_leads_nowhere_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"no contrast prior at none\.yaml"):
        RandTissueContrast(Path("none.yaml"))


def test_prior_survives_tissues_that_are_absent() -> None:
    data = torch.tensor([int(Tissue.CSF), int(Tissue.FAT_EPIDURAL)] * 2000).reshape(1, 40, 100)

    image, _ = _paint(data, contrast=_prior(), texture=(0.0, 0.0))

    # the ranges are apart by ten times the largest spread; five standard errors of 0.02
    for tissue in (Tissue.CSF, Tissue.FAT_EPIDURAL):
        mean = float(image[data == tissue].mean())
        assert 0.04 * tissue - 0.0025 <= mean <= 0.04 * tissue + 0.0225


def test_map_with_codes_of_its_own_takes_the_means_of_its_tissues() -> None:
    labels: dict[int, Tissue | str] = {0: "air", 100: "csf"}
    labels |= dict.fromkeys(range(1, 10), Tissue.MARROW_BODY)
    labels |= dict.fromkeys(range(201, 210), "annulus")
    data = torch.tensor([[[0, 3, 100], [9, 201, 209]]], dtype=torch.uint8)

    image, record = _paint(data, contrast="random", labels=labels, twins=False, **_FLAT)

    means = record.means
    wanted = [means[t] for t in (Tissue.AIR, 9, Tissue.CSF, 9, Tissue.ANNULUS, Tissue.ANNULUS)]
    torch.testing.assert_close(image.flatten(), torch.tensor(wanted))


def test_code_without_a_tissue_is_named() -> None:
    data = torch.tensor([[[1, 76], [77, 2]]], dtype=torch.uint8)

    with pytest.raises(ValueError, match=r"codes \[76, 77\], which have no Gaussian"):
        RandTissueContrast()(data)
    with pytest.raises(ValueError, match=r"codes \[2, 77\], which have no Gaussian"):
        RandTissueContrast(labels={1: "fat", 76: "csf"})(data)


def test_clipped_saturates_the_brightest_tissue() -> None:
    paint = _make(seed=4, contrast="clipped", texture=(0.1, 0.1))
    for _ in range(20):
        image = paint(make_tissue(60, 76))
        record = paint.record
        assert isinstance(record, ContrastRecord)
        assert record.saturation is not None

        assert 0.5 <= record.saturation / max(record.means) <= 0.9
        assert float(image.max()) == pytest.approx(record.saturation)
        # of the brightest of all tissues most voxels are clipped
        assert float((image == image.max()).float().mean()) > 0.5 / len(Tissue)


def test_merged_tissues_share_mean_and_spread() -> None:
    counts = set()
    for record in _records(100, contrast="random", twins=False, merge_prob=1.0):
        members = [code for pair in record.merged for code in pair]
        counts.add(len(record.merged))
        assert len(set(members)) == len(members)
        assert int(Tissue.AIR) not in members
        for first, second in record.merged:
            assert record.means[first] == record.means[second]
            assert record.spreads[first] == record.spreads[second]
        assert len(set(record.means)) == len(Tissue) - len(record.merged)
    assert counts == {1, 2, 3}


@pytest.mark.parametrize(("name", "field"), [("merge_prob", "merged"), ("split_prob", "split")])
def test_probability_is_that_of_a_change(name: str, field: str) -> None:
    parameters: dict[str, Any] = {name: 0.3}

    share = sum(bool(getattr(r, field)) for r in _records(1000, **parameters)) / 1000

    # four standard errors of a share of 0.3 in 1000 draws
    assert share == pytest.approx(0.3, abs=0.058)


@pytest.mark.parametrize("contrast", ["random", "interpolated", "mixed", "clipped"])
def test_discs_and_marrow_differ_by_the_least_contrast(contrast: str) -> None:
    free = _records(200, contrast=contrast)
    held = _records(200, contrast=contrast, least_contrast=0.2)

    gaps = [r.means[Tissue.ANNULUS] - r.means[Tissue.MARROW_BODY] for r in held]
    assert min(abs(gap) for gap in gaps) >= 0.2 - 1e-9
    assert min(gaps) < 0 < max(gaps)  # darker and brighter discs remain
    for before, after in zip(free, held, strict=True):
        wide = abs(before.means[Tissue.ANNULUS] - before.means[Tissue.MARROW_BODY]) >= 0.2
        changed = {n for n in range(len(Tissue)) if before.means[n] != after.means[n]}
        assert changed == (set() if wide else {Tissue.ANNULUS})
        assert min(after.means) >= 0


@pytest.mark.parametrize("contrast", ["t1", "t2", "random"])
def test_metal_is_dark_and_never_merges_or_splits(contrast: str) -> None:
    for record in _records(contrast=contrast, merge_prob=1.0, split_prob=1.0):
        assert record.means[Tissue.METAL] <= 0.04
        assert int(Tissue.METAL) not in record.split


def test_split_tissue_has_two_smooth_parts() -> None:
    paint = _make(seed=1, contrast="random", twins=False, split_prob=1.0, **_FLAT)
    parted = 0
    for _ in range(10):
        record = paint.draw(_NONE)
        other = dict(zip(record.split, record.part_means, strict=True))
        for tissue in Tissue:
            image = paint.apply(torch.full((1, 96, 96), int(tissue)), record)
            means = [record.means[tissue], other.get(int(tissue), record.means[tissue])]
            found = set(image.flatten().tolist())

            assert found <= set(torch.tensor(means).tolist())
            parted += len(found) == 2
            # white noise would change the part at half of all steps
            assert float((image[:, 1:] != image[:, :-1]).float().mean()) < 0.2
    # a small map may lie in one part of a coarse field, as a rule it does not
    assert parted >= 10


def test_parts_follow_the_seed_of_the_record() -> None:
    paint, data = RandTissueContrast(), torch.full((1, 40, 40), 9)
    fields = _records(1, contrast="random", **_FLAT)[0].to_dict()
    fields |= {"split": (9,), "part_means": (2.0,), "part_scale_vox": 8.0}

    one, two = (paint.apply(data, ContrastRecord(**fields | {"seed": n})) for n in (1, 2))

    assert not torch.equal(one, two)


def test_splitting_leaves_the_noise_of_others_as_it_was() -> None:
    plain = _records(1, contrast="random")[0]
    fields = plain.to_dict() | {"split": (9,), "part_means": (0.5,), "part_scale_vox": 8.0}
    paint, data = RandTissueContrast(), make_tissue(40, 38)

    one, two = (paint.apply(data, record) for record in (plain, ContrastRecord(**fields)))

    assert torch.equal(one[data != 9], two[data != 9])
    assert not torch.equal(one, two)


def test_partial_volume_blurs_the_noiseless_image() -> None:
    data = make_tissue(20, 24)

    image, record = _paint(data, contrast="random", partial_volume_vox=(1.0, 2.0), **_FLAT)

    assert 1 <= record.partial_volume_vox <= 2
    means = torch.tensor(record.means)[data.long()]
    # sums of some forty weighted means below 1
    torch.testing.assert_close(
        image, blend_borders(means[None], record.partial_volume_vox)[0], rtol=0, atol=2e-6
    )


def test_what_is_off_draws_nothing() -> None:
    plain = _records(contrast="mixed")
    explicit = _records(
        contrast="mixed", merge_prob=0.0, split_prob=0.0, partial_volume_vox=(0.0, 0.0)
    )

    assert plain == explicit
    assert {(r.merged, r.split, r.partial_volume_vox, r.saturation) for r in plain} == {
        ((), (), 0.0, None)
    }


def test_record_of_all_changes_survives_json() -> None:
    parameters: dict[str, Any] = {"contrast": "clipped", "merge_prob": 1.0, "split_prob": 1.0}
    data = make_tissue(6, 20, 24)
    image, record = _paint(data, partial_volume_vox=(0.5, 1.0), **parameters)

    fields = json.loads(json.dumps(record.to_dict(), allow_nan=False))

    fresh = RandTissueContrast(**parameters)
    replayed = fresh.read_record(fields)
    assert isinstance(replayed, ContrastRecord)
    assert torch.equal(fresh.apply(data, replayed), image)


def test_record_written_before_the_changes_were_known_is_read() -> None:
    old = {"seed": 1, "prior": "t1", "alpha": 0.0, "texture": [0.0, 0.1, 0.0]}
    old |= {"means": [0.1] * len(Tissue), "spreads": [0.01] * len(Tissue)}

    record = RandTissueContrast().read_record(old)

    assert isinstance(record, ContrastRecord)
    assert bool(torch.isfinite(RandTissueContrast().apply(make_tissue(8, 9), record)).all())


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"least_contrast": 0.6}, r"least_contrast must be in \[0, 0.5\], got 0.6"),
        ({"contrast": "t3"}, "contrast must be one of .* got 't3'"),
        ({"contrast": None}, "contrast must be one of .* got None"),
        ({"merge_prob": 1.1}, r"merge_prob must be in \[0, 1\], got 1.1"),
        ({"merge_prob": math.nan}, r"merge_prob must be in \[0, 1\], got nan"),
        ({"split_prob": -0.1}, r"split_prob must be in \[0, 1\], got -0.1"),
        ({"partial_volume_vox": (2.0, 1.0)}, "partial_volume_vox must be an ordered pair"),
        ({"partial_volume_vox": (-1.0, 1.0)}, "partial_volume_vox must be an ordered pair"),
        ({"partial_volume_vox": (0.0, math.inf)}, "partial_volume_vox must be an ordered pair"),
        ({"spread": (0.0, math.nan)}, "spread must be an ordered pair"),
        ({"texture": (0.2, 0.1)}, "texture must be an ordered pair"),
        ({"labels": {1: "bone"}}, "labels must map integers to tissues of .*'air'.* got 1: 'bone'"),
        ({"labels": {"1": "fat"}}, "labels must map integers to tissues"),
        ({"labels": {256: "fat"}}, r"label codes must be in \[0, 255\]"),
    ],
)
def test_impossible_parameters_are_refused(parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        RandTissueContrast(**parameters)
