"""Thick slices: the layers that are cut, and the mean of them that is painted."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from monai.data.meta_tensor import MetaTensor

from spinesynth.transforms import RandSagittalSlab, RandSagittalSlabd, RandSynthesizeMRId

_PLAIN_STAGES = (
    "RandSurfaceCoil",
    "RandBiasGain",
    "RandKSpaceMotion",
    "RandAcquiredResolution",
    "RandMagnitudeNoise",
    "RandGammaCurve",
)


def _volume() -> torch.Tensor:
    """Nine layers, each of the code of its index."""
    return torch.arange(9, dtype=torch.uint8)[None, :, None, None].expand(1, 9, 4, 5).clone()


@pytest.mark.parametrize(
    ("thickness_mm", "step_mm", "layers"),
    [(0.0, 1.0, 1), (1.9, 1.0, 1), (2.1, 1.0, 3), (3.0, 1.0, 3), (4.0, 2.0, 1), (4.4, 0.9, 5)],
)
def test_layers_are_the_odd_number_nearest_to_the_thickness(
    thickness_mm: float, step_mm: float, layers: int
) -> None:
    slab = RandSagittalSlab((thickness_mm, thickness_mm), most_layers=9, spacing_mm=step_mm)

    for seed in range(6):
        assert slab.set_random_state(seed)(_volume()).shape == (1, layers, 4, 5)


def test_layers_lie_around_the_drawn_one_and_end_with_the_volume() -> None:
    slab = RandSagittalSlab((5.0, 5.0), most_layers=5, any_slice_prob=1.0)
    first_layers = set()

    for seed in range(60):
        codes = slab.set_random_state(seed)(_volume())[0, :, 0, 0].tolist()
        record: Any = slab.record
        wanted = [min(max(record.index + k, 0), 8) for k in range(-2, 3)]
        assert codes == wanted
        first_layers.add(record.index)
    assert first_layers == set(range(9))


def test_affine_begins_at_the_first_layer() -> None:
    affine = torch.diag(torch.tensor([2.0, 1.0, 1.0, 1.0], dtype=torch.float64))
    affine[0, 3] = 10.0
    slab = RandSagittalSlab((6.0, 6.0), any_slice_prob=1.0).set_random_state(3)

    cut = slab(MetaTensor(_volume(), affine=affine))

    record: Any = slab.record
    assert isinstance(cut, MetaTensor)
    assert float(cut.affine[0, 3]) == 10.0 + 2.0 * (record.index - 1)  # three layers of 2 mm


@pytest.mark.parametrize(("thickness_mm", "stride"), [(3.0, 1), (5.0, 2), (7.0, 2), (9.0, 3)])
def test_a_thicker_slice_is_represented_by_layers_evenly_spread(
    thickness_mm: float, stride: int
) -> None:
    slab = RandSagittalSlab((thickness_mm, thickness_mm), any_slice_prob=1.0)
    volume = MetaTensor(_volume(), affine=torch.eye(4, dtype=torch.float64))
    for seed in range(20):
        cut = slab.set_random_state(seed)(volume)
        record: Any = slab.record
        wanted = [min(max(record.index + k * stride, 0), 8) for k in (-1, 0, 1)]
        assert cut[0, :, 0, 0].tolist() == wanted
        assert isinstance(cut, MetaTensor)
        assert float(cut.pixdim[0]) == stride
        assert float(cut.affine[0, 3]) == record.index - stride


@pytest.mark.parametrize(
    ("thickness_mm", "step_mm", "layers", "apart"),
    [
        (0.0, 1.0, 1, 2),  # the least distance
        (3.0, 1.0, 3, 3),  # the slices adjoin
        (4.4, 0.9, 3, 5),  # five layers thick, of which three are kept
        (0.0, 4.0, 1, 1),  # the neighbours of a thick volume
    ],
)
def test_neighbouring_slices_adjoin_and_are_no_closer_than_allowed(
    thickness_mm: float, step_mm: float, layers: int, apart: int
) -> None:
    slab = RandSagittalSlab(
        (thickness_mm, thickness_mm),
        slices=3,
        gap=(0.0, 0.0),
        least_distance_mm=2.0,
        any_slice_prob=1.0,
        spacing_mm=step_mm,
    )
    for seed in range(20):
        cut = slab.set_random_state(seed)(_volume())[0, :, 0, 0].view(3, layers)
        record: Any = slab.record
        wanted = [min(max(record.index + k * apart, 0), 8) for k in (-1, 0, 1)]
        assert cut[:, layers // 2].tolist() == wanted


def test_a_gap_parts_the_neighbours_by_so_much_of_the_thickness() -> None:
    slab = RandSagittalSlab((4.0, 4.0), slices=3, gap=(0.25, 0.25)).set_random_state(0)
    slab(_volume())
    record: Any = slab.record
    assert record.apart == 5  # 4 mm and a quarter of it, in layers of 1 mm


def test_affine_of_several_slices_begins_at_the_first_layer_of_the_first() -> None:
    affine = torch.diag(torch.tensor([2.0, 1.0, 1.0, 1.0], dtype=torch.float64))
    slab = RandSagittalSlab((6.0, 6.0), slices=3, gap=(0.0, 0.0), any_slice_prob=1.0)
    cut = slab.set_random_state(3)(MetaTensor(_volume(), affine=affine))
    record: Any = slab.record
    assert isinstance(cut, MetaTensor)
    assert float(cut.affine[0, 3]) == 2.0 * (record.index - 3 - 1)  # one slice, one layer before


@pytest.mark.parametrize(("power", "share"), [(0.0, 1 / 2), (0.5, 3 / 4), (1.0, 9 / 10)])
def test_layers_are_drawn_by_their_labelled_area(power: float, share: float) -> None:
    """Layer 2 holds nine times the label of layer 6; the rest is empty."""
    volume = torch.zeros(1, 9, 4, 5, dtype=torch.uint8)
    volume[0, 2, :3, :3] = 1
    volume[0, 6, 0, 0] = 1
    slab = RandSagittalSlab((0.0, 0.0), any_slice_prob=0.0, area_power=power).set_random_state(0)
    drawn = []
    for _ in range(2000):
        slab(volume)
        record: Any = slab.record
        drawn.append(record.index)
    assert set(drawn) == {2, 6}
    # four standard errors of a share of 2000 draws
    assert drawn.count(2) / 2000 == pytest.approx(
        share, abs=4 * (share * (1 - share) / 2000) ** 0.5
    )


def test_layers_of_an_ignored_code_alone_are_not_looked_for() -> None:
    volume = torch.zeros(1, 9, 4, 5, dtype=torch.uint8)
    volume[0, 2] = 9
    volume[0, 6, 0, 0] = 1
    before = volume.clone()
    for power in (0.0, 1.0):
        slab = RandSagittalSlab(
            (0.0, 0.0), any_slice_prob=0.0, area_power=power, ignored_codes=(9,)
        ).set_random_state(0)
        for _ in range(20):
            slab(volume)
            record: Any = slab.record
            assert record.index == 6
    assert torch.equal(volume, before)


def test_keys_are_cut_alike() -> None:
    cut = RandSagittalSlabd(("a", "b"), thickness_mm=(3.0, 3.0), any_slice_prob=1.0)
    data = cut.set_random_state(1)({"a": _volume(), "b": _volume() * 2})

    assert torch.equal(data["a"] * 2, data["b"])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"thickness_mm": (-1.0, 2.0)}, "thickness_mm must be"),
        ({"most_layers": 4}, "most_layers must be an odd number >= 1, got 4"),
        ({"most_layers": 3.0}, "most_layers must be an odd number >= 1, got 3.0"),
        ({"slices": 2}, "slices must be an odd number >= 1, got 2"),
        ({"gap": (0.5, 0.1)}, "gap must be an ordered pair"),
        ({"least_distance_mm": -1.0}, r"least_distance_mm must be in \[0, 50\], got -1"),
        ({"any_slice_prob": 1.5}, r"any_slice_prob must be in \[0, 1\], got 1.5"),
        ({"area_power": 2.0}, r"area_power must be in \[0, 1\], got 2.0"),
        ({"spacing_mm": 0.0}, "spacing_mm must be finite and > 0, got 0"),
        ({"prob": 0.5}, "prob must be 1"),
    ],
)
def test_impossible_parameters_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RandSagittalSlab(**parameters)


def _thick(
    layers: list[int],
    *,
    slices: int = 1,
    **overrides: Any,  # noqa: ANN401  # parameters of the contrast
) -> dict[Any, Any]:
    """Synthesise a slice over layers of one tissue each, without anything random in space."""
    still = {"rotation_deg": 0, "scale": 0, "shear": 0, "elastic_mm": (0, 0), "margin": 0}
    paint = {"spread": (0, 0), "texture": (0, 0), "twins": False, **overrides}
    codes = torch.tensor(layers, dtype=torch.uint8)[None, :, None, None].expand(-1, -1, 8, 8)
    synthesise = RandSynthesizeMRId(
        "label",
        slices=slices,
        patch_size=(8, 8),
        without=(*_PLAIN_STAGES, "PercentileNormalise"),
        overrides={"RandDeformPatch": still, "RandTissueContrast": paint},
    ).set_random_state(5)
    return synthesise({"label": codes.clone(), "tissue": codes.clone()})


def test_a_thick_slice_is_the_mean_of_its_layers_and_has_the_label_of_the_middle() -> None:
    alone = {code: _thick([code])["image"] for code in (2, 9)}

    thick = _thick([2, 9, 9])

    assert thick["image"].shape == (1, 8, 8)
    torch.testing.assert_close(thick["image"], (alone[2] + 2 * alone[9]) / 3)
    assert thick["label"].shape == (1, 8, 8)
    assert set(thick["label"].flatten().tolist()) == {9}
    assert thick["tissue"].shape == (1, 8, 8)  # of the middle layer, as the label


def test_equal_layers_give_the_thin_slice_noise_included() -> None:
    noise: dict[str, Any] = {"spread": (0.05, 0.05), "texture": (0.1, 0.1)}

    thin, thick = _thick([9], **noise)["image"], _thick([9, 9, 9], **noise)["image"]

    torch.testing.assert_close(thick, thin, rtol=1e-6, atol=1e-6)  # a mean of three floats


def test_neighbouring_slices_are_the_channels_each_the_mean_of_its_layers() -> None:
    slices = [[2, 9, 9], [9, 9, 2], [1, 13, 2]]

    both = _thick([code for layers in slices for code in layers], slices=3)

    assert both["image"].shape == (3, 8, 8)
    for channel, layers in zip(both["image"], slices, strict=True):
        torch.testing.assert_close(channel[None], _thick(layers)["image"])
    assert set(both["label"].flatten().tolist()) == {9}  # of the middle layer of the middle slice


def test_slices_have_noise_of_their_own_and_the_middle_one_that_of_a_single_slice() -> None:
    noise: dict[str, Any] = {"spread": (0.05, 0.05), "texture": (0.1, 0.1)}

    before, middle, after = _thick([9, 9, 9], slices=3, **noise)["image"]

    torch.testing.assert_close(middle[None], _thick([9], **noise)["image"])
    pairs = torch.corrcoef(torch.stack([x.flatten() for x in (before, middle, after)]))
    # 64 pixels with smooth texture among them: chance alone stays well below 0.8, equal noise is 1
    assert pairs.triu(1).max() < 0.8


def test_layers_that_do_not_make_up_the_slices_are_refused() -> None:
    with pytest.raises(ValueError, match="must hold the layers of 3 slices, as many of each"):
        _thick([2, 9, 9, 2, 2], slices=3)
    chain = RandSynthesizeMRId("label", slices=3, patch_size=(8, 8))
    flat = torch.zeros(1, 8, 8, dtype=torch.uint8)
    with pytest.raises(ValueError, match="must hold the layers of 3 slices, got shape"):
        chain({"label": flat, "tissue": flat})


def test_record_of_a_thick_slice_replays_it() -> None:
    chain = RandSynthesizeMRId("label", patch_size=(12, 12)).set_random_state(2)
    codes = torch.randint(19, (1, 3, 16, 16), generator=torch.Generator().manual_seed(0))
    data: dict[Any, Any] = {"label": codes.to(torch.uint8), "tissue": codes.to(torch.uint8)}

    first = chain(dict(data))

    assert torch.equal(chain.replay(dict(data), first["image_record"])["image"], first["image"])


@pytest.mark.parametrize("layers", [2, 53])
def test_volumes_are_not_taken_for_a_thick_slice(layers: int) -> None:
    with pytest.raises(ValueError, match=r"odd number of layers .* cut volumes by"):
        _thick([9] * layers)
